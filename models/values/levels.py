"""Levels: what a quasi-identifier may be generalised to, step by step, when a search chooses for all customers."""

from __future__ import annotations

from collections.abc import Sequence

from models.values.hierarchy import DIGITS, Division, Hierarchy
from models.values.transform import AgeBand, Band, Prefix, Round, Suppress, Transform, Truncate

# Halves of an odd multiple of a step are not multiples of the step: rounding twice is rounding once.
_ODD = 5
_NEAR = 1e-9
_MOST_ROUNDS = 5
_COARSER_UNITS: dict[str, tuple[str, ...]] = {
    "hour": ("day", "week", "month", "quarter", "year"),
    "day": ("week", "month", "quarter", "year"),
    "month": ("quarter", "year"),
    "quarter": ("year",),
}
_NEXT_UNIT = {"hour": "day", "day": "month", "month": "quarter", "quarter": "year"}
_NEXT_DIVISION = {"county": "city", "city": "province"}


def default_levels(transform: Transform) -> tuple[Transform, ...]:
    """The levels above `transform` up to the last below "*", each a true coarsening of the one before."""
    found: list[Transform] = []
    above = _above(transform)
    while above is not None:
        found.append(above)
        above = None if isinstance(above, Round) and len(found) >= _MOST_ROUNDS else _above(above)
    return tuple(found)


def named(level: Transform) -> str:
    """A level in a few words."""
    match level:
        case Band(width=width) | AgeBand(width=width):
            return f"bands of {width}"
        case Prefix(length=length):
            return f"first {length} characters"
        case Truncate(unit=unit):
            return unit
        case Round(step=step):
            return f"multiples of {step:g}"
        case Division(level=division):
            return division
        case Hierarchy(level=number):
            return f"level {number}"
        case _:
            return level.kind


def ladder_names(transform: Transform, levels: Sequence[Transform] | None) -> tuple[str, ...]:
    """The levels above `transform` in words, "*" last."""
    above = default_levels(transform) if levels is None else levels
    return (*(named(level) for level in above if not isinstance(level, Suppress)), "*")


def levels_problem(transform: Transform, levels: Sequence[Transform]) -> str | None:
    """Why `levels` cannot stand above `transform`; None if each only merges what the one before tells apart."""
    below = transform
    for number, level in enumerate(levels, start=1):
        if isinstance(level, Suppress):
            if number < len(levels):
                return f'level {number} suppresses all; the top "*" comes last and by itself'
            return None
        if level.kind != below.kind or not _coarsens(below, level):
            return (
                f"level {number} does not only merge what is told apart below it; make it coarser "
                "(bands: multiples of the width; round: odd multiples of step; truncate: month, not week, to year)"
            )
        below = level
    return None


def _above(transform: Transform) -> Transform | None:
    match transform:
        case Band() | AgeBand():
            return _wider(transform)
        case Prefix(length=length):
            return Prefix(length=length - 1) if length > 1 else None
        case Truncate(unit=unit):
            return Truncate.model_validate({"unit": _NEXT_UNIT[unit]}) if unit in _NEXT_UNIT else None
        case Round(step=step, low=low, high=high):
            if low is not None and high is not None and step * _ODD > high - low:
                return None
            return transform.model_copy(update={"step": step * _ODD})
        case Hierarchy(level=level, rows=rows):
            last = len(rows[0]) - 1
            return transform.model_copy(update={"level": level + 1}) if level < last else None
        case Division(level=level):
            nearest = _NEXT_DIVISION.get(level)
            return None if nearest is None else Division.model_validate({"level": nearest})
        case _:
            return None


def _wider(transform: Band | AgeBand) -> Transform | None:
    whole = transform.high - transform.low
    if transform.width >= whole:
        return None
    return transform.model_copy(update={"width": min(2 * transform.width, whole)})


def _coarsens(below: Transform, above: Transform) -> bool:
    if isinstance(below, Band | AgeBand) and isinstance(above, Band | AgeBand):
        same = above.model_copy(update={"width": below.width}) == below
        whole = above.width >= above.high - above.low
        return same and above.width > below.width and (whole or above.width % below.width == 0)
    if isinstance(below, Prefix) and isinstance(above, Prefix):
        return above.length < below.length
    if isinstance(below, Truncate) and isinstance(above, Truncate):
        return above.unit in _COARSER_UNITS.get(below.unit, ())
    if isinstance(below, Round) and isinstance(above, Round):
        times = above.step / below.step
        same = above.model_copy(update={"step": below.step}) == below
        return same and abs(times - round(times)) < _NEAR and round(times) % 2 == 1 and times > 1 + _NEAR
    if isinstance(below, Hierarchy) and isinstance(above, Hierarchy):
        return above.level > below.level and above.model_copy(update={"level": below.level}) == below
    if isinstance(below, Division) and isinstance(above, Division):
        return DIGITS[above.level] < DIGITS[below.level]
    return False
