from __future__ import annotations

from typing import Any

import keras
import pytest

from models.privacy.errors import PrivacyError
from models.privacy.layers import engine_for


class OwnDense(keras.layers.Dense):  # type: ignore[misc]
    """A layer with code of its own."""


class OwnModel(keras.Model):  # type: ignore[misc]
    """A model with code of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self(keras.ops.zeros((1, 5)))

    def call(self, features: Any) -> Any:
        return self.dense(features)


def _model(*layers: Any) -> Any:
    return keras.Sequential([keras.layers.Input((5,)), *layers, keras.layers.Dense(1)])


def test_known_layers_are_clipped_by_bookkeeping_also_nested() -> None:
    inner = _model(keras.layers.Dropout(0.1), keras.layers.LayerNormalization())
    assert (
        engine_for(_model(keras.layers.Dense(5, activation="relu"), inner, keras.layers.ReLU()))
        == "book-keeping"
    )
    entry = keras.Input((5,))
    assert engine_for(keras.Model(entry, keras.layers.Dense(1)(entry))) == "book-keeping"


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.GroupNormalization(1),
        keras.layers.Lambda(lambda x: x - 1),
        OwnDense(4),
        keras.layers.PReLU(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_layers_get_the_general_engine(layer: Any) -> None:
    assert engine_for(_model(layer)) == "vectorised"
    assert engine_for(_model(_model(layer))) == "vectorised"


def test_a_model_with_code_or_bare_operations_gets_the_general_engine() -> None:
    assert engine_for(OwnModel()) == "vectorised"
    entry = keras.Input((5,))
    assert engine_for(keras.Model(entry, keras.layers.Dense(1)(entry - 1))) == "vectorised"
    joined = keras.layers.Concatenate(axis=0)([entry, entry])
    assert engine_for(keras.Model(entry, keras.layers.Dense(1)(joined))) == "vectorised"


@pytest.mark.parametrize(
    "layer",
    [keras.layers.BatchNormalization(), keras.layers.SpectralNormalization(keras.layers.Dense(5))],
    ids=lambda layer: type(layer).__name__,
)
def test_statistics_over_batches_are_refused_by_name(layer: Any) -> None:
    with pytest.raises(PrivacyError, match=type(layer).__name__):
        engine_for(_model(layer))
    with pytest.raises(PrivacyError, match=type(layer).__name__):
        engine_for(_model(_model(layer)))


def test_half_precision_is_refused() -> None:
    with pytest.raises(PrivacyError, match="float16"):
        engine_for(_model(keras.layers.Dense(4, dtype="mixed_float16")))


def test_a_model_without_anything_to_train_is_refused() -> None:
    with pytest.raises(PrivacyError, match="no variables to train"):
        engine_for(keras.Sequential([keras.layers.Dense(1)]))
