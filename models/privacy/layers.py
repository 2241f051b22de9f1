"""Which models may be trained privately, and by which engine.

What is known to compute every example from that example alone, by exact type, is clipped by book-keeping. Any
other layer is computed customer by customer in cells of their own (`vectorized_map`), where nothing of one
customer can reach another. What mixes the examples of a batch, or keeps running statistics of data, is refused.
"""

from __future__ import annotations

from typing import Any, Literal

import keras
from keras.src.models.functional import Functional  # Keras does not name them in public
from keras.src.ops.numpy import GetItem

from models.privacy.clipping import hub
from models.privacy.clipping.calls import recordable
from models.privacy.errors import PrivacyError

Engine = Literal["book-keeping", "vectorised"]

# Without variables; each computes an example's output from that example alone.
STATELESS: tuple[type, ...] = (
    keras.layers.InputLayer,
    keras.layers.Dropout,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.Softmax,
    keras.layers.Add,
    keras.layers.Subtract,
    keras.layers.Multiply,
    keras.layers.Average,
    keras.layers.Maximum,
    keras.layers.Minimum,
    keras.layers.Flatten,
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D,
    keras.layers.MaxPooling1D,
    keras.layers.MaxPooling2D,
    keras.layers.ZeroPadding1D,
    keras.layers.ZeroPadding2D,
    keras.layers.MultiHeadAttention,  # its matrices are EinsumDense layers of its own
)
# Along an axis of their own choice, which must not be that of the examples.
_ALONG_AN_AXIS: tuple[type, ...] = (keras.layers.Concatenate,)
# Statistics over a batch, kept from step to step: they join customers outside every bound.
_STATISTICS: tuple[type, ...] = (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)


def engine_for(model: Any) -> Engine:
    """The engine that clips this model's gradients; the first sight of anything unknown gives the general one.

    Raises PrivacyError naming the layer that keeps statistics of batches, and for a model that is not built or
    has nothing to train.
    """
    if not model.built or not model.trainable_variables:
        raise PrivacyError("the model has no variables to train; build it with an Input layer")
    layers = list(model._flatten_layers())
    for layer in layers:
        _refuse_statistics(layer)
        _refuse_precision(layer)
    known = all(_known(layer) for layer in layers) and _only_layers(model)
    covered = {id(v) for layer in layers if recordable(layer) for v in layer.trainable_variables}
    trained = {id(variable) for variable in model.trainable_variables}
    return "book-keeping" if known and trained <= covered else "vectorised"


def _refuse_statistics(layer: Any) -> None:
    kept = [
        v
        for v in layer._non_trainable_variables
        if "seed_generator_state" not in v.path and not _frozen(v, layer)
    ]
    if isinstance(layer, _STATISTICS) or (kept and not recordable(layer)):
        raise PrivacyError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which keeps statistics over batches and so mixes "
            "customers; use LayerNormalization or leave it out"
        )


def _refuse_precision(layer: Any) -> None:
    if layer.variable_dtype != "float32" or layer.compute_dtype not in ("float32", "bfloat16"):
        raise PrivacyError(
            f"layer {layer.name!r} computes in {layer.compute_dtype}; use float32 or mixed_bfloat16, whose slopes "
            "neither overflow nor vanish"
        )


def _frozen(variable: Any, layer: Any) -> bool:
    """A weight that was made to be trained and is not."""
    return not layer.trainable or any(variable is weight for weight in layer._trainable_variables)


def _known(layer: Any) -> bool:
    if type(layer) in _ALONG_AN_AXIS:
        return bool(layer.axis != 0)
    stateless = type(layer) in STATELESS or hub.is_hub(layer, *hub.STATELESS)
    return stateless or recordable(layer) or _is_container(layer)


def _is_container(layer: Any) -> bool:
    """A plain Sequential, or a model whose call is that of functional models; one with code of its own is not."""
    if type(layer) is keras.Sequential:
        return True
    calls = [getattr(type(layer), name) for name in ("call", "__call__")]
    return calls == [Functional.call, keras.Layer.__call__]


def _only_layers(model: Any) -> bool:
    """Whether a functional model consists of layers, with no bare operation such as a mean between them."""
    parts = [model, *(layer for layer in model._flatten_layers() if _is_container(layer))]
    return all(_is_layer(step) for part in parts for step in getattr(part, "operations", ()))


def _is_layer(step: Any) -> bool:
    """A layer, or the choice of a place within every example such as `tokens[:, 0]`."""
    return isinstance(step, keras.Layer) or (
        type(step) is GetItem and all(_keeps_examples(node.arguments) for node in step._inbound_nodes)
    )


def _keeps_examples(arguments: Any) -> bool:
    _, key = arguments.args
    first = key[0] if isinstance(key, tuple | list) and key else None
    return isinstance(first, slice) and first == slice(None)
