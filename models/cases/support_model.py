"""Models of customer service: a private head on vectors of public weights, or the last layers too, by LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.answers import intent_vectors
from models.cases.case import Facts
from models.cases.support_reader import Reader
from models.privacy.examples import CustomerExamples

START: Final = 5.0  # how much an approved question's likeness counts in the first weights
WIDER: Final = 10.0  # the length of a tuned vector, so that head and adapters share one clipping norm well


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters (Hu et al. 2022), (alpha / rank) A B beside each matrix of the encoder's last `layers` layers.

    Noise moves every entry of A and B as far as one of the head, so alpha is small.
    """

    rank: int = 8
    alpha: float = 1.0
    layers: int = 1


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """What goes in and comes out: letters as arrays by the reader, and a model from them to one logit an intent."""

    reader: Reader
    lora: Lora | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs."""
        return ("vector",) if self.lora is None else ("hidden", "mask", "weight", "characters")

    def arrays(self, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The inputs (n, ...) of `texts`, each from its own text alone."""
        if self.lora is None:
            return {"vector": self.reader.vectors(texts)}
        spelt = self.reader.spelt(texts)
        hidden, mask = self.reader.encoder.hidden(spelt, top=self.lora.layers)
        counts = np.array([bool(text) for text in spelt])[:, None] * mask
        return {
            "hidden": hidden,
            "mask": mask,
            "weight": counts[..., None].astype(np.float32),
            "characters": self.reader.characters(texts),
        }

    def build(self, facts: Facts) -> Any:
        """A model whose first weights are the vectors of the approved questions: it starts as their nearest intent."""
        import keras

        first = START * intent_vectors(facts).T
        if self.lora is None:
            seen = keras.layers.Input((self.reader.width,), name="vector")
            inputs = {"vector": seen}
        else:
            inputs, tuned = self._tuned(self.lora)
            inputs["characters"] = keras.layers.Input((self.reader.buckets,), name="characters")
            seen = keras.layers.Concatenate()([tuned, inputs["characters"]])
            first[: self.reader.encoder.width] /= WIDER
        # without a bias, which would be clipped together with the rest and leave less of it
        head = keras.layers.Dense(first.shape[1], use_bias=False, name="head")
        model = keras.Model(inputs, head(seen))
        head.set_weights([first])
        return model

    def _tuned(self, lora: Lora) -> tuple[dict[str, Any], Any]:
        """Inputs for the last layers of the encoder, and the mean of what they give, at length WIDER."""
        import keras

        tokens, width = self.reader.encoder.max_tokens, self.reader.encoder.width
        hidden = keras.layers.Input((tokens, width), name="hidden")
        mask = keras.layers.Input((tokens,), dtype="int32", name="mask")
        weight = keras.layers.Input((tokens, 1), name="weight")
        states = hidden
        for call in self.reader.encoder.upper(lora.layers):
            states = call(states, mask)
        _adapt(keras.Model([hidden, mask], states), lora)
        pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Multiply()([states, weight]))
        length = keras.layers.LayerNormalization(trainable=False, epsilon=1e-9)
        tuned = length(pooled)
        length.gamma.assign(np.full(width, WIDER / width**0.5, dtype=np.float32))
        return {"hidden": hidden, "mask": mask, "weight": weight}, tuned


def _adapt(layers: Any, lora: Lora) -> None:
    """Adapters on every matrix; what the layers have of their own stays as it is."""
    import keras

    for layer in layers._flatten_layers():
        if isinstance(layer, keras.layers.Dense | keras.layers.EinsumDense):
            layer.enable_lora(lora.rank, lora_alpha=lora.alpha)
            if layer.bias is not None:
                layer.bias.trainable = False
        elif isinstance(layer, keras.layers.LayerNormalization):
            layer.trainable = False


def loss(labels: Any, outputs: Any) -> Any:
    """Cross-entropy per text."""
    import tensorflow as tf

    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int32), outputs)


def adam(learning_rate: float) -> Any:
    """Adam with a moving average of the weights; both only post-process noised gradients."""
    import keras

    return keras.optimizers.Adam(learning_rate, beta_2=0.99, use_ema=True, ema_momentum=0.9)


def right(outputs: Any, test: CustomerExamples) -> NDArray[np.float64]:
    """Whether the likeliest class is the label (n, m), of `outputs` (n, m, c)."""
    return np.asarray(np.asarray(outputs).argmax(axis=-1) == test.labels, dtype=np.float64)
