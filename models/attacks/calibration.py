"""Calibration: from what a model's losses say of each value to a posterior that can be scored in bits.

A conditional logit (McFadden 1974): the log-odds of a value are linear in its scores, with the same slopes for every
value, above how frequent the value is (imputation: Jayaraman & Evans 2022, *Are Attribute Inference Attacks Just
Imputation?*, CCS). It is fitted on some customers and judged on others (cross-fitting), so that what it costs in bits
is never less, in the mean, than the entropy that is left: a cross-entropy.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
FOLDS: Final = 5
_LEAST_LOSS: Final = 1e-6
_MOST_LOSS: Final = 1e6
_RIDGE: Final = 1.0
_DOUBT: Final = 0.01  # of every posterior is the frequencies alone, so that no guess costs without bound


class Judged(NamedTuple):
    """Of each customer (n,): what the posterior makes of the truth, and what the frequencies alone make of it.

    `cost` in bits, `gained` bits less than by the frequencies, and `right` (-1, 0 or 1): whether the best guess is
    right, less whether the most frequent value is.
    """

    cost: Floats
    gained: Floats
    right: Floats


class Posterior(NamedTuple):
    """Log-odds of values: `slopes` (f,) for scores less `centre` (v, f), above `log_prior` (v,) and `shift` (v,)."""

    slopes: Floats
    shift: Floats
    centre: Floats
    log_prior: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """(n, v) for `scores` (n, v, f)."""
        told = softmax((scores - self.centre) @ self.slopes + self.log_prior + self.shift, axis=1)
        return np.asarray((1 - _DOUBT) * told + _DOUBT * np.exp(self.log_prior))


def scores_of(losses: Floats) -> Floats:
    """What is read of `losses` (n, v): each and its logarithm; (n, v, 2)."""
    held = np.clip(np.nan_to_num(losses, nan=_MOST_LOSS), _LEAST_LOSS, _MOST_LOSS)
    return np.stack([held, np.log(held)], axis=2)


def fit_posterior(scores: Floats, truth: Integers, prior: Floats | None = None) -> Posterior:
    """The posterior that explains `truth` (n,) best by `scores` (n, v, f); how frequent values are is counted.

    Unless `prior` (v,) is known, each value counts half a customer more than there are (Krichevsky & Trofimov 1981).
    """
    values, kinds = scores.shape[1:]
    if prior is None:
        counted = np.bincount(truth, minlength=values) + 0.5
        prior = counted / counted.sum()
    log_prior, centre = np.log(prior), scores.mean(axis=0)
    held = scores - centre
    beside = held - held.mean(axis=1, keepdims=True)  # what all values share tells nothing of them
    scale = np.maximum(beside.std(axis=(0, 1)), 1e-12)
    held, rows = beside / scale, np.arange(len(truth))
    right = np.zeros(scores.shape[:2])
    right[rows, truth] = 1.0

    def cost(way: Floats) -> tuple[float, Floats]:
        slopes, shift = way[:kinds], way[kinds:]
        told = log_softmax(np.einsum("nvf,f->nv", held, slopes) + log_prior + shift, axis=1)
        wrong = np.exp(told) - right
        slope = np.concatenate([np.einsum("nv,nvf->f", wrong, held), wrong.sum(axis=0)])
        return float(-told[rows, truth].sum() + _RIDGE * (way @ way) / 2), slope + _RIDGE * way

    found = minimize(cost, np.zeros(kinds + values), jac=True, method="L-BFGS-B").x
    return Posterior(found[:kinds] / scale, found[kinds:], centre, log_prior)


def judged(scores: Floats, truth: Integers, folds: Integers, prior: Floats | None = None) -> Judged:
    """Every customer judged by a posterior that was fitted on the other `folds` (n,)."""
    cost, gained, right = np.zeros((3, len(truth)))
    for fold in np.unique(folds):
        here = folds == fold
        known, rows = truth[here], np.arange(here.sum())
        posterior = fit_posterior(scores[~here], truth[~here], prior)
        told = posterior.probabilities(scores[here])
        cost[here] = -np.log2(told[rows, known])
        gained[here] = -posterior.log_prior[known] / np.log(2) - cost[here]
        guessed = (told.argmax(axis=1) == known).astype(np.float64)
        right[here] = guessed - (posterior.log_prior.argmax() == known)
    return Judged(cost, gained, right)


def folds_of(groups: Integers, rng: np.random.Generator) -> Integers:
    """A fold in [0, FOLDS) of each customer (n,), the same for customers of one household."""
    names, whose = np.unique(groups, return_inverse=True)
    return (rng.permutation(len(names)) % FOLDS)[whose].astype(np.int64)
