"""Mondrian: classes of their own for every region of the table (LeFevre et al. 2006), all regions cut at once.

Each round cuts every open region in two along one column, where both halves keep all criteria: of the columns'
best cuts the one that lowers the certainty penalty the most. The greedy choice has no proof of optimality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anonymity.search.classes import Classes, Ints, number
from models.anonymity.search.criteria import groups_of, hold_alone, hold_beside, kept_groups, shares_of
from models.anonymity.search.ladder import Ladder
from models.values.anonymity import Anonymity

Floats = npt.NDArray[np.float64]
# The best cuts may be near a region's edge; after so many rounds cuts leave at least a share on either side.
FREE_ROUNDS = 64
LEAST_SIDE = 0.1


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A column as Mondrian walks along it: `order` (finest code -> place in a row), `places` or None, `width`.

    With places a region costs its span over `width`, or 1 if it also holds what has none; without, the share of
    the `width` different values that it holds. `gap` is the place of what is missing, -1 if nothing is.
    """

    order: npt.NDArray[np.int64]
    places: Floats | None
    width: float
    gap: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """The best cut of each region along one axis: the last place on the left, and what it saves; 0: none."""

    last: Ints
    saved: Floats


def axes(ladders: Sequence[Ladder], share: Sequence[float]) -> tuple[Axis, ...]:
    """The columns as axes; categories stand beside those that a higher level merges them with."""
    found = []
    for ladder, part in zip(ladders, share, strict=True):
        keys = [level.codes for level in ladder.levels] if ladder.places is None else [ladder.places]
        sort = np.lexsort(keys)
        order = np.empty(sort.size, dtype=np.int64)
        order[sort] = np.arange(sort.size)
        gap = int(order[-1]) if ladder.values[-1:] == (None,) else -1
        places = None if ladder.places is None else ladder.places[sort]
        found.append(Axis(order=order, places=places, width=_width(ladder), gap=gap, share=part))
    return tuple(found)


def _width(ladder: Ladder) -> float:
    if ladder.leaves is not None:
        return float(ladder.leaves[-1].max())
    if ladder.places is None:
        return float(len(ladder.values))
    known = ladder.places[~np.isnan(ladder.places)]
    return float(np.ptp(known)) or 1.0 if known.size else 1.0


def mondrian(
    classes: Classes, ladders: Sequence[Ladder], anonymity: Anonymity, share: Sequence[float]
) -> Ints:
    """The group of each finest class, from 0; -1 for classes that are suppressed: all, if the table fails whole."""
    row, owner = axes(ladders, share), np.zeros(classes.counts.size, dtype=np.int64)
    groups = groups_of(classes, owner, 1)
    if not kept_groups(groups, anonymity).all():
        return owner - 1
    overall = shares_of(groups, np.ones(1, dtype=bool))
    walk = [axis.order[codes] for axis, codes in zip(row, classes.codes, strict=True)]
    open_ = np.arange(owner.size)
    used, rounds = 1, 0
    while open_.size:
        least = 0.0 if rounds < FREE_ROUNDS else LEAST_SIDE
        rounds += 1
        region, regions = number(owner[open_])
        weight = classes.weights[open_]
        cuts = [
            _cuts(axis, place[open_], region, regions, weight, anonymity.k, least)
            for axis, place in zip(row, walk, strict=True)
        ]
        right = _chosen(
            classes, anonymity, overall, cuts, [place[open_] for place in walk], open_, region, regions
        )
        cut = np.zeros(regions, dtype=bool)
        cut[region[right]] = True
        moved = open_[right]
        owner[moved] = used + region[right]
        used += regions
        open_ = open_[cut[region]]
    return number(owner)[0]


def _cuts(axis: Axis, place: Ints, region: Ints, regions: int, weight: Floats, k: int, side: float) -> Cuts:
    """The cut of every region along the axis that saves the most, among those that leave k on both sides."""
    size = axis.order.size
    keys = region * size + place
    order = np.argsort(keys)
    found = keys[order]
    fresh = np.ones(found.size, dtype=bool)
    np.not_equal(found[1:], found[:-1], out=fresh[1:])
    start = np.flatnonzero(fresh)
    unique, held = found[start], np.add.reduceat(weight[order], start)
    of, at = np.divmod(unique, size)
    begin = np.searchsorted(of, np.arange(regions))
    end = np.append(begin[1:], of.size) - 1
    total = np.add.reduceat(held, begin)
    left = np.cumsum(held)
    left -= (left[begin] - held[begin])[of]
    rest = total[of] - left
    nth = np.arange(of.size)
    whole = cost(axis, at[begin], at[end], (end - begin + 1).astype(float))
    low = cost(axis, at[begin][of], at, (nth - begin[of] + 1).astype(float))
    after = np.minimum(nth + 1, of.size - 1)
    high = cost(axis, at[after], at[end][of], (end[of] - nth).astype(float))
    saved = axis.share * (total * whole)[of] - axis.share * (left * low + rest * high)
    least = np.maximum(k, side * total)[of]
    allowed = (left >= least) & (rest >= least)
    saved = np.where(allowed, saved, -1.0)
    best = np.maximum.reduceat(saved, begin)
    hit = np.flatnonzero((saved == best[of]) & allowed)
    last = np.zeros(regions, dtype=np.int64)
    last[of[hit[::-1]]] = at[hit[::-1]]
    return Cuts(last=last, saved=best)


def cost(axis: Axis, first: Ints, last: Ints, values: Floats) -> Floats:
    """What regions from place `first` to `last` with so many different values cost by row."""
    if axis.places is None:
        return np.where(values <= 1, 0.0, values / axis.width)
    span: Floats = (axis.places[last] - axis.places[first]) / axis.width
    return np.where(first == last, 0.0, np.where(last == axis.gap, 1.0, span))


def _chosen(
    classes: Classes,
    anonymity: Anonymity,
    overall: Sequence[Floats],
    cuts: Sequence[Cuts],
    walk: Sequence[Ints],
    open_: Ints,
    region: Ints,
    regions: int,
) -> npt.NDArray[np.bool_]:
    """Which classes go right of their region's cut: the cut that saves the most and keeps the criteria."""
    saved = np.stack([cut.saved for cut in cuts])
    right = np.zeros(open_.size, dtype=bool)
    undone = np.ones(regions, dtype=bool)
    for _ in range(len(cuts)):
        best = saved.argmax(axis=0)
        undone = np.logical_and(undone, saved.max(axis=0) >= 0)
        if not undone.any():
            break
        side = np.zeros(open_.size, dtype=bool)
        for axis, cut in enumerate(cuts):
            mine = undone[region] & (best[region] == axis)
            side[mine] = walk[axis][mine] > cut.last[region[mine]]
        good = undone & _both_hold(classes, anonymity, overall, open_, region, side, undone)
        right |= side & good[region]
        undone = undone & ~good
        saved[best, np.arange(regions)] = -1.0
    return right


def _both_hold(
    classes: Classes,
    anonymity: Anonymity,
    overall: Sequence[Floats],
    open_: Ints,
    region: Ints,
    side: npt.NDArray[np.bool_],
    asked: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:
    """Regions both of whose halves keep the criteria; k is kept by the choice of cuts."""
    if anonymity.l == 1 and not anonymity.beyond_k_and_l:
        return asked
    owner = np.full(classes.counts.size, -1, dtype=np.int64)
    within = asked[region]
    owner[open_[within]] = 2 * region[within] + side[within]
    halves = groups_of(classes, owner, 2 * asked.size)
    kept = hold_alone(halves, anonymity)
    if anonymity.t is not None or anonymity.beta is not None:
        kept = hold_beside(halves, overall, anonymity, kept)
    return np.logical_and(kept[0::2], kept[1::2])
