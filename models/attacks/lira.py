"""LiRA: the likelihood ratio of a customer's confidence if trained on and if not.

Carlini et al. 2022, *Membership Inference Attacks From First Principles*. References say how confident a model is of a
customer who is IN its training and of one who is OUT; both are taken to be Gaussian on the logit scale, and where the
target's confidence stands between the two is the score. The offline attack knows the OUT side only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.attacks.curves import Floats

_LEAST_LOSS = 1e-7  # nothing less is told apart in single precision
_OWN = 16  # references on a side, from which on a customer has a variance of their own


def confidences(losses: Floats) -> Floats:
    """Mean losses (...) as log(p / (1 - p)) with p = exp(-loss): for a class, its probability on the logit scale.

    Losses of which some are below zero are no logarithms of probabilities: then it is -loss.
    """
    if losses.min(initial=0.0) < 0:
        return -losses
    return -np.log(np.expm1(np.clip(losses, _LEAST_LOSS, 500.0)))


def online(target: Floats, references: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Log likelihood ratios (n,) of confidences `target` (n,) by `references` (r, n), some `trained` (r, n) on them.

    Every customer must be IN some references and OUT of others.
    """
    inside, outside = _fit(references, trained), _fit(references, ~trained)
    return _log_density(target, inside) - _log_density(target, outside)


def offline(target: Floats, references: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Standard scores (n,) of `target` (n,) among the `references` (r, n) that had not `trained` (r, n) on them.

    The one-sided test against OUT, 1 - P(Z > z), rises with z, which does not run into 1.
    """
    outside = _fit(references, ~trained)
    return (target - outside.mean) / outside.deviation


class _Gaussian(NamedTuple):
    """Means (n,) and standard deviations (n,) of confidences."""

    mean: Floats
    deviation: Floats


def _fit(references: Floats, among: NDArray[np.bool_]) -> _Gaussian:
    """Each customer's mean over the references `among` (r, n), and the deviation around it.

    With few references it is one of all customers; with one of each side it is unknown and taken to be 1, which leaves
    the order of customers as any equal deviation would.
    """
    count = among.sum(axis=0)
    mean = np.where(among, references, 0.0).sum(axis=0) / count
    squares = np.where(among, (references - mean) ** 2, 0.0).sum(axis=0)
    if count.min() >= _OWN:
        variance = squares / (count - 1)
    else:
        freedom = int((count - 1).sum())
        variance = np.full(len(mean), squares.sum() / freedom if freedom else 1.0)
    return _Gaussian(mean, np.sqrt(np.maximum(variance, 1e-12)))


def _log_density(values: Floats, gaussian: _Gaussian) -> Floats:
    return -0.5 * ((values - gaussian.mean) / gaussian.deviation) ** 2 - np.log(gaussian.deviation)
