"""Expected hypervolume improvement: by how much a trial would widen the front, on what is believed of it.

Emmerich et al. 2006, for objectives that are believed independent and normal: the region that no point dominates is cut
into boxes, and of each box the expected volume that a new point would take is a product over the objectives.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.balance.gaussian import Belief

Floats = NDArray[np.float64]


def expected_improvement(front: Floats, beliefs: list[Belief]) -> Floats:
    """The expected gain (n,) of hypervolume below the reference 1 over `front` (m, d), losses, by beliefs of d losses.

    Every belief is of n places. Cost grows with (m + 1)^(d - 1).
    """
    front = front[(front < 1).all(axis=1)]
    last = beliefs[-1]
    gains = [
        _below(np.append(np.unique(front[:, axis]), 1.0), belief) for axis, belief in enumerate(beliefs[:-1])
    ]
    edges = [np.unique(front[:, axis]) for axis in range(len(beliefs) - 1)]
    total = np.zeros(len(last.mean))
    for cell in product(*(range(len(edge) + 1) for edge in edges)):
        corner = [edge[place - 1] if place else -np.inf for edge, place in zip(edges, cell, strict=True)]
        covered = front[(front[:, :-1] <= corner).all(axis=1), -1]
        height = _below(np.array([covered.min(initial=1.0)]), last)[:, 0]
        for gain, place in zip(gains, cell, strict=True):
            height = height * gain[:, place]
        total += height
    return total


def _below(edges: Floats, belief: Belief) -> Floats:
    """(n, edges) the expected length that a value takes of each interval [a, b] that ends at an edge b.

    It is E max(b - Y, 0) - E max(a - Y, 0); the first interval has no lower end.
    """
    gap = edges[None, :] - belief.mean[:, None]
    score = gap / belief.stddev[:, None]
    reached = gap * norm.cdf(score) + belief.stddev[:, None] * norm.pdf(score)
    found: Floats = np.diff(reached, axis=1, prepend=0.0)
    return np.maximum(found, 0.0)
