"""Evaluation: the area under the ROC curve on test customers, released privately and exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from dp_accounting.gaussian_mechanism import get_sigma_gaussian
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.values.scope import Measure

Floats = NDArray[np.float64]

BINS = 20
MAX_POSITIVES = 2
_RESAMPLES = 2000
# Public edges, even in the log-odds of the score from -4 to 4; the outermost bins are open.
_EDGES: Floats = 1 / (1 + np.exp(-np.linspace(-4, 4, BINS - 1)))


def released_auc(
    scores: Floats,
    test: CustomerExamples,
    *,
    epsilon: float,
    delta: float,
    entropy: Entropy | None = None,
) -> Measure:
    """The AUC of `scores` (n, m) under (epsilon, delta) differential privacy of one test customer.

    Released is one noised vector: the histogram of scores over public bins, positives and negatives apart
    (`class_histogram`), with Gaussian noise calibrated exactly (Balle & Wang 2018, *Improving the Gaussian
    Mechanism*). All else is post-processing.

    Test customers are no training customers, and which part a customer belongs to depends on that customer
    (or household) alone. So adding or removing a customer changes either the training set or the test set
    but not both, and its loss is bounded by the larger of the two epsilons, not by their sum (parallel
    composition, McSherry 2009).

    The interval covers noise and sampling, by a parametric bootstrap that counts all examples of a customer
    as if they fell into one bin (the widest possible for the same histogram).
    """
    cap = test.max_examples
    stddev = get_sigma_gaussian(epsilon, delta) * sensitivity(cap)
    noise = GaussianNoise(entropy or KeyStream())
    noised = class_histogram(scores, test) + noise.draw((2, BINS), stddev=stddev)
    value = _auc(noised)
    low, high = _interval(noised, value, stddev, cap)
    return Measure(
        name="AUC",
        value=value,
        low=low,
        high=high,
        scope="dp_released",
        how=f"noised histogram of scores of test customers, epsilon {epsilon:g}, delta {delta:g}",
    )


def class_histogram(scores: Floats, test: CustomerExamples) -> Floats:
    """The histogram (2, BINS) that is released: row 0 negatives, each counted 1/m, row 1 positives, each 1.

    A customer gives its m examples at most, of them the first MAX_POSITIVES positives at most.
    """
    bins = np.digitize(np.nan_to_num(scores, nan=0.0), _EDGES)
    positive = test.mask & (test.labels > 0.5)
    counted = positive & (np.cumsum(positive, axis=1) <= MAX_POSITIVES)
    negatives = np.bincount(bins[test.mask & ~positive], minlength=BINS) / test.max_examples
    return np.stack([negatives, np.bincount(bins[counted], minlength=BINS).astype(np.float64)])


def sensitivity(max_examples: int) -> float:
    """The L2 distance by which one customer with m examples moves `class_histogram`, exactly.

    With p positives counted there are at most m - p negatives; it is worst if each kind falls into one bin:
    the maximum over p = 0..min(m, MAX_POSITIVES) of sqrt(p^2 + ((m - p) / m)^2).
    """
    positives = range(min(max_examples, MAX_POSITIVES) + 1)
    return max(math.hypot(p, (max_examples - p) / max_examples) for p in positives)


def exact_auc(scores: Floats, test: CustomerExamples, *, seed: int, resamples: int = 200) -> Measure:
    """The AUC of `scores` (n, m) as it is, bootstrapped over customers (households where known). Internal."""
    rng = np.random.default_rng(seed)
    labels, groups = test.labels[test.mask] > 0.5, np.unique(test.group_of(), return_inverse=True)[1]
    owner = np.broadcast_to(groups[:, None], test.mask.shape)[test.mask]
    ranked = _Ranked(scores[test.mask], labels)
    value = ranked.auc(np.ones(len(labels)))
    count = int(groups.max(initial=0)) + 1
    draws = [ranked.auc(rng.multinomial(count, [1 / count] * count)[owner]) for _ in range(resamples)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return Measure(
        name="AUC",
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        scope="internal",
        how="exact on test customers, bootstrap over customers (households where known)",
    )


class _Ranked:
    """Scores sorted once, so that the AUC under many weightings is cheap. Ties count one half."""

    def __init__(self, scores: Floats, positive: NDArray[np.bool_]) -> None:
        self._level = np.unique(scores, return_inverse=True)[1]
        self._positive = positive
        self._levels = int(self._level.max(initial=0)) + 1

    def auc(self, weights: NDArray[Any]) -> float:
        positive = np.bincount(self._level, weights * self._positive, minlength=self._levels)
        negative = np.bincount(self._level, weights * ~self._positive, minlength=self._levels)
        return _auc(np.stack([negative, positive]))


def _auc(histogram: Floats) -> float:
    """The AUC of a histogram (2, bins): P(negative below positive) + P(same bin) / 2; 0.5 if undefined."""
    negative, positive = histogram
    pairs = negative.sum() * positive.sum()
    if min(negative.sum(), positive.sum()) <= 0:
        return 0.5
    below = np.cumsum(negative) - negative / 2
    return float(np.clip((below * positive).sum() / pairs, 0.0, 1.0))


def _interval(noised: Floats, value: float, stddev: float, cap: int) -> tuple[float, float]:
    """A 95 % interval around `value`; the whole range if the noise hides whether there are positives."""
    totals = noised.sum(axis=1)
    if totals.min() <= 3 * stddev * math.sqrt(BINS):
        return 0.0, 1.0
    rng = np.random.default_rng()
    expected = np.maximum(noised, 0) * (totals / np.maximum(noised, 0).sum(axis=1))[:, None]
    together = np.array([[1.0], [float(min(MAX_POSITIVES, cap))]])  # what one customer adds to a bin at most
    counts = rng.poisson(expected / together, size=(_RESAMPLES, 2, BINS)) * together
    draws = [_auc(draw) for draw in counts + rng.normal(0, stddev, size=counts.shape)]
    below, above = np.quantile(np.array(draws) - np.median(draws), [0.025, 0.975])
    return max(0.0, value - float(above)), min(1.0, value - float(below))
