"""The layers that private training allows."""

from __future__ import annotations

from typing import Any

import keras

from models.privacy.errors import PrivacyError

# Each computes an example's output from that example alone and keeps no running statistics of data.
ALLOWED_LAYERS: tuple[type, ...] = (
    keras.layers.InputLayer,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.LayerNormalization,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.Softmax,
)
_CONTAINERS: tuple[type, ...] = (keras.Sequential, keras.Model)


def check_model(model: Any) -> None:
    """Refuse a model that might mix customers or weaken the noise: only exact types of the list pass.

    Raises PrivacyError naming the layer, e.g. a BatchNormalization, whose batch statistics join customers
    outside every bound; also for a model that is not built or does not compute in float32.
    """
    for layer in model._flatten_layers():
        if type(layer) in ALLOWED_LAYERS or _is_container(layer):
            continue
        raise PrivacyError(
            f"layer {layer.name!r} is a {type(layer).__name__}, which private training does not allow; "
            f"use {', '.join(allowed.__name__ for allowed in ALLOWED_LAYERS)}"
        )
    if not model.built or not model.trainable_variables:
        raise PrivacyError("the model has no variables to train; build it with an Input layer")
    for layer in model._flatten_layers():
        if layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
            raise PrivacyError(f"layer {layer.name!r} computes in {layer.compute_dtype}; use float32")


def _is_container(layer: Any) -> bool:
    """A plain Sequential or functional model; one with code of its own is not."""
    return type(layer) in _CONTAINERS or (type(layer).__name__ == "Functional" and _from_keras(layer))


def _from_keras(layer: Any) -> bool:
    return type(layer).__module__.split(".")[0] == "keras"
