"""The front: which points no other beats, how much it dominates, its best bargain, and where it is not sure.

Every objective is turned so that less is better. Pareto dominance and hypervolume as in Zitzler & Thiele 1999.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.balance.errors import BalanceError
from models.balance.objectives import OBJECTIVES, Objective, losses, reach, shortfalls
from models.values.balance import Constraint, Point
from models.values.target import PrivacyTarget

Floats = NDArray[np.float64]
Bounds = Mapping[Objective, tuple[float, float]]
"""By objective the best there can be and the reference, from which volume counts: both public, never from the data."""

_MOST_OBJECTIVES: Final = 4


def dominates(
    one: Point, other: Point, objectives: Sequence[Objective] = OBJECTIVES, *, surely: bool = False
) -> bool:
    """Whether `one` is at least as good as `other` in all objectives and better in one.

    With `surely` it must be so beyond the intervals: better by at least sqrt(a^2 + b^2) in every objective, where a and
    b are how far the two intervals reach (none where a number is exact).
    """
    mine, others = losses([one, other], objectives)
    gain = others - mine
    if surely:
        gain = gain - [math.hypot(reach(one, what), reach(other, what)) for what in objectives]
    return bool((gain >= 0).all() and (others > mine).any())


def kept(points: Sequence[Point], constraints: Sequence[Constraint] = ()) -> tuple[Point, ...]:
    """The points that keep every constraint and break no hard rule."""
    return tuple(each for each in points if max(shortfalls(each, constraints)) <= 0)


def front(
    points: Sequence[Point],
    constraints: Sequence[Constraint] = (),
    objectives: Sequence[Objective] = OBJECTIVES,
    *,
    surely: bool = False,
) -> tuple[Point, ...]:
    """The points that keep the constraints and that none of these dominates, in the order of their numbers.

    With `surely` only points that are dominated beyond the intervals are left out: who may yet prove to be as good
    stays. Of points that are equal in every objective all stay.
    """
    allowed = kept(points, constraints)
    found = [
        each
        for each in allowed
        if not any(dominates(other, each, objectives, surely=surely) for other in allowed)
    ]
    return tuple(sorted(found, key=lambda each: each.number))


def doubtful(
    points: Sequence[Point],
    constraints: Sequence[Constraint] = (),
    objectives: Sequence[Objective] = OBJECTIVES,
) -> tuple[int, ...]:
    """The numbers of the points that deserve another training, the most useful first.

    These are the front's and those that may yet belong to it: the ones trained least often come first, among these the
    ones that are on the front by their values, and then those whose utility is least sure. Empty if there is one point.
    """
    maybe = front(points, constraints, objectives, surely=True)
    if len(maybe) < 2:
        return ()
    shown = {each.number for each in front(points, constraints, objectives)}

    def order(each: Point) -> tuple[int, bool, float, int]:
        return each.repeats, each.number not in shown, -reach(each, "utility"), each.number

    return tuple(each.number for each in sorted(maybe, key=order))


def hypervolume(points: Sequence[Point], bounds: Bounds, constraints: Sequence[Constraint] = ()) -> float:
    """The share (0..1) of the box between best and reference that the points dominate; exact.

    Points that do not keep the constraints count nothing, nor does what lies beyond the reference.
    """
    return volume(scaled(kept(points, constraints), bounds))


def history(
    points: Sequence[Point], bounds: Bounds, constraints: Sequence[Constraint] = ()
) -> tuple[float, ...]:
    """The hypervolume after each point, in the order of their numbers."""
    ordered = sorted(points, key=lambda each: each.number)
    return tuple(hypervolume(ordered[: many + 1], bounds, constraints) for many in range(len(ordered)))


def bounds_of(
    utility_floor: float, target: PrivacyTarget, *, seconds: float | None = None
) -> dict[Objective, tuple[float, float]]:
    """Public bounds of (utility, upper_bits, unmet), and of seconds where they are asked for.

    Utility from 1 down to `utility_floor`, what looking at nothing reaches; bits from 0 to those of one Gaussian
    mechanism that costs the whole target, 1 / (2 sigma^2) nats (Balle & Wang 2018 for sigma); unmet from 0 to 1.
    """
    from dp_accounting.gaussian_mechanism import get_sigma_gaussian

    sigma = float(get_sigma_gaussian(target.epsilon, target.delta))
    found: dict[Objective, tuple[float, float]] = {
        "utility": (-1.0, -utility_floor),
        "upper_bits": (0.0, math.log2(math.e) / (2 * sigma**2)),
        "unmet": (0.0, 1.0),
    }
    return found if seconds is None else {**found, "seconds": (0.0, seconds)}


def scaled(points: Sequence[Point], bounds: Bounds) -> Floats:
    """(points, objectives) losses with the best at 0 and the reference at 1."""
    if not 0 < len(bounds) <= _MOST_OBJECTIVES:
        raise BalanceError(f"{len(bounds)} objectives are not 1 to {_MOST_OBJECTIVES}; leave some out")
    best, worst = (np.array(edge, dtype=np.float64) for edge in zip(*bounds.values(), strict=True))
    found: Floats = (losses(points, tuple(bounds)) - best) / (worst - best)
    return found


def volume(rows: Floats) -> float:
    """The volume of the unit box that `rows` (n, d) dominate: what lies above at least one of them.

    By slices along the last axis (HSO: While et al. 2006): between two neighbouring values of it the volume is the
    slice's height times the volume, in one dimension less, of the rows that are below.
    """
    rows = np.clip(rows[(rows < 1).all(axis=1)], 0.0, None)
    if not len(rows):
        return 0.0
    if rows.shape[1] == 1:
        return float(1 - rows.min())
    rows = rows[np.argsort(rows[:, -1], kind="stable")]
    heights = np.diff(np.append(rows[:, -1], 1.0))
    return float(
        sum(height * volume(rows[: place + 1, :-1]) for place, height in enumerate(heights) if height > 0)
    )


def knee(
    points: Sequence[Point],
    objectives: Sequence[Objective] = OBJECTIVES,
    *,
    among: Sequence[Point] | None = None,
) -> int | None:
    """The number of the best bargain on a front: the point farthest below the plane through its extremes.

    Objectives are scaled to 0..1 over the front; those that do not differ on it are left out. The plane goes through
    the best point of each objective, or, where these are too few to span one, through the corners of the unit box (Das
    1999). Ties go to less risk, then to the earlier trial. With `among` it is the best of these of the front's points.
    None for no points.
    """
    if not points:
        return None
    depth = dict(zip((each.number for each in points), _depth(losses(points, objectives)), strict=True))
    best = max(
        points if among is None else among,
        key=lambda each: (depth[each.number], -each.upper_bits, -each.number),
    )
    return best.number


def unit(rows: Floats) -> Floats:
    """`rows` (n, d) scaled to 0..1 column by column; columns that do not differ are left out."""
    low, high = rows.min(axis=0), rows.max(axis=0)
    differs = high > low
    found = (rows[:, differs] - low[differs]) / (high[differs] - low[differs])
    return np.asarray(found, dtype=np.float64)


def _depth(rows: Floats) -> list[float]:
    """How far each of `rows` (n, d) lies below the plane through the extremes of all."""
    placed = unit(rows)
    if placed.shape[1] == 0:
        return [0.0] * len(rows)
    normal = _normal(placed)
    depth = (1.0 - placed @ normal) / float(np.linalg.norm(normal))
    return [round(float(each), 12) for each in depth]


def _normal(rows: Floats) -> Floats:
    """The normal a of the plane a x = 1 through the extremes of `rows`; that of the unit box's corners otherwise."""
    corners = np.ones(rows.shape[1])
    extremes = rows[
        [int(np.lexsort((rows.sum(axis=1), rows[:, column]))[0]) for column in range(rows.shape[1])]
    ]
    if np.linalg.matrix_rank(extremes) < rows.shape[1]:
        return corners
    found = np.asarray(np.linalg.solve(extremes, corners), dtype=np.float64)
    return found if (found > 0).all() else corners
