from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.privacy import gradients
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery


def _sum(model: Any, customers: Any, loss: Any, *, clip: float, chosen: Any = None) -> Any:
    """The summed clipped gradients as one flat vector."""
    chosen = np.arange(customers.customers) if chosen is None else chosen
    return _flat(_gradients(model, customers, loss, clip=clip), chosen)


def _gradients(model: Any, customers: Any, loss: Any, *, clip: float) -> ClippedGradients:
    query = CustomerSumQuery(clipping_norm=clip, stddev=0.0, noise=GaussianNoise(KeyStream()))
    return ClippedGradients(model, customers, loss=loss, query=query)


def _flat(gradients: ClippedGradients, chosen: Any) -> Any:
    total, _ = gradients.sum(chosen)
    return np.concatenate([np.ravel(part) for part in total]).astype(np.float64)


def _reference(model: Any, customers: Any, clip: float) -> Any:
    """Logistic regression in NumPy: mean over the customer's examples, then clip the whole, then sum."""
    weights, bias = (value.astype(np.float64) for value in model.get_weights())
    total = np.zeros(len(weights) + 1)
    for x, y, mask in zip(customers.features, customers.labels, customers.mask, strict=True):
        error = (1 / (1 + np.exp(-(x @ weights[:, 0] + bias[0]))) - y) * mask / max(int(mask.sum()), 1)
        gradient = np.append(error @ x, error.sum())
        total += gradient * min(1, clip / (float(np.linalg.norm(gradient)) + 1e-30))
    return total


@pytest.mark.parametrize("clip", [0.05, 0.5, 1e3])
def test_equals_numpy(clip: float, make_model: Any, make_customers: Any, log_loss: Any) -> None:
    model, customers = make_model(hidden=0), make_customers(300)
    np.testing.assert_allclose(
        _sum(model, customers, log_loss, clip=clip), _reference(model, customers, clip), rtol=1e-3, atol=1e-4
    )


def test_each_customer_is_clipped_before_the_sum(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    """One giant among customers without examples: the sum is the giant's C, not a mean that was clipped."""
    customers = make_customers(40, scale=1e4)
    mask = np.zeros_like(customers.mask)
    mask[3] = True
    one = replace(customers, mask=mask)
    assert np.linalg.norm(_sum(make_model(hidden=0), one, log_loss, clip=0.7)) == pytest.approx(0.7, rel=1e-4)


@pytest.mark.parametrize("steep", range(4))
def test_no_variable_escapes_clipping(
    steep: int, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    """One variable at a time gets a huge gradient, as if it entered the model many times over."""
    model, customers = make_model(), make_customers(1)
    query = CustomerSumQuery(clipping_norm=0.1, stddev=0.0, noise=GaussianNoise(KeyStream()))
    variable = model.trainable_variables[steep]

    def loss(labels: Any, outputs: Any) -> Any:
        return log_loss(labels, outputs) + 1e4 * tf.reduce_sum(variable)

    total, _ = ClippedGradients(model, customers, loss=loss, query=query).sum(np.array([0]))
    assert np.linalg.norm(total[steep]) == pytest.approx(0.1, rel=1e-4)
    assert np.sqrt(sum(np.sum(np.square(part)) for part in total)) <= 0.1 * (1 + 1e-5)


@pytest.mark.parametrize("chunk", [1, 2, 4, 64])
def test_chunks_change_nothing(
    chunk: int, make_model: Any, make_customers: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, customers = make_model(), make_customers(30)
    whole = _sum(model, customers, log_loss, clip=0.1)
    monkeypatch.setattr(gradients, "CHUNK", chunk)
    np.testing.assert_allclose(_sum(model, customers, log_loss, clip=0.1), whole, atol=1e-5)


def test_the_sum_is_the_sum_of_each_alone(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    """Also: what another customer holds does not enter one's gradient."""
    model, customers = make_model(), make_customers(12)
    gradients = _gradients(model, customers, log_loss, clip=0.2)
    alone = [_flat(gradients, np.array([i])) for i in range(12)]
    np.testing.assert_allclose(_flat(gradients, np.arange(12)), np.sum(alone, axis=0), atol=1e-5)
    other = np.where((np.arange(12) == 5)[:, None, None], 9, customers.features)
    changed = _sum(model, replace(customers, features=other), log_loss, clip=0.2, chosen=np.array([0]))
    np.testing.assert_array_equal(changed, alone[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_a_broken_customer_counts_zero(
    bad: float, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    model, customers = make_model(hidden=0), make_customers(8)
    good = _sum(model, customers, log_loss, clip=0.2, chosen=np.array([0, 1, 3]))
    customers.features[2] = bad
    customers.mask[2] = True
    np.testing.assert_allclose(
        _sum(model, customers, log_loss, clip=0.2, chosen=np.array([0, 1, 2, 3])), good, atol=1e-5
    )


def test_what_a_masked_place_holds_does_not_matter(
    make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    model, customers = make_model(), make_customers(8)
    before = _sum(model, customers, log_loss, clip=0.2)
    customers.features[~customers.mask] = np.nan
    customers.labels[~customers.mask] = np.nan
    np.testing.assert_array_equal(_sum(model, customers, log_loss, clip=0.2), before)


def test_nobody_sums_to_zero(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    assert not _sum(make_model(), make_customers(5), log_loss, clip=1.0, chosen=np.array([], dtype=int)).any()


def test_dropout_and_layer_normalisation_are_computed(make_customers: Any, log_loss: Any) -> None:
    layers = [keras.layers.Dense(4), keras.layers.LayerNormalization(), keras.layers.Dropout(0.2)]
    model = keras.Sequential([keras.layers.Input((5,)), *layers, keras.layers.Dense(1)])
    total = _sum(model, make_customers(20), log_loss, clip=0.1)
    assert 0 < np.linalg.norm(total) <= 20 * 0.1 * (1 + 1e-5)
