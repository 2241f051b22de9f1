"""tensorflow-privacy 0.9 on TensorFlow 2.15: private steps in its modes.

`fast` and `fast-xla`: `DPModel` with a layer registry (fast gradient clipping), without and with XLA. `vectorised`:
the `VectorizedDPKeras` optimisers. All by Keras's own `train_function`, which `fit` calls for each step, on batches
that lie ready in memory. Noise from TensorFlow's own generator. Adam; the recommender has plain SGD, which costs less.
The encoder's registry has the library's functions for attention and normalisation besides the default ones.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
import tensorflow_privacy as tfp
from protocol import Step, serve
from tensorflow_privacy.privacy.fast_gradient_clipping import layer_registry
from tensorflow_privacy.privacy.fast_gradient_clipping.registry_functions import (
    layer_normalization,
    multi_head_attention,
)

BATCHES = 50
layers, optimizers = tf.keras.layers, tf.keras.optimizers


def make(model: str, batch: int, mode: str) -> Step:
    """A private step of `model` at `batch` examples."""
    inputs, outputs, features, classes = _model(model, np.random.default_rng(0), batch)
    plain = model.startswith("recommender")
    if mode == "vectorised":
        keras_model = tf.keras.Model(inputs, outputs)
        kind = tfp.VectorizedDPKerasSGDOptimizer if plain else tfp.VectorizedDPKerasAdamOptimizer
        optimizer = kind(
            l2_norm_clip=1.0,
            noise_multiplier=1.0,
            num_microbatches=batch,
            learning_rate=0.1 if plain else 1e-3,
        )
    else:
        keras_model = tfp.DPModel(
            l2_norm_clip=1.0,
            noise_multiplier=1.0,
            use_xla=mode == "fast-xla",
            layer_registry=_registry(),
            inputs=inputs,
            outputs=outputs,
        )
        if not keras_model._enable_fast_peg_computation:
            raise NotImplementedError("fast gradient clipping does not know a layer of this model")
        optimizer = optimizers.SGD(0.1) if plain else optimizers.Adam(1e-3)
    loss = tf.keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="none" if mode == "vectorised" else "sum_over_batch_size"
    )
    keras_model.compile(optimizer, loss)
    rng = np.random.default_rng(1)
    parts = [(features(), rng.integers(0, classes, batch)) for _ in range(BATCHES)]
    data = tf.nest.map_structure(lambda *each: np.stack(each), *parts)
    batches = iter(tf.data.Dataset.from_tensor_slices(data).repeat())
    train = keras_model.make_train_function()

    def step() -> None:
        tf.nest.map_structure(np.asarray, train(batches))

    return step


def _registry() -> Any:
    registry = layer_registry.make_default_layer_registry()
    registry.insert(layers.LayerNormalization, layer_normalization.layer_normalization_computation)
    registry.insert(layers.MultiHeadAttention, multi_head_attention.multi_head_attention_layer_computation)
    return registry


def _model(model: str, rng: np.random.Generator, batch: int) -> tuple[Any, Any, Any, int]:
    """Inputs, outputs, a source of features, and the number of classes."""

    def tokens(count: int, *shape: int) -> Any:
        return rng.integers(0, count, (batch, *shape)).astype(np.int32)

    if model == "mlp":
        seen = inputs = layers.Input((128,))
        for units in (256, 128):
            seen = layers.Dense(units, activation="relu")(seen)
        return inputs, layers.Dense(10)(seen), lambda: rng.normal(size=(batch, 128)).astype(np.float32), 10
    if model == "encoder":
        inputs = layers.Input((64,), dtype="int32")
        return inputs, _encoder(inputs), lambda: tokens(8_000, 64), 10
    rows = (50_000, int(model.removeprefix("recommender-")))
    pair = [layers.Input((), dtype="int32") for _ in rows]
    found = [layers.Embedding(count, 32)(each) for count, each in zip(rows, pair, strict=True)]
    hidden = layers.Dense(64, activation="relu")(layers.Concatenate()(found))
    return pair, layers.Dense(2)(hidden), lambda: tuple(tokens(count) for count in rows), 2


def _encoder(inputs: Any) -> Any:
    seen = layers.Embedding(8_000, 256)(inputs)
    for _ in range(4):
        mixed = layers.MultiHeadAttention(4, 64)(seen, seen)
        seen = layers.LayerNormalization()(layers.Add()([seen, mixed]))
        inner = layers.Dense(256)(layers.Dense(1024, activation="gelu")(seen))
        seen = layers.LayerNormalization()(layers.Add()([seen, inner]))
    return layers.Dense(10)(layers.GlobalAveragePooling1D()(seen))


if __name__ == "__main__":
    serve(make)
