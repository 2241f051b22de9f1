"""Evaluation: the area under the ROC curve on test customers, released privately.

Two histograms of scores are released, each with Gaussian noise. The first counts negatives in fine public
bins. Its noised quantiles give the edges of the second, which counts positives in a few bins that are
narrow where an AUC is decided, however the model's scores are scaled. All else is post-processing.
"""

from __future__ import annotations

import math

import numpy as np
from dp_accounting.gaussian_mechanism import get_sigma_gaussian
from numpy.typing import NDArray

from models.privacy.auc import Floats, histogram_auc
from models.privacy.examples import CustomerExamples
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.values.scope import Measure

MAX_POSITIVES = 2
# Public: log-odds from -16 to 16 by a quarter, open at both ends.
FINE_EDGES: Floats = np.linspace(-16, 16, 129)
# The shares of negatives that shall lie above the edges of the second histogram, public too.
_ABOVE = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.075, 0.05, 0.035, 0.02, 0.01, 0.005)
_RESAMPLES = 2000


def released_auc(
    scores: Floats,
    test: CustomerExamples,
    *,
    epsilon: float,
    delta: float,
    entropy: Entropy | None = None,
) -> Measure:
    """The AUC of `scores` (n, m) under (epsilon, delta) differential privacy of one test customer.

    One customer moves the two histograms by at most `sensitivities` in L2. Gaussian mechanisms of mu1 and
    mu2 compose, also adaptively, to exactly one of sqrt(mu1^2 + mu2^2) (Dong et al. 2022), so noise of
    standard deviation sigma |sensitivities| on both costs (epsilon, delta), with sigma calibrated exactly
    (Balle & Wang 2018, *Improving the Gaussian Mechanism*).

    Test customers are no training customers, and which part a customer belongs to depends on that customer
    (or household) alone. So adding or removing a customer changes either the training set or the test set
    but not both, and its loss is bounded by the larger of the two epsilons, not by their sum (parallel
    composition, McSherry 2009).

    The interval covers noise and sampling, by a parametric bootstrap that counts all examples of a customer
    as if they fell into one bin; it is the whole range if the noise hides the positives.
    """
    stddev = get_sigma_gaussian(epsilon, delta) * math.hypot(*sensitivities(test.max_examples))
    noise = GaussianNoise(entropy or KeyStream())
    fine = negative_histogram(scores, test)
    fine = fine + noise.draw(fine.shape, stddev=stddev)
    edges = _edges(fine)
    positive = positive_histogram(scores, test, edges)
    positive = positive + noise.draw(positive.shape, stddev=stddev)
    value = float(histogram_auc(_merged(fine, edges), positive))
    low, high = _interval(fine, positive, edges, stddev)
    return Measure(
        name="AUC",
        value=value,
        low=min(low, value),
        high=max(high, value),
        scope="dp_released",
        how=f"noised histograms of scores of test customers, epsilon {epsilon:g}, delta {delta:g}",
    )


def sensitivities(max_examples: int) -> tuple[float, float]:
    """How far one customer moves `negative_histogram` and `positive_histogram` in L2, at most and exactly.

    Worst is all in one bin: m negatives of 1/m each, and min(m, MAX_POSITIVES) positives of 1 each.
    """
    return 1.0, float(min(max_examples, MAX_POSITIVES))


def negative_histogram(scores: Floats, test: CustomerExamples) -> Floats:
    """Negatives (129 + 1 bins), each counted 1/m, so that a customer counts 1 at most."""
    counted = test.mask & (test.labels <= 0.5)
    return np.bincount(_fine_bins(scores)[counted], minlength=len(FINE_EDGES) + 1) / test.max_examples


def positive_histogram(scores: Floats, test: CustomerExamples, edges: NDArray[np.int64]) -> Floats:
    """Positives (edges + 1 bins), each counted 1: of a customer the first MAX_POSITIVES."""
    positive = test.mask & (test.labels > 0.5)
    counted = positive & (np.cumsum(positive, axis=1) <= MAX_POSITIVES)
    bins = np.searchsorted(edges, _fine_bins(scores)[counted], side="right")
    return np.bincount(bins, minlength=len(edges) + 1).astype(np.float64)


def _fine_bins(scores: Floats) -> NDArray[np.int64]:
    """The public fine bin of each score's log-odds; a score that is no number lies in the lowest."""
    inside = np.clip(np.nan_to_num(scores, nan=0.0), 1e-12, 1 - 1e-12)
    bins: NDArray[np.int64] = np.digitize(np.log(inside) - np.log1p(-inside), FINE_EDGES)
    return bins


def _edges(fine: Floats) -> NDArray[np.int64]:
    """The fine bins at which the wanted shares of negatives lie at or above, from the noised histogram alone."""
    above = np.maximum.accumulate(np.cumsum(fine[::-1]))
    wanted = np.array(_ABOVE) * max(float(above[-1]), 1e-9)
    return np.unique(len(fine) - 1 - np.minimum(np.searchsorted(above, wanted), len(fine) - 2))


def _merged(fine: Floats, edges: NDArray[np.int64]) -> Floats:
    return np.add.reduceat(fine, np.append(0, edges), axis=-1)


def _interval(fine: Floats, positive: Floats, edges: NDArray[np.int64], stddev: float) -> tuple[float, float]:
    """A 95 % interval for the AUC."""
    widths = np.diff(np.concatenate([[0], edges, [len(fine)]]))
    noisy = np.stack([_merged(fine, edges), positive])
    spread = stddev * np.sqrt(np.stack([widths, np.ones(len(widths))]))
    totals = noisy.sum(axis=1)
    if np.any(totals <= 3 * np.sqrt((spread**2).sum(axis=1))):
        return 0.0, 1.0
    rng = np.random.default_rng()
    known = np.maximum(noisy, 0)
    known *= (totals / known.sum(axis=1))[:, None]
    together = np.array([[1.0], [float(MAX_POSITIVES)]])  # what one customer adds to a bin at most
    drawn = rng.poisson(known / together, size=(_RESAMPLES, *known.shape)) * together
    drawn = drawn + rng.normal(size=drawn.shape) * spread
    values = histogram_auc(drawn[:, 0], drawn[:, 1])
    centre = float(histogram_auc(noisy[0], noisy[1]))
    below, above = np.quantile(values - np.median(values), [0.025, 0.975])
    return max(0.0, centre - float(above)), min(1.0, centre - float(below))
