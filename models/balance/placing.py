"""Placing: where a model stands against the last front of its use case, what left its interval, and where to go.

A front is a promise about trainings like the ones that it was made of. When a training's utility or risk is no longer
what the front says, or other rules hold than when it was made, its other points are taken to have moved as this one
did, and the choice is made again among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from models.balance.choice import bits, bits_at_most, choose
from models.balance.objectives import OBJECTIVES, Objective, half_width, shortfalls, violations
from models.values.balance import Constraint, Front, Point, Position
from models.values.scope import Measure

Judge = Callable[[Point], tuple[float, tuple[str, ...]]]
"""What today's packs say of a point with these choices: the share of rules unmet, and the hard rules broken."""

_ROUNDING: Final = 1e-6
_FAR: Final = 1e9


def place(
    point: Point,
    front: Front,
    constraints: Sequence[Constraint],
    packs: Sequence[str],
    *,
    judge: Judge | None = None,
    weights: Mapping[Objective, float] | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
) -> Position:
    """Where `point`, a new training, stands against `front`, under today's `constraints` and `packs`.

    It is compared with the trial of the same choices or the nearest ones. `judge` tells what today's packs say of the
    front's points; without it they are taken to have moved as the new point did. `proposal` is the point to go to, None
    if the choice stays or nothing on the front keeps the constraints; `reason` says which.
    """
    near = _nearest(point, front)
    chosen = None if front.choice is None else front.choice.number
    name = f"{front.shop}/{front.use_case} of {front.created_at:%Y-%m-%d %H:%M}"
    if near is None:
        return Position(
            front=name, nearest=None, chosen=chosen, reason="The front has no points; search first."
        )
    drifted = (*_drifts(point, near, front.metric), *_broken(point, near, constraints), *_packs(front, packs))
    here = {"front": name, "nearest": near.number, "chosen": chosen, "drifted": drifted}
    if not drifted:
        return Position(**here, reason="Nothing has left its interval; the choice stays.")
    moved = tuple(_moved(each, near, point, judge) for each in front.points)
    again = choose(
        moved,
        constraints,
        twin=front.twin,
        twin_risk=front.twin_risk,
        metric=front.metric,
        weights=weights,
        objectives=objectives,
    )
    if again is None:
        return Position(**here, reason="No point of the front would keep the constraints now; search again.")
    if again.number == near.number:
        return Position(**here, reason=f"Trial {near.number} would still be chosen; the choice stays.")
    there = next(each for each in moved if each.number == again.number)
    return Position(**here, proposal=again.number, reason=_why(there, front.metric))


def _why(there: Point, metric: str) -> str:
    return (
        f"Trial {there.number} would be chosen now: epsilon {there.epsilon:.3g}, about {there.utility.value:.3f} "
        f"{metric}, at most {bits_at_most(there.upper_bits)} bits."
    )


def _nearest(point: Point, front: Front) -> Point | None:
    """The trial of the least distance in its choices, each on a logarithmic scale; ties to the chosen one.

    Beaten trials count, too: a model is expected to be what trainings like it were.
    """
    chosen = None if front.choice is None else front.choice.number

    def distance(each: Point) -> tuple[float, bool, int]:
        names = {*each.choices, *point.choices}
        gaps = [_gap(each.choices.get(name), point.choices.get(name)) for name in names]
        return math.fsum(gaps), each.number != chosen, each.number

    return min(front.points, key=distance, default=None)


def _gap(one: float | str | None, other: float | str | None) -> float:
    if one == other:
        return 0.0
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return _FAR
    return abs(math.log1p(abs(one)) - math.log1p(abs(other)))


def _drifts(point: Point, near: Point, metric: str) -> tuple[str, ...]:
    found = []
    if apart(point.utility, near.utility):
        side = "below" if point.utility.value < near.utility.value else "above"
        found.append(
            f"{metric} is {_interval(point.utility)}, {side} the {_interval(near.utility)} of trial {near.number}"
        )
    if apart(point.risk, near.risk):
        side = "above" if point.risk.value > near.risk.value else "below"
        found.append(
            f"measured leakage is {bits(point.risk.value)} bits, {side} the {bits(near.risk.value)} bits of trial "
            f"{near.number}, beyond their intervals"
        )
    if point.upper_bits > near.upper_bits * (1 + _ROUNDING):
        was, is_ = (bits_at_most(each.upper_bits) for each in (near, point))
        found.append(f"the accountant's bound is {is_} bits, above the {was} bits of trial {near.number}")
    return tuple(found)


def apart(one: Measure, other: Measure) -> bool:
    """Whether two estimates differ by more than the error of their difference allows."""
    return abs(one.value - other.value) > math.hypot(half_width(one), half_width(other))


def _interval(measure: Measure) -> str:
    return f"{measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"


def _broken(point: Point, near: Point, constraints: Sequence[Constraint]) -> tuple[str, ...]:
    """What the new point breaks and the front's did not."""
    before = shortfalls(near, constraints)
    now = shortfalls(point, constraints)
    newly = [
        constraint for constraint, was, is_ in zip(constraints, before, now, strict=False) if is_ > 0 >= was
    ]
    rules = tuple(rule for rule in point.broken if rule not in near.broken)
    return violations(point.model_copy(update={"broken": rules}), newly)


def _packs(front: Front, packs: Sequence[str]) -> tuple[str, ...]:
    gone, new = sorted(set(front.packs) - set(packs)), sorted(set(packs) - set(front.packs))
    found = [f"rule pack {pack} holds now" for pack in new]
    return (*found, *(f"rule pack {pack} holds no more" for pack in gone))


def _moved(each: Point, near: Point, point: Point, judge: Judge | None) -> Point:
    """A point of the front, moved as far as the new point lies from the trial that it is compared with."""
    unmet, broken = (each.unmet + point.unmet - near.unmet, point.broken) if judge is None else judge(each)
    ratio = point.upper_bits / near.upper_bits if near.upper_bits > 0 else 1.0
    return each.model_copy(
        update={
            "utility": _shifted(each.utility, point.utility.value - near.utility.value, -math.inf),
            "risk": _shifted(each.risk, point.risk.value - near.risk.value, 0.0),
            "advantage": _shifted(each.advantage, point.advantage.value - near.advantage.value, 0.0),
            "upper_bits": each.upper_bits * max(1.0, ratio),
            "unmet": min(max(unmet, 0.0), 1.0),
            "broken": broken,
        }
    )


def _shifted(measure: Measure, by: float, least: float) -> Measure:
    edges = {name: max(least, getattr(measure, name) + by) for name in ("value", "low", "high")}
    return measure.model_copy(update=edges)
