"""Writing: how the numbers, days and times of a sample are written, and when that cannot be told from the values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from models.values.spec import ColumnType
from models.values.written import ISO, NUMBERS, PLAIN, number_pattern, time_format

READABLE = 0.95
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)(?:Z|[+-][0-9]{2}:?[0-9]{0,2})?)?"
)
_MIDNIGHT = re.compile(r"00:00(?::00(?:\.0+)?)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+")
_YEAR_FIRST, _DAY_FIRST, _MONTH_FIRST = "YYYY{0}M{0}D", "D{0}M{0}YYYY", "M{0}D{0}YYYY"
_CLOCKS = ("", " h:mm", " h:mm:ss")


class Written(NamedTuple):
    """The type and `formats` of a column of text; or `doubt`: what cannot be told, and the way out."""

    type: ColumnType = "string"
    formats: tuple[str, ...] | None = None
    doubt: str | None = None


def how_written(values: Sequence[str]) -> Written:
    """How nearly all of `values` (different, not blank) are written, if other than 1234.50 and ISO 8601."""
    if not values:
        return Written()
    return _numbers(values) or _times(values) or Written()


def _numbers(values: Sequence[str]) -> Written | None:
    read = {example: _read(values, example) for example in NUMBERS}
    able = {e: r for e, r in read.items() if len(r) >= READABLE * len(values)}
    if PLAIN in able:
        dotted = [value for value in values if "." in value]
        if len(dotted) >= 3 and all(map(_THOUSANDS.fullmatch, dotted)):
            return Written(doubt=_doubt(PLAIN, "1.234,50"))
        return None
    if not able:
        return None
    first = max(able, key=lambda example: len(able[example]))
    for other, numbers in able.items():
        if any(numbers[value] != able[first][value] for value in numbers.keys() & able[first].keys()):
            return Written(doubt=_doubt(first, other))
    whole = all(number == int(number) for number in able[first].values())
    return Written("integer" if whole else "number", (first,))


def _doubt(first: str, second: str) -> str:
    return (
        f"the same values are numbers of two sizes, read as {first} or as {second}; say which: type: number, "
        f'formats: ["{first}"]'
    )


def _read(values: Sequence[str], example: str) -> dict[str, float]:
    """The values that are numbers written like `example`, and their numbers."""
    groups, decimal = NUMBERS[example]
    pattern = re.compile(number_pattern(example))
    marks = str.maketrans({**dict.fromkeys(groups, ""), decimal: "."})
    return {value: float(value.translate(marks)) for value in values if pattern.match(value)}


def _times(values: Sequence[str]) -> Written | None:
    formats: list[str] = []
    rest = [value for value in values if not _ISO.fullmatch(value)]
    if not rest:
        return None
    if len(rest) < len(values):
        formats.append(ISO)
    for way in _ways():
        mine = {value for value in rest if any(_is_possible(name, value) for name in way)}
        if not mine:
            continue
        told = [name for name in way if all(_is_possible(name, value) for value in mine)]
        if len(told) != 1 and len(mine) <= (1 - READABLE) * len(values):
            continue
        rest = [value for value in rest if value not in mine]
        if len(told) != 1:
            return Written(doubt=_unclear(way, told))
        formats.append(told[0])
    if len(rest) > (1 - READABLE) * len(values) or formats in ([], [ISO]):
        return None
    clocks = any("h" in name for name in formats) or any(map(_has_clock, values))
    return Written("timestamp" if clocks else "date", tuple(formats))


def _unclear(way: Sequence[str], told: Sequence[str]) -> str:
    names = " or ".join(way)
    if told:
        return f"days are written {names}, and no value tells which; say which: formats: [{way[0]}]"
    return f"days are written {names}, some one way and some the other: no reading is right for all; rewrite the file"


def _ways() -> Iterator[tuple[str, ...]]:
    """Formats that read the same texts, to choose one of."""
    for clock in _CLOCKS:
        yield (f"YYYY年M月D日{clock}",)
        for mark in "-/.":
            yield (_YEAR_FIRST.format(mark) + clock,)
            yield _DAY_FIRST.format(mark) + clock, _MONTH_FIRST.format(mark) + clock


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(time_format(name).pattern)


def _is_possible(name: str, value: str) -> bool:
    """Whether a text has the shape of a format, with a month and a day that are possible."""
    if not _pattern(name).match(value):
        return False
    parts = [int(part) for part in re.findall("[0-9]+", value)]
    places = {"YYYY": (1, 2), "D": (1, 0), "M": (0, 1)}
    start = next(token for token in places if name.startswith(token))
    month, day = (parts[place] for place in places[start])
    return 1 <= month <= 12 and 1 <= day <= 31


def _has_clock(value: str) -> bool:
    found = _ISO.fullmatch(value)
    return bool(found and found[1] and not _MIDNIGHT.fullmatch(found[1]))
