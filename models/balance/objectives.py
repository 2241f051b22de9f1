"""Objectives: what a point is judged by, points of repeated trainings pooled, and what a constraint says of one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from models.balance.errors import BalanceError
from models.values.balance import Constraint, Point
from models.values.balance import Objective as Objective
from models.values.scope import Measure

Floats = NDArray[np.float64]
OBJECTIVES: Final[tuple[Objective, ...]] = ("utility", "upper_bits", "unmet")
"""By default: risk is the accountant's bound, which is exact; an attack's estimate says little of small differences."""

_NOISY: Final = ("utility", "risk", "advantage")


def measured(point: Point, what: Objective) -> Measure | None:
    """The measure behind an objective; None for one that is known exactly."""
    found = getattr(point, what)
    return found if isinstance(found, Measure) else None


def value(point: Point, what: Objective) -> float:
    """An objective's number."""
    held = measured(point, what)
    return float(getattr(point, what)) if held is None else held.value


def reach(point: Point, what: Objective) -> float:
    """How far an objective's interval reaches, the longer side; 0 for one that is known exactly."""
    held = measured(point, what)
    return 0.0 if held is None else half_width(held)


def half_width(measure: Measure) -> float:
    """The longer side of an interval: one that ends at 0 or 1 is cut there, not surer."""
    return max(measure.value - measure.low, measure.high - measure.value)


def losses(points: Sequence[Point], objectives: Sequence[Objective]) -> Floats:
    """(points, objectives): each objective so that less is better."""
    rows = [
        [-value(each, what) if what == "utility" else value(each, what) for what in objectives]
        for each in points
    ]
    return np.array(rows, dtype=np.float64).reshape(len(points), len(objectives))


class Between(NamedTuple):
    """What differs between trainings of the same choices: its variance, and the degrees of freedom behind that."""

    variance: float
    freedom: int


def between(groups: Iterable[Sequence[Point]]) -> dict[str, Between]:
    """By measure, what differs between the repeats in each of `groups`, pooled over all of them; {} without repeats."""
    repeated = [points for points in groups if len(points) > 1]
    freedom = sum(len(points) - 1 for points in repeated)
    found = {}
    for name in _NOISY if freedom else ():
        held = [np.array([getattr(each, name).value for each in points]) for points in repeated]
        squares = math.fsum(float(((values - values.mean()) ** 2).sum()) for values in held)
        found[name] = Between(squares / freedom, freedom)
    return found


def pooled(points: Sequence[Point], runs: Mapping[str, Between] | None = None) -> Point:
    """One point of repeats of the same choices, with intervals that join the two kinds of error.

    All repeats are judged on the same customers, so the error of that sample (within a run) does not shrink with
    repeats: its variance is the mean of theirs, w. What differs between runs (noise, sampling of batches) does: its
    variance is s^2 / n. The interval is t's at w + s^2 / n, with degrees of freedom by Welch (1947) and Satterthwaite
    (1946): that of w has many, that of s^2 / n has n - 1. With `runs`, what repeats of all choices together say of s^2,
    the larger of the two s^2 counts, with the degrees of freedom of all; then a single training has it, too. Without,
    one point alone keeps its interval. Of what is exact the worst counts; seconds are those of one training. Raises
    BalanceError for different choices.
    """
    if not points:
        raise BalanceError("no points to pool; give at least one")
    first, known = points[0], runs or {}
    if any(each.choices != first.choices for each in points):
        raise BalanceError(
            f"trials {', '.join(str(each.number) for each in points)} are no repeats: their choices differ; pool each "
            "choice by itself"
        )
    if len(points) == 1 and not known:
        return first
    return first.model_copy(
        update={
            "utility": _joined([each.utility for each in points], known.get("utility"), most=1.0),
            "risk": _joined([each.risk for each in points], known.get("risk"), least=0.0),
            "advantage": _joined(
                [each.advantage for each in points], known.get("advantage"), least=0.0, most=1.0
            ),
            "upper_bits": max(each.upper_bits for each in points),
            "epsilon": max(each.epsilon for each in points),
            "unmet": max(each.unmet for each in points),
            "broken": tuple(dict.fromkeys(rule for each in points for rule in each.broken)),
            "seconds": fmean(each.seconds for each in points),
            "repeats": sum(each.repeats for each in points),
        }
    )


def _joined(
    found: Sequence[Measure], runs: Between | None, least: float = -math.inf, most: float = math.inf
) -> Measure:
    confidence, many = found[0].confidence, len(found)
    if any(each.confidence != confidence for each in found):
        raise BalanceError("repeats state their intervals at different confidences; measure them alike")
    values = np.array([each.value for each in found])
    usual = float(norm.ppf((1 + confidence) / 2))
    within = float(np.mean([(half_width(each) / usual) ** 2 for each in found]))
    own = Between(float(values.var(ddof=1)) if many > 1 else 0.0, many - 1)
    differ = own if runs is None else Between(max(own.variance, runs.variance), runs.freedom)
    apart = differ.variance / many
    freedom = math.inf if apart == 0 else differ.freedom * ((within + apart) / apart) ** 2
    quantile = usual if math.isinf(freedom) else float(t.ppf((1 + confidence) / 2, freedom))
    wide, middle = quantile * math.sqrt(within + apart), float(values.mean())
    return found[0].model_copy(
        update={
            "value": middle,
            "low": max(min(middle, least), middle - wide) if math.isfinite(least) else middle - wide,
            "high": min(max(middle, most), middle + wide) if math.isfinite(most) else middle + wide,
            "how": f"mean of {many} trainings, interval within and between them",
        }
    )


def shortfalls(point: Point, constraints: Sequence[Constraint]) -> tuple[float, ...]:
    """By how much each constraint is missed, and last how many hard rules are broken; kept where at most 0.

    What has an interval is judged by the end that speaks against it. Utility and compliance are missed by a difference,
    what is a quantity (bits, epsilon, seconds) by the logarithm of a ratio.
    """
    return (*(_missed(point, constraint) for constraint in constraints), float(len(point.broken)))


def violations(point: Point, constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """The constraints that a point does not keep and the hard rules that it breaks, each in a sentence."""
    found = [
        f"{constraint.what} {_worst(point, constraint):.4g} is {side} {bound:g}"
        for constraint in constraints
        if _missed(point, constraint) > 0
        for side, bound in [_bound(constraint)]
    ]
    return (*found, *(f"hard rule {rule} is not met" for rule in point.broken))


def _bound(constraint: Constraint) -> tuple[str, float]:
    if constraint.at_most is not None:
        return "above", constraint.at_most
    assert constraint.at_least is not None
    return "below", constraint.at_least


def _worst(point: Point, constraint: Constraint) -> float:
    held = measured(point, constraint.what)
    if held is None:
        return float(getattr(point, constraint.what))
    return held.high if constraint.at_most is not None else held.low


def _missed(point: Point, constraint: Constraint) -> float:
    (side, bound), worst = _bound(constraint), _worst(point, constraint)
    ratio = constraint.what not in ("utility", "unmet") and bound > 0 and worst > 0
    gap = math.log(worst / bound) if ratio else worst - bound
    return gap if side == "above" else -gap
