"""The reference network: two hidden layers of 64 with ReLU and dropout 0.5, softmax over 10, Adam, cross-entropy.

A yardstick for what privacy costs, on images of 784 pixels (MNIST, Fashion-MNIST) of which each is its own customer.
"""

from __future__ import annotations

from typing import Any, Final

from models.cases.attributes import class_of_first

HIDDEN: Final = 64
DROPOUT: Final = 0.5
CLASSES: Final = 10
ATTRIBUTES: Final = (class_of_first("what the image shows", CLASSES),)


def build_model(pixels: int = 784) -> Any:
    """The network from `pixels` numbers in [0, 1] to logits of ten classes, newly initialised."""
    import keras

    hidden = [
        layer
        for _ in range(2)
        for layer in (keras.layers.Dense(HIDDEN, activation="relu"), keras.layers.Dropout(DROPOUT))
    ]
    return keras.Sequential([keras.layers.Input((pixels,)), *hidden, keras.layers.Dense(CLASSES)])


def optimizer(learning_rate: float = 2e-3) -> Any:
    """Adam."""
    import keras

    return keras.optimizers.Adam(learning_rate)


def loss() -> Any:
    """Cross-entropy of the softmax over the logits."""
    import keras

    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
