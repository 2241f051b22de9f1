"""Clipped sums by book-keeping equal those of gradients that were computed customer by customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.privacy.clipping.bookkeeping import clipped_sums, recording
from models.privacy.clipping.groups import layer_groups
from models.privacy.layers import engine_for

CLASSES, CUSTOMERS = 5, 5
Made = tuple[Any, Callable[[np.random.Generator, int], Any]]


def _numbers(*shape: int) -> Callable[[np.random.Generator, int], Any]:
    return lambda rng, count: rng.normal(size=(count, *shape)).astype(np.float32)


def _tokens(rng: np.random.Generator, count: int) -> Any:
    return rng.integers(0, 11, size=(count, 7)).astype(np.int32)


def _sequential(shape: tuple[int, ...], *stack: Any) -> Made:
    return keras.Sequential([layers.Input(shape), *stack, layers.Dense(CLASSES)]), _numbers(*shape)


def dense() -> Made:
    return _sequential(
        (6,), layers.Dense(8, activation="tanh"), layers.LayerNormalization(), layers.Dropout(0.0)
    )


def dense_on_sequences() -> Made:
    return _sequential((5, 6), layers.Dense(8, "tanh", use_bias=False), layers.GlobalAveragePooling1D())


def convolution_2d() -> Made:
    stack = (
        layers.Conv2D(4, 3, padding="same", strides=2, activation="relu"),
        layers.Conv2D(3, 2, dilation_rate=2),
    )
    return _sequential((9, 8, 2), *stack, layers.Flatten())


def convolution_1d() -> Made:
    stack = layers.Conv1D(4, 3, padding="causal", activation="relu"), layers.Conv1D(3, 2, strides=2)
    return _sequential((9, 2), *stack, layers.GlobalAveragePooling1D())


def einsum() -> Made:
    stack = (
        layers.EinsumDense("abc,cde->abde", output_shape=(5, 2, 3), bias_axes="de"),
        layers.EinsumDense("abde,fde->abf", output_shape=(5, 4), bias_axes="f", activation="tanh"),
    )
    return _sequential((5, 6), *stack, layers.Flatten())


def lookup() -> Made:
    tokens = layers.Input((7,), dtype="int32")
    return keras.Model(
        tokens, layers.Dense(CLASSES)(layers.Flatten()(layers.Embedding(11, 6)(tokens)))
    ), _tokens


def encoder() -> Made:
    tokens = layers.Input((7,), dtype="int32")
    start = layers.Embedding(11, 8)(tokens)
    seen = layers.LayerNormalization()(layers.Add()([start, layers.MultiHeadAttention(2, 4)(start, start)]))
    pooled = layers.GlobalAveragePooling1D()(layers.Dense(16, activation="gelu")(seen))
    return keras.Model(tokens, layers.Dense(CLASSES)(pooled)), _tokens


def low_rank() -> Made:
    model, sample = encoder()
    for layer in list(model._flatten_layers()):
        if type(layer) in (layers.Dense, layers.EinsumDense, layers.Embedding):
            layer.enable_lora(2)
    return _as_if_trained(model), sample


def _as_if_trained(model: Any) -> Any:
    """LoRA's second factor starts at zero."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def bert() -> Made:
    """KerasHub's BERT, all weights; tokens serve as segments too, and token 0 as padding."""
    import keras_hub

    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=11, num_layers=2, num_heads=2, hidden_dim=8, intermediate_dim=12,
        dropout=0, max_sequence_length=9, num_segments=11,
    )  # fmt: skip
    tokens = layers.Input((7,), dtype="int32")
    seen = backbone({"token_ids": tokens, "segment_ids": tokens, "padding_mask": tokens})
    both = layers.Concatenate()([seen["pooled_output"], seen["sequence_output"][:, 1]])
    return keras.Model(tokens, layers.Dense(CLASSES)(both)), _tokens


def bert_low_rank() -> Made:
    model, sample = bert()
    backbone = next(layer for layer in model.layers if hasattr(layer, "enable_lora") and layer.layers)
    backbone.enable_lora(2)
    return _as_if_trained(model), sample


def gpt2() -> Made:
    """KerasHub's GPT-2: causal, the first norm before the attention."""
    import keras_hub

    backbone = keras_hub.models.GPT2Backbone(
        vocabulary_size=11, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=12, dropout=0,
        max_sequence_length=9,
    )  # fmt: skip
    tokens = layers.Input((7,), dtype="int32")
    seen = backbone({"token_ids": tokens, "padding_mask": tokens})
    return keras.Model(tokens, layers.Dense(CLASSES)(layers.GlobalAveragePooling1D()(seen))), _tokens


def used_twice() -> Made:
    start, both = layers.Input((6,)), layers.Dense(6, activation="tanh")
    return keras.Model(start, layers.Dense(CLASSES)(both(both(start)))), _numbers(6)


class Tied(keras.Model):  # type: ignore[misc]
    """Looks up tokens and scores all of them by the same table."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.dense = layers.ReversibleEmbedding(11, 8), layers.Dense(8, activation="tanh")

    def call(self, tokens: Any) -> Any:
        scores = self.table(self.dense(self.table(tokens)), reverse=True)
        return keras.ops.mean(scores, axis=1)[:, :CLASSES]


def tied() -> Made:
    model = Tied()
    model(np.zeros((1, 7), np.int32))
    return model, _tokens


MODELS = (
    *(dense, dense_on_sequences, convolution_2d, convolution_1d, einsum, lookup, encoder),
    *(low_rank, used_twice, tied),
)
HUB = bert, bert_low_rank, gpt2
CASES = [
    *((make, examples) for make in MODELS for examples in (1, 4, 16)),
    (bert, 4),
    *(pytest.param(make, examples, marks=pytest.mark.prove) for make in HUB for examples in (1, 4, 16)),
]


def _loss(labels: Any, outputs: Any) -> Any:
    outputs = tf.cast(outputs, tf.float32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=outputs)


def _batch(sample: Any, examples: int) -> tuple[Any, Any, Any]:
    """Inputs, labels and the weight of each example in its customer's mean; a fifth of the places is empty."""
    rng = np.random.default_rng(examples)
    mask = rng.random((CUSTOMERS, examples)) < 0.8
    mask[0] = True
    weights = mask / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    count = CUSTOMERS * examples
    return sample(rng, count), rng.integers(0, CLASSES, count), weights.reshape(-1).astype(np.float32)


def _by_records(model: Any, batch: Any, examples: int, clip: float, groups: Any = None) -> list[Any]:
    inputs, labels, weights = (tf.constant(array) for array in batch)

    def total() -> Any:
        return tf.reduce_sum(weights * _loss(labels, model(inputs, training=True)))

    graph = tf.function(
        lambda: clipped_sums(model, total, examples=examples, clip=tf.constant(clip), groups=groups)[0],
        autograph=False,
    )
    return [np.asarray(part, dtype=np.float64) for part in graph()]


def _one_by_one(model: Any, batch: Any, examples: int, clip: float, groups: Any = None) -> list[Any]:
    sums = [np.zeros(variable.shape) for variable in model.trainable_variables]
    for start in range(0, CUSTOMERS * examples, examples):
        inputs, labels, weights = (array[start : start + examples] for array in batch)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(weights * _loss(labels, model(inputs, training=True)))
        found = tape.gradient(total, model.trainable_variables)
        gradients = [np.asarray(tf.convert_to_tensor(part), dtype=np.float64) for part in found]
        owner = groups or (0,) * len(gradients)
        squared = np.bincount(owner, [np.sum(part**2) for part in gradients])
        factors = np.minimum(1.0, clip / np.sqrt(len(squared)) / (np.sqrt(squared) + 1e-300))[list(owner)]
        sums = [before + part * factor for before, part, factor in zip(sums, gradients, factors, strict=True)]
    return sums


def _distance(found: list[Any], true: list[Any]) -> float:
    off = sum(np.sum((a - b) ** 2) for a, b in zip(found, true, strict=True))
    return float(np.sqrt(off / sum(np.sum(b**2) for b in true)))


@pytest.mark.parametrize(("make", "examples"), CASES, ids=lambda part: getattr(part, "__name__", str(part)))
def test_sums_equal_those_of_each_alone(make: Callable[[], Made], examples: int) -> None:
    keras.utils.set_random_seed(1)
    model, sample = make()
    batch, clip = _batch(sample, examples), 0.05
    true = _one_by_one(model, batch, examples, clip)
    assert _distance(_by_records(model, batch, examples, clip), true) < 1e-5


GROUPS = {dense: 3, encoder: 8, low_rank: 8, used_twice: 2, tied: 2}


@pytest.mark.parametrize("examples", [1, 4, 16])
@pytest.mark.parametrize("make", GROUPS, ids=lambda make: make.__name__)
def test_layers_clipped_apart_equal_those_of_each_alone(make: Callable[[], Made], examples: int) -> None:
    keras.utils.set_random_seed(1)
    model, sample = make()
    groups = layer_groups(model)
    assert 1 + max(groups) == GROUPS[make]
    batch, clip = _batch(sample, examples), 0.01
    true = _one_by_one(model, batch, examples, clip, groups)
    assert _distance(true, _one_by_one(model, batch, examples, clip)) > 1e-3
    # rows of one table that cancel: the norm is taken larger by what covers their rounding
    covered = 5e-5 if make is tied and examples == 16 else 1e-5
    assert _distance(_by_records(model, batch, examples, clip, groups), true) < covered


@pytest.mark.parametrize("examples", [1, 4])
def test_mixed_precision_within_its_own(examples: int) -> None:
    """bfloat16 keeps 8 bits: two orders of computation differ by some of its 0.4 %."""
    keras.utils.set_random_seed(1)
    with_half = layers.Dense(8, activation="tanh", dtype="mixed_bfloat16")
    model, sample = _sequential((6,), with_half, layers.LayerNormalization(dtype="mixed_bfloat16"))
    batch = _batch(sample, examples)
    true = _one_by_one(model, batch, examples, 0.05)
    assert _distance(_by_records(model, batch, examples, 0.05), true) < 0.02


def test_kerashubs_encoders_are_clipped_by_bookkeeping_and_slices_of_a_batch_are_not() -> None:
    model, _ = bert()
    assert engine_for(model) == "book-keeping"
    start = layers.Input((6,))
    assert engine_for(keras.Model(start, layers.Dense(1)(start[:, 1:]))) == "book-keeping"
    for first in (start[1:, :], start[::-1, :], start[::2, :]):
        assert engine_for(keras.Model(start, layers.Dense(1)(first))) == "vectorised"


@pytest.mark.parametrize("make", [*MODELS, bert], ids=lambda make: make.__name__)
def test_recording_changes_no_output_and_leaves_nothing(make: Callable[[], Made]) -> None:
    model, sample = make()
    inputs = sample(np.random.default_rng(0), 4)
    before = np.asarray(model(inputs))
    with recording(model) as records:
        during = np.asarray(model(inputs))
    np.testing.assert_allclose(during, before, rtol=1e-5, atol=1e-6)
    assert {id(record.variable) for record in records} == {id(v) for v in model.trainable_variables}
    assert all("call" not in vars(layer) for layer in model._flatten_layers())


def test_frozen_variables_are_not_recorded() -> None:
    model, sample = dense()
    model.layers[0].trainable = False
    with recording(model) as records:
        model(sample(np.random.default_rng(0), 4))
    assert {id(record.variable) for record in records} == {id(v) for v in model.trainable_variables}


@pytest.mark.parametrize("examples", [2, 40])
def test_a_norm_is_never_taken_below_the_truth(examples: int) -> None:
    """Examples that cancel: pairs with the same input and opposite labels, scaled far up."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((6,)), layers.Dense(1, use_bias=False)])
    rng = np.random.default_rng(0)
    inputs = np.repeat(rng.normal(size=(examples // 2, 6)) * 1e3, 2, axis=0).astype(np.float32)
    slopes = np.tile([1.0, -1.0 + 2e-3], examples // 2).astype(np.float32)[:, None]
    total = lambda: tf.reduce_sum(tf.constant(slopes) * model(inputs))  # noqa: E731
    (found,), _ = clipped_sums(model, total, examples=examples, clip=tf.constant(0.5))
    true = inputs.astype(np.float64).T @ slopes.astype(np.float64)
    assert np.linalg.norm(true) > 0.5
    assert np.linalg.norm(found) <= 0.5 * (1 + 1e-3)


def test_sparse_sums_name_the_rows_touched() -> None:
    model, sample = lookup()
    batch = _batch(sample, 4)
    inputs, labels, weights = batch
    total = lambda: tf.reduce_sum(weights * _loss(labels, model(inputs)))  # noqa: E731
    table = model.trainable_variables[0]
    parts, _ = clipped_sums(model, total, examples=4, clip=tf.constant(0.1), sparse=frozenset({id(table)}))
    assert isinstance(parts[0], tf.IndexedSlices)
    assert set(np.asarray(parts[0].indices)) == set(inputs.ravel())
    dense_sum = _by_records(model, batch, 4, 0.1)[0]
    np.testing.assert_allclose(
        np.asarray(tf.math.unsorted_segment_sum(parts[0].values, parts[0].indices, 11)), dense_sum, atol=1e-6
    )
