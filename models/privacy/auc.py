"""The exact AUC of scores, an internal number, and the AUC of a histogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples
from models.values.scope import Measure

Floats = NDArray[np.float64]


def exact_auc(scores: Floats, test: CustomerExamples, *, seed: int, resamples: int = 200) -> Measure:
    """The AUC of `scores` (n, m) as it is, bootstrapped over customers (households where known). Internal."""
    rng = np.random.default_rng(seed)
    labels, groups = test.labels[test.mask] > 0.5, np.unique(test.group_of(), return_inverse=True)[1]
    owner = np.broadcast_to(groups[:, None], test.mask.shape)[test.mask]
    ranked = _Ranked(scores[test.mask], labels)
    value = ranked.auc(np.ones(len(labels)))
    count = int(groups.max(initial=0)) + 1
    draws = [ranked.auc(rng.multinomial(count, [1 / count] * count)[owner]) for _ in range(resamples)]
    return bootstrapped("AUC", value, draws)


def bootstrapped(name: str, value: float, draws: Any) -> Measure:
    """An exact number with the 95 % interval of its bootstrap `draws` (k,). Internal."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Measure(
        name=name,
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        scope="internal",
        how="exact on test customers, bootstrap over customers (households where known)",
    )


def histogram_auc(negative: Floats, positive: Floats) -> Any:
    """P(negative below positive) + P(same bin) / 2 over the last axis, bins ascending; 0.5 if undefined."""
    total = negative.sum(axis=-1) * positive.sum(axis=-1)
    defined = (negative.sum(axis=-1) > 0) & (positive.sum(axis=-1) > 0)
    below = np.cumsum(negative, axis=-1) - negative / 2
    value = (below * positive).sum(axis=-1) / np.where(defined, total, 1.0)
    return np.where(defined, np.clip(value, 0.0, 1.0), 0.5)


class _Ranked:
    """Scores ranked once, so that the AUC under many weightings is cheap. Ties count one half."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self._level = np.unique(scores, return_inverse=True)[1]
        self._positive = positive
        self._levels = int(self._level.max(initial=0)) + 1

    def auc(self, weights: NDArray[Any]) -> float:
        """The AUC when each score counts `weights` times."""
        return float(
            histogram_auc(
                self._histogram(weights * ~self._positive), self._histogram(weights * self._positive)
            )
        )

    def _histogram(self, weights: NDArray[Any]) -> Floats:
        return np.bincount(self._level, weights, minlength=self._levels).astype(np.float64)
