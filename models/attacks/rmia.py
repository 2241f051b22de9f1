"""RMIA: how much likelier a customer is under the model than under references, compared with other customers.

Zarifzadeh, Liu & Shokri 2024, *Low-Cost High-Power Membership Inference Attacks*. With theta the target and P the mean
over references, Lambda(x) = P(x | theta) / P(x); the score is the share of population samples z for which
Lambda(x) / Lambda(z) >= gamma. A customer's likelihood is exp(-mean loss). Population samples are the customers under
attack themselves, and gamma is 1: a score is the rank of Lambda, and none is lost where few others are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.attacks.curves import Floats

SCALE = 0.3  # of the offline attack, where references are too few to choose one
_SCALES = np.linspace(0, 1, 11)
_TINY = 1e-300


def online(target: Floats, references: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Scores (n,) of losses `target` (n,) by those of `references` (r, n), half of them `trained` (r, n) on each."""
    inside, outside = _mean(references, trained), _mean(references, ~trained)
    return _scores(target, (inside + outside) / 2)


def offline(target: Floats, references: Floats, trained: NDArray[np.bool_], scale: float) -> Floats:
    """As `online`, by references that had not trained on a customer; P = ((1 + a) P_out + 1 - a) / 2 at scale a."""
    return _scores(target, _offline_mean(references, trained, scale))


def best_scale(references: Floats, trained: NDArray[np.bool_]) -> float:
    """The scale a in [0, 1] at which the references tell best of each other whom they were `trained` (r, n) on.

    References 2 i and 2 i + 1 are halves of one split, of which each is attacked with the other pairs; SCALE with less
    than two pairs. Nothing of the target is used.
    """
    if len(references) < 4:
        return SCALE
    return float(max(_SCALES, key=lambda scale: _told(references, trained, float(scale))))


def _told(references: Floats, trained: NDArray[np.bool_], scale: float) -> float:
    """The mean gap of scores between the customers of a reference and others, for every reference in turn."""
    pair = np.arange(len(references)) // 2
    gaps = []
    for place, losses in enumerate(references):
        rest = pair != pair[place]
        scores = offline(losses, references[rest], trained[rest], scale)
        gaps.append(scores[trained[place]].mean() - scores[~trained[place]].mean())
    return float(np.mean(gaps))


def _scores(target: Floats, mean: Floats) -> Floats:
    ratios = -target - np.log(np.maximum(mean, _TINY))
    return np.searchsorted(np.sort(ratios), ratios, side="right") / len(ratios)


def _mean(references: Floats, among: NDArray[np.bool_]) -> Floats:
    likelihoods = np.where(among, np.exp(-references), 0.0)
    return np.asarray(likelihoods.sum(axis=0) / among.sum(axis=0))


def _offline_mean(references: Floats, trained: NDArray[np.bool_], scale: float) -> Floats:
    return ((1 + scale) * _mean(references, ~trained) + 1 - scale) / 2
