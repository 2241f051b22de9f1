from __future__ import annotations

from typing import Any

import keras
import pytest

from models.privacy.errors import PrivacyError
from models.privacy.layers import check_model


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


def test_allowed_layers_pass_also_nested() -> None:
    inner = _model(keras.layers.Dropout(0.1), keras.layers.LayerNormalization())
    check_model(_model(keras.layers.Dense(5, activation="relu"), inner, keras.layers.ReLU()))
    entry = keras.Input((5,))
    check_model(keras.Model(entry, keras.layers.Dense(1)(entry)))


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (keras.layers.BatchNormalization(), "BatchNormalization"),
        (keras.layers.GroupNormalization(1), "GroupNormalization"),
        (keras.layers.UnitNormalization(axis=0), "UnitNormalization"),
        (keras.layers.Lambda(lambda x: x - 1), "Lambda"),
        (OwnDense(4), "OwnDense"),
    ],
)
def test_other_layers_are_refused_by_name(layer: Any, name: str) -> None:
    with pytest.raises(PrivacyError, match=name):
        check_model(_model(layer))
    with pytest.raises(PrivacyError, match=name):
        check_model(_model(_model(layer)))


def test_a_model_with_its_own_code_is_refused() -> None:
    with pytest.raises(PrivacyError, match="OwnModel"):
        check_model(OwnModel())


def test_half_precision_is_refused() -> None:
    with pytest.raises(PrivacyError, match="float16"):
        check_model(_model(keras.layers.Dense(4, dtype="mixed_float16")))


def test_a_model_without_variables_is_refused() -> None:
    with pytest.raises(PrivacyError, match="no variables"):
        check_model(keras.Sequential([keras.layers.Dense(1)]))
