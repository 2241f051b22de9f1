"""Ladders of released columns: the levels of a transform as functions of what it released.

Each level reads the text or value of level 0, never the raw value, so that no level can tell more than it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import partial
from itertools import combinations

import numpy as np
import numpy.typing as npt

from models.anonymity.errors import PolicyError
from models.anonymity.search.hierarchy import hierarchy_ladder, label_at
from models.anonymity.search.ladder import (
    AS_WRITTEN,
    STAR,
    Label,
    Ladder,
    level_of,
    make_ladder,
    ordered,
    unless_missing,
)
from models.values.hierarchy import DIGITS, Division, Hierarchy
from models.values.levels import default_levels, named
from models.values.transform import AgeBand, Band, Prefix, Round, Suppress, Transform, Truncate

_BAND = re.compile(r"(-?\d+)(?:-(-?\d+))?")


def ladder_of(
    column: str, values: Sequence[object], transform: Transform, levels: Sequence[Transform] | None = None
) -> Ladder:
    """The ladder of a column's released `values` under `transform`; `levels` as the spec lists them."""
    above = _above(transform, levels)
    if isinstance(transform, Hierarchy):
        steps = [level.level for level in above if isinstance(level, Hierarchy)]
        return hierarchy_ladder(column, values, transform.rows, transform.level, steps)
    coarser = [(named(level), partial(_label, transform, level)) for level in above]
    return make_ladder(column, values, coarser, _places(transform, ordered(values)), joined(transform))


def ladder_at(
    column: str,
    values: Sequence[object],
    transform: Transform,
    levels: Sequence[Transform] | None,
    name: str,
) -> Ladder:
    """`values` and, above them, only the level that a search calls `name`, whether or not it merges any of them.

    Errors: PolicyError if the transform has no such level.
    """
    finest = ordered(values)
    label: dict[str, Label] = {AS_WRITTEN: lambda value: value, STAR: lambda _: STAR}
    label |= {named(level): _label_of(transform, level) for level in _above(transform, levels)}
    if name not in label:
        raise PolicyError(f"column {column!r} has no level {name!r}; release the table anew")
    steps = (level_of(AS_WRITTEN, finest, label[AS_WRITTEN]), level_of(name, finest, label[name]))
    return Ladder(column=column, values=finest, levels=steps)


def _label_of(transform: Transform, level: Transform) -> Label:
    if isinstance(transform, Hierarchy) and isinstance(level, Hierarchy):
        return label_at(transform.rows, transform.level, level.level)
    return partial(unless_missing, partial(_label, transform, level))


def _above(transform: Transform, levels: Sequence[Transform] | None) -> tuple[Transform, ...]:
    above = default_levels(transform) if levels is None else tuple(levels)
    return tuple(level for level in above if not isinstance(level, Suppress))


def _label(below: Transform, level: Transform, value: object) -> object:
    """What a released value becomes at `level`."""
    match level:
        case Band() | AgeBand():
            return _wider(str(value), level)
        case Prefix(length=length):
            return str(value).removesuffix(STAR)[:length] + STAR
        case Truncate(unit=unit) if isinstance(value, date):
            return start_of(value, unit)
        case Round(step=step) if isinstance(value, int | float):
            return _nearest(value, step)
        case Division(level=division):
            return shown_division(str(value).removesuffix(STAR), division)
        case _:
            return STAR


def shown_division(code: str, division: str) -> str:
    """A division's code as released: the county's six digits, or fewer and one "*"."""
    length = DIGITS[division]
    if len(code) < length or not (code.isascii() and code.isdigit()):
        return STAR
    return code[:length] + (STAR if length < DIGITS["county"] else "")


def _wider(text: str, level: Band | AgeBand) -> str:
    found = _BAND.fullmatch(text)
    return text if found is None else band_text((int(found[1]) - level.low) // level.width, level)


def band_text(number: int, level: Band | AgeBand) -> str:
    """The text of band `number` counted from low."""
    start = level.low + number * level.width
    end = min(start + level.width, level.high) - 1
    return str(start) if start == end else f"{start}-{end}"


def band_texts(
    transform: Band | AgeBand, levels: Sequence[Transform] | None = None, search: str = "none"
) -> Iterator[str]:
    """Every text that a column of bands may hold after a search (levels of the lattice, unions of mondrian)."""
    starts = range(transform.low, transform.high, transform.width)
    finest = (
        f"<{transform.low}",
        *(band_text(n, transform) for n in range(len(starts))),
        f"{transform.high}+",
    )
    yield from finest
    if search == "none":
        return
    yield STAR
    if search == "lattice":
        above = default_levels(transform) if levels is None else levels
        for level in above:
            if isinstance(level, Band | AgeBand):
                yield from {_wider(text, level): None for text in finest}
        return
    for first, last in combinations(finest, 2):
        yield _joined_bands((first, last))


def start_of(value: date, unit: str) -> date:
    """The start of the unit that `value` lies in; weeks begin on Monday."""
    clock = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0} if isinstance(value, datetime) else {}
    match unit:
        case "week":
            monday = date.fromordinal(value.toordinal() - value.weekday())
            return value.replace(year=monday.year, month=monday.month, day=monday.day, **clock)
        case "month":
            return value.replace(day=1, **clock)
        case "quarter":
            return value.replace(month=3 * ((value.month - 1) // 3) + 1, day=1, **clock)
        case "year":
            return value.replace(month=1, day=1, **clock)
        case _:
            return value.replace(**clock)


def _nearest(value: float, step: float) -> float:
    times = value / step
    rounded = round(float(np.sign(times) * np.floor(abs(times) + 0.5)) * step, 9)
    return int(rounded) if isinstance(value, int) else rounded


def _places(transform: Transform, values: Sequence[object]) -> npt.NDArray[np.float64] | None:
    """Where each value stands, if distances between them mean something."""
    match transform:
        case Band() | AgeBand():
            return np.asarray([_band_start(value, transform) for value in values])
        case Round() | Truncate():
            return np.asarray([_number(value) for value in values])
        case _:
            return None


def _band_start(value: object, transform: Band | AgeBand) -> float:
    if value is None:
        return float("nan")
    found = _BAND.fullmatch(str(value))
    if found is not None:
        return float(found[1])
    return float(transform.low - transform.width if str(value).startswith("<") else transform.high)


def _number(value: object) -> float:
    match value:
        case datetime():
            return value.timestamp()
        case date():
            return float(value.toordinal())
        case int() | float():
            return float(value)
        case _:
            return float("nan")


def joined(transform: Transform) -> Label | None:
    """How several neighbouring values are written as one; None: as a set of categories."""
    match transform:
        case Band() | AgeBand():
            return _joined_bands
        case Round() | Truncate():
            return _interval
        case _:
            return None


def _interval(ends: object) -> str:
    """Values from the first to the last, both among them."""
    assert isinstance(ends, tuple), "a first and a last value"
    return f"[{ends[0]}, {ends[1]}]"


def _joined_bands(ends: object) -> str:
    """Bands from the first to the last as one band."""
    assert isinstance(ends, tuple), "a first and a last band"
    first, last = str(ends[0]), str(ends[1])
    low, high = _BAND.fullmatch(first), _BAND.fullmatch(last)
    if low is None and high is None:
        return STAR
    if low is None:
        assert high is not None, "one of them is closed"
        return f"<{int(high[2] or high[1]) + 1}"
    return f"{low[1]}+" if high is None else f"{low[1]}-{high[2] or high[1]}"
