"""Clipping in groups: who is in one, and that one customer moves the whole by at most C."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.privacy.clipping.groups import clipped_by_group, layer_groups, one_group, scales
from models.privacy.clipping.queries import PerLayerSumQuery
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream


class Twice(keras.layers.Layer):  # type: ignore[misc]
    """Unknown to book-keeping; its variables are of one layer."""

    def build(self, shape: Any) -> None:
        self.first = self.add_weight(shape=(shape[-1], 3))
        self.second = self.add_weight(shape=(3, 4))

    def call(self, inputs: Any) -> Any:
        return keras.ops.tanh(inputs @ self.first) @ self.second


class Borrower(keras.layers.Layer):  # type: ignore[misc]
    """Has a bias of its own and uses the kernel of another layer."""

    def __init__(self, lender: Any) -> None:
        super().__init__()
        self.lender = lender

    def build(self, shape: Any) -> None:
        self.borrowed, self.bias = self.lender.kernel, self.add_weight(shape=(5,))

    def call(self, inputs: Any) -> Any:
        return inputs @ self.borrowed + self.bias


def _model(known: bool) -> Any:
    middle = keras.layers.Dense(4, "tanh") if known else Twice()
    return keras.Sequential([keras.layers.Input((5,)), middle, keras.layers.Dense(1)])


def _gradients(model: Any, customers: Any, loss: Any, clip: float) -> ClippedGradients:
    noise = GaussianNoise(KeyStream())
    query = PerLayerSumQuery(clipping_norm=clip, stddev=0.0, noise=noise, groups=layer_groups(model))
    return ClippedGradients(model, customers, loss=loss, query=query)


def _one_by_one(model: Any, customers: CustomerExamples, loss: Any, clip: float) -> list[Any]:
    """Both variables of each of two layers to clip / sqrt(2), customer by customer, in NumPy."""
    sums = [np.zeros(variable.shape) for variable in model.trainable_variables]
    for x, y, mask in zip(customers.features, customers.labels, customers.mask, strict=True):
        with tf.GradientTape() as tape:
            losses = loss(tf.constant(y), model(x)[:, 0])
            total = tf.reduce_sum(losses * mask) / max(int(mask.sum()), 1)
        found = [np.asarray(part, np.float64) for part in tape.gradient(total, model.trainable_variables)]
        for pair in (slice(0, 2), slice(2, 4)):
            norm = np.sqrt(sum(np.sum(part**2) for part in found[pair]))
            share = min(1.0, clip / np.sqrt(2) / (norm + 1e-300))
            sums[pair] = [before + part * share for before, part in zip(sums[pair], found[pair], strict=True)]
    return sums


@pytest.mark.parametrize("known", [True, False], ids=["book-keeping", "vectorised"])
@pytest.mark.parametrize("examples", [1, 4, 16])
def test_both_engines_equal_customers_one_by_one(known: bool, examples: int, log_loss: Any) -> None:
    rng = np.random.default_rng(examples)
    x = rng.normal(size=(40, examples, 5)).astype(np.float32)
    labels = (x[..., 0] > 0).astype(np.float32)
    customers = CustomerExamples(features=x, labels=labels, mask=rng.random((40, examples)) < 0.8)
    model = _model(known)
    gradients = _gradients(model, customers, log_loss, 0.4)
    assert gradients.engine == ("book-keeping" if known else "vectorised")
    total, _ = gradients.sum(np.arange(40))
    for found, true in zip(total, _one_by_one(model, customers, log_loss, 0.4), strict=True):
        np.testing.assert_allclose(found, true, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("known", [True, False], ids=["book-keeping", "vectorised"])
@pytest.mark.parametrize("gone", [0, 7])
def test_one_customer_moves_the_sum_by_c_in_all_layers_together(
    known: bool, gone: int, make_customers: Any, log_loss: Any
) -> None:
    """Every layer is far beyond its share, so the bound is reached: C, and not C times the root of the layers."""
    customers = make_customers(12, scale=3.0)
    customers.mask[:] = True
    steep = lambda labels, outputs: 1e3 * log_loss(labels, outputs)  # noqa: E731
    gradients = _gradients(_model(known), customers, steep, 0.3)
    whole, _ = gradients.sum(np.arange(12))
    rest, _ = gradients.sum(np.delete(np.arange(12), gone))
    distance = np.sqrt(sum(np.sum(np.square(a - b)) for a, b in zip(whole, rest, strict=True)))
    assert distance == pytest.approx(0.3, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.floats(1e-3, 1e3),
    st.floats(-6, 6),
    st.integers(0, 2**32 - 1),
)
def test_any_gradient_in_any_groups_is_at_most_c(
    places: list[int], clip: float, power: float, seed: int
) -> None:
    numbers = {place: number for number, place in enumerate(dict.fromkeys(places))}
    groups, rng = tuple(numbers[place] for place in places), np.random.default_rng(seed)
    scale = 10.0 ** (power * rng.random(len(groups)))
    parts = [tf.constant(rng.normal(size=(2, 3)) * each, tf.float32) for each in scale]
    found, norm = clipped_by_group(parts, groups, tf.constant(clip, tf.float32))
    assert np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in found)) <= clip * (1 + 1e-5)
    whole = np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in parts))
    assert float(norm) == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_a_gradient_that_is_not_finite_counts_in_no_group(bad: float) -> None:
    found, _ = clipped_by_group([tf.ones(2), tf.constant([1.0, bad])], (0, 1), tf.constant(1.0))
    assert not np.any(np.concatenate(found))


def test_a_variable_without_use_has_its_share_all_the_same() -> None:
    """K is the model's, not the data's."""
    factors, _, _ = scales([tf.constant([100.0]), None], (0, 1), tf.constant(1.0))
    assert float(factors[0][0]) == pytest.approx(1 / (10 * np.sqrt(2)))


def test_a_shared_variable_belongs_to_one_layer() -> None:
    lender = keras.layers.Dense(5)
    start = keras.layers.Input((5,))
    borrower = Borrower(lender)
    model = keras.Model(start, borrower(lender(start)))
    assert any(variable is lender.kernel for variable in borrower.trainable_variables)
    assert [id(v) for v in model.trainable_variables] == [
        id(v) for v in (lender.kernel, lender.bias, borrower.bias)
    ]
    assert layer_groups(model) == (0, 0, 1)
    assert one_group(model.trainable_variables) == (0, 0, 0)
