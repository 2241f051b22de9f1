"""The sensitivity of tree aggregation when a customer takes part several times."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

Best = NDArray[np.int64]
"""`best[n]`: the largest sum over nodes of (participations below the node)^2 with n participations."""


def squared_sensitivity(trees: tuple[int, ...], participations: int, separation: int) -> int:
    """The largest squared L2 norm by which one customer can move all nodes of `trees` (steps of each).

    The customer takes part at most `participations` times, any two at least `separation` steps apart, each
    time with norm at most 1. A node with n participations below moves by at most n, and by n exactly if
    all contributions point the same way. A tree of T steps uses only the complete subtrees that make up T:
    one for every binary digit 1. Of the separation it is used that a node over L leaves has at most
    1 + (L - 1) // separation participations; what neighbouring nodes forbid each other is left out. So the
    answer is an upper bound, and the exact value for separation 1 and for one participation.
    """
    best = np.zeros(1, dtype=np.int64)
    for steps, count in Counter(trees).items():
        tree = np.zeros(1, dtype=np.int64)
        for height in range(steps.bit_length()):
            if steps >> height & 1:
                tree = _together(tree, _complete(height, participations, separation), participations)
        best = _together(best, _repeated(tree, count, participations), participations)
    return int(best.max())


def _complete(height: int, participations: int, separation: int) -> Best:
    """Of a complete subtree over 2^height leaves."""
    best = np.array([0, 1], dtype=np.int64)
    for level in range(1, height + 1):
        most = min(participations, 1 + (2**level - 1) // separation)
        best = _together(best, best, most)
        best += np.arange(len(best)) ** 2
    return best


def _repeated(best: Best, count: int, participations: int) -> Best:
    """Of `count` equal trees, by doubling."""
    whole = np.zeros(1, dtype=np.int64)
    while count:
        if count & 1:
            whole = _together(whole, best, participations)
        best, count = _together(best, best, participations), count >> 1
    return whole


def _together(left: Best, right: Best, most: int) -> Best:
    """Of two disjoint sets of nodes: the best way to share out up to `most` participations."""
    size = min(most, len(left) + len(right) - 2) + 1
    best = np.full(size, -1, dtype=np.int64)
    for here, value in enumerate(left[:size]):
        reach = min(len(right), size - here)
        best[here : here + reach] = np.maximum(best[here : here + reach], value + right[:reach])
    return best
