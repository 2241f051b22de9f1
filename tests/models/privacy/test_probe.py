"""The probe: what mixes the examples of a batch is refused, what does not is let through."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.privacy.errors import PrivacyError
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery


def _engine(model: Any, customers: Any, loss: Any) -> str:
    query = CustomerSumQuery(clipping_norm=1.0, stddev=0.0, noise=GaussianNoise(KeyStream()))
    return ClippedGradients(model, customers, loss=loss, query=query).engine


def _model(*layers: Any) -> Any:
    return keras.Sequential([keras.layers.Input((5,)), *layers, keras.layers.Dense(1)])


MIXING = {
    "centred by the batch": lambda x: x - keras.ops.mean(x, axis=0),
    "the example before": lambda x: keras.ops.roll(x, 1, axis=0),
    "sorted": lambda x: keras.ops.sort(x, axis=0),
}


@pytest.mark.parametrize("name", MIXING)
def test_a_model_that_mixes_examples_is_refused(name: str, make_customers: Any, log_loss: Any) -> None:
    with pytest.raises(PrivacyError, match="mixes the examples"):
        _engine(_model(keras.layers.Lambda(MIXING[name])), make_customers(10), log_loss)


def test_a_layer_that_does_not_mix_is_let_through(make_customers: Any, log_loss: Any) -> None:
    layers = keras.layers.Lambda(lambda x: x * 2), keras.layers.GaussianDropout(0.3)
    assert _engine(_model(*layers), make_customers(10), log_loss) == "vectorised"


def test_in_batch_negatives_are_refused(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    def contrast(labels: Any, outputs: Any) -> Any:
        return tf.reduce_logsumexp(outputs) - outputs + 0 * labels

    with pytest.raises(PrivacyError, match="in-batch negatives"):
        _engine(make_model(), make_customers(10), contrast)


def test_a_loss_of_the_whole_batch_is_refused(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    with pytest.raises(PrivacyError, match="one number an example"):
        _engine(make_model(), make_customers(10), lambda y, z: tf.reduce_mean(log_loss(y, z)))


def test_a_loss_that_reads_a_variable_itself_gets_the_general_engine(
    make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    model = make_model()
    kernel = model.trainable_variables[0]
    loss = lambda y, z: log_loss(y, z) + tf.reduce_sum(tf.square(kernel))  # noqa: E731
    assert _engine(model, make_customers(10), loss) == "vectorised"
    assert _engine(model, make_customers(10), log_loss) == "book-keeping"


@pytest.mark.parametrize("known", [True, False], ids=["book-keeping", "vectorised"])
def test_a_variable_that_the_loss_does_not_read_has_the_gradient_zero(
    known: bool, make_customers: Any, log_loss: Any
) -> None:
    """As in an encoder whose pooled output nobody asks for."""
    start, middle = keras.layers.Input((5,)), keras.layers.Lambda(lambda x: x * 2)
    inner = keras.Model(start, {"read": keras.layers.Dense(1)(start), "unread": keras.layers.Dense(2)(start)})
    read = inner(start)["read"]
    model, customers = keras.Model(start, read if known else middle(read)), make_customers(10)
    query = CustomerSumQuery(clipping_norm=1.0, stddev=0.0, noise=GaussianNoise(KeyStream()))
    gradients = ClippedGradients(model, customers, loss=log_loss, query=query)
    assert gradients.engine == ("book-keeping" if known else "vectorised")
    total, *_ = gradients.counted_sum(np.arange(10))
    assert [bool(np.any(part)) for part in total] == [True, True, False, False]


def test_no_customer_is_looked_at(make_model: Any, make_customers: Any) -> None:
    """The probe gets shapes and types only: labels and features of customers would be 7."""
    customers = make_customers(10)
    customers.features[:], customers.labels[:] = 7, 7
    seen: list[Any] = []

    def loss(labels: Any, outputs: Any) -> Any:
        if isinstance(labels, tf.Tensor) and hasattr(labels, "numpy"):
            seen.append(np.max(labels))
        return tf.square(outputs - labels)

    _engine(make_model(), customers, loss)
    assert seen
    assert max(seen) == 0
