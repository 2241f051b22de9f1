"""Metrics: how good a model's outputs are on test customers, exactly (internal) and as a DP release."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from dp_accounting.gaussian_mechanism import get_sigma_gaussian
from numpy.typing import NDArray

from models.privacy.auc import bootstrapped, exact_auc
from models.privacy.evaluation import released_auc
from models.privacy.examples import CustomerExamples
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.values.scope import Measure, without_error

Floats = NDArray[np.float64]
_Z = 1.959964  # of a 95 % interval
_RESAMPLES = 1000


class Metric(Protocol):
    """A number in [0, 1] of a model's `outputs` (n, m, ...) on test customers; more is better.

    `chance` is what a model that looks at nothing reaches: public, or None if a baseline must be measured.
    """

    @property
    def name(self) -> str:
        """As dossiers show it."""

    @property
    def chance(self) -> Measure | None:
        """What looking at nothing reaches."""

    def exact(self, outputs: Any, test: CustomerExamples, *, seed: int) -> Measure:
        """As it is, with a bootstrap over customers (households where known). Internal."""

    def released(self, outputs: Any, test: CustomerExamples, *, epsilon: float, delta: float) -> Measure:
        """Under (epsilon, delta) differential privacy of one test customer."""


@dataclass(frozen=True)
class Auc:
    """The area under the ROC curve of log-odds (n, m) against labels 0 and 1."""

    name: str = "AUC"

    @property
    def chance(self) -> Measure:
        """One half."""
        return without_error(self.name, 0.5, how="the same score for every example")

    def exact(self, outputs: Any, test: CustomerExamples, *, seed: int) -> Measure:
        """See Metric."""
        return exact_auc(_probabilities(outputs), test, seed=seed)

    def released(self, outputs: Any, test: CustomerExamples, *, epsilon: float, delta: float) -> Measure:
        """See Metric and `released_auc`."""
        return released_auc(_probabilities(outputs), test, epsilon=epsilon, delta=delta)


@dataclass(frozen=True, kw_only=True)
class MeanMetric:
    """The mean over customers of the mean over their examples of `per_example(outputs, test)`, (n, m) in [0, 1]."""

    name: str
    per_example: Callable[[Any, CustomerExamples], NDArray[Any]]

    @property
    def chance(self) -> None:
        """Not known: a baseline is measured."""
        return

    def exact(self, outputs: Any, test: CustomerExamples, *, seed: int) -> Measure:
        """See Metric."""
        values, present = self._values(outputs, test)
        whose = np.unique(test.group_of()[present], return_inverse=True)[1]
        sums, counts = np.bincount(whose, values[present]), np.bincount(whose)
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(len(sums), np.full(len(sums), 1 / max(len(sums), 1)), size=_RESAMPLES)
        value = float(sums.sum() / max(counts.sum(), 1))
        return bootstrapped(self.name, value, (drawn @ sums) / np.maximum(drawn @ counts, 1))

    def released(
        self,
        outputs: Any,
        test: CustomerExamples,
        *,
        epsilon: float,
        delta: float,
        entropy: Entropy | None = None,
    ) -> Measure:
        """See Metric. A noised sum by a noised count.

        One customer adds a value v in [0, 1] to the sum and 1 to the count. With s = v - 1/2 in place of v the two move
        by at most sqrt(1/4 + 1) in L2, less than sqrt(2); the mean is 1/2 + (noised sum of s) / (noised count).

        The interval covers noise and sampling; it is the whole range if the noise hides the customers.
        """
        values, present = self._values(outputs, test)
        shifted = values[present] - 0.5
        stddev = get_sigma_gaussian(epsilon, delta) * math.sqrt(1.25)
        noise = GaussianNoise(entropy or KeyStream()).draw((2,), stddev=stddev)
        total, count = float(shifted.sum() + noise[0]), float(len(shifted) + noise[1])
        value, low, high = 0.5, 0.0, 1.0
        if count > 10 * stddev:
            value = min(max(0.5 + total / count, 0.0), 1.0)
            spread = math.sqrt(value * (1 - value) / count + stddev**2 * (1 + (value - 0.5) ** 2) / count**2)
            low, high = max(0.0, value - _Z * spread), min(1.0, value + _Z * spread)
        return Measure(
            name=self.name,
            value=value,
            low=low,
            high=high,
            scope="dp_released",
            how=f"noised sum by noised count of test customers, epsilon {epsilon:g}, delta {delta:g}",
        )

    def _values(self, outputs: Any, test: CustomerExamples) -> tuple[Floats, NDArray[np.bool_]]:
        """Each customer's mean (n,), 0 where it is no number, and who has an example."""
        held = np.where(test.mask, np.asarray(self.per_example(outputs, test), dtype=np.float64), 0.0)
        held = np.clip(np.nan_to_num(held, nan=0.0), 0.0, 1.0)
        counts = test.mask.sum(axis=1)
        return held.sum(axis=1) / np.maximum(counts, 1), counts > 0


def _probabilities(log_odds: Any) -> Floats:
    from scipy.special import expit

    probabilities: Floats = expit(np.asarray(log_odds, dtype=np.float64))
    return probabilities
