"""What the privacy tests share: a deterministic source, small plans, customers and models."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.values.target import PrivacyTarget


class FixedEntropy:
    """The same numbers every time; its name is not the plan's."""

    name = "fixed seed, for tests only"

    def __init__(self, seed: int = 1) -> None:
        self._seed, self._rng = seed, np.random.default_rng(seed)

    def uniform(self, count: int) -> NDArray[np.float64]:
        return self._rng.uniform(1e-12, 1, count)

    def fill(self, words: NDArray[np.uint64]) -> None:
        words[:] = self._rng.integers(2**64, size=words.shape, dtype=np.uint64)

    def split(self) -> FixedEntropy:
        return FixedEntropy(self._seed + 1)


@pytest.fixture(autouse=True)
def _same_initial_weights() -> None:
    keras.utils.set_random_seed(1)


@pytest.fixture
def fixed() -> Callable[..., FixedEntropy]:
    return FixedEntropy


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., PrivacyPlan]:
    @lru_cache
    def make(*, batch: float = 50, steps: int = 5, clip: float = 1.0, n_public: int = 1000) -> PrivacyPlan:
        target = PrivacyTarget(epsilon=3, delta=1e-5, n_public=n_public)
        return PrivacyPlan.calibrate(
            target, expected_batch=batch, steps=steps, max_examples=4, clipping_norm=clip
        )

    return make


@pytest.fixture
def make_customers() -> Callable[..., CustomerExamples]:
    def make(
        customers: int = 300, features: int = 5, *, scale: float = 1.0, seed: int = 0
    ) -> CustomerExamples:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(customers, 4, features)) * scale
        return CustomerExamples(
            features=x.astype(np.float32),
            labels=(x[..., 0] + rng.normal(size=x.shape[:2]) > 0).astype(np.float32),
            mask=rng.random(x.shape[:2]) < 0.8,
        )

    return make


@pytest.fixture
def make_model() -> Callable[..., Any]:
    def make(features: int = 5, hidden: int = 4) -> Any:
        layers = [keras.layers.Dense(hidden, activation="tanh")] if hidden else []
        return keras.Sequential([keras.layers.Input((features,)), *layers, keras.layers.Dense(1)])

    return make


@pytest.fixture
def log_loss() -> Any:
    return lambda labels, outputs: tf.nn.sigmoid_cross_entropy_with_logits(labels, outputs)
