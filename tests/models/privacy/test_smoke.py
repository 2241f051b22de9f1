"""A training of MNIST's size: 60,000 customers with one image of 28 x 28 each, a small convolutional model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from models.privacy import private as module
from models.privacy.private import Private
from models.privacy.trainer import Training

CUSTOMERS = 60_000


def _images(rng: np.random.Generator, templates: Any, count: int) -> tuple[Any, Any]:
    """Blurred templates of ten classes under noise of unit variance, (count, 28, 28, 1), and their classes."""
    labels = rng.integers(0, 10, count)
    images = rng.standard_normal((count, 28, 28), np.float32)
    images += templates[labels]
    return images[..., None], labels


def _model() -> Any:
    return keras.Sequential(
        [
            keras.layers.Input((28, 28, 1)),
            keras.layers.Conv2D(8, 8, 4, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


def test_a_training_of_mnists_size_learns_and_claims_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    trainings: list[Training] = []

    class Kept(Training):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            trainings.append(self)

    monkeypatch.setattr(module, "Training", Kept)
    rng = np.random.default_rng(0)
    templates = 3 * gaussian_filter(rng.standard_normal((10, 28, 28)), (0, 3, 3)).astype(np.float32)
    model = _model()
    private = Private(model, epsilon=1, customers=CUSTOMERS)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    private.compile(keras.optimizers.Adam(0.02), loss, batch_size=1000, epochs=0.25)
    private.fit(*_images(rng, templates, CUSTOMERS), verbose=0)
    images, labels = _images(rng, templates, 2000)
    accuracy = np.mean(np.argmax(model.predict(images, verbose=0), axis=1) == labels)
    assert accuracy > 0.5  # by chance: 0.1
    claimed = private.claim().epsilon
    assert claimed == pytest.approx(private.plan.epsilon, rel=0.01)
    assert claimed <= private.plan.epsilon <= 1
    assert [training._gradients.engine for training in trainings] == ["book-keeping"]
