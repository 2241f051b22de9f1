"""Ways of writing numbers and days: what `formats` of a column may say, and when two of them cannot be told apart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

ISO = "iso"
PLAIN = "1234.50"
# By example: the marks between thousands, and the decimal mark.
NUMBERS: dict[str, tuple[str, str]] = {
    PLAIN: ("", "."),
    "1,234.50": (",", "."),
    "1.234,50": (".", ","),
    "1 234,50": (" \u00a0\u202f", ","),
    "1 234.50": (" \u00a0\u202f", "."),
    "1'234.50": ("'’", "."),
}
_TOKEN = re.compile(r"YYYY|MM?|DD?|hh?|mm|ss|[-/. :,T年月日时分秒]")
# Token: how many digits it has, and how the engine's strptime calls it.
_PARTS: dict[str, tuple[int, int, str]] = {
    "YYYY": (4, 4, "%Y"),
    "MM": (2, 2, "%m"),
    "M": (1, 2, "%m"),
    "DD": (2, 2, "%d"),
    "D": (1, 2, "%d"),
    "hh": (2, 2, "%H"),
    "h": (1, 2, "%H"),
    "mm": (2, 2, "%M"),
    "ss": (2, 2, "%S"),
}
_ISO_WAYS = (
    "YYYY-MM-DD",
    *(f"YYYY-MM-DD{mark}hh:mm{seconds}" for mark in (" ", "T") for seconds in ("", ":ss")),
)
Shape = tuple[tuple[int, int] | str, ...]


class TimeFormat(NamedTuple):
    """A way of writing days or times: the pattern of a whole text, strptime's format, and whether it has a clock.

    `exchanged` is the format with day and month exchanged.
    """

    pattern: str
    strptime: str
    has_clock: bool
    exchanged: str


def number_pattern(example: str) -> str:
    """The pattern of a whole text that is a number written like `example` (a key of NUMBERS)."""
    groups, decimal = NUMBERS[example]
    whole = f"([0-9]{{1,3}}([{groups}][0-9]{{3}})+|[0-9]+)" if groups else "[0-9]+"
    return f"^[+-]?{whole}([{decimal}][0-9]*)?$"


def time_format(template: str) -> TimeFormat:
    """The way of writing in words like D/M/YYYY h:mm. Errors: ValueError with a way out."""
    tokens = _tokens(template)
    kinds = [_PARTS[token][2] for token in tokens if token in _PARTS]
    if sorted(kinds[:3]) != ["%Y", "%d", "%m"] or kinds[3:] not in ([], ["%H", "%M"], ["%H", "%M", "%S"]):
        raise ValueError(
            f"{template!r} must hold one YYYY, one M or MM and one D or DD, then maybe hh:mm or hh:mm:ss; "
            "years of two digits and 12-hour clocks are not read, rewrite them in the file"
        )
    if any(a in ("M", "D", "h") and b in _PARTS for a, b in pairwise(tokens)):
        raise ValueError(
            f"{template!r} does not say where a part ends; use MM, DD and hh, or write marks between"
        )
    pattern = "".join(
        f"[0-9]{{{_PARTS[t][0]},{_PARTS[t][1]}}}" if t in _PARTS else re.escape(t) for t in tokens
    )
    strptime = "".join(_PARTS[t][2] if t in _PARTS else t for t in tokens)
    swap = {"%d": "%m", "%m": "%d"}
    exchanged = re.sub("%[dm]", lambda found: swap[found[0]], strptime)
    return TimeFormat(f"^{pattern}$", strptime, len(kinds) > 3, exchanged)


def problem_of(formats: Sequence[str], kind: str) -> str | None:
    """Why a column of this type cannot have these formats, with the way out; None if it can."""
    if kind in ("integer", "number"):
        if len(formats) != 1 or formats[0] not in NUMBERS:
            known = ", ".join(f'"{example}"' for example in NUMBERS)
            return f"formats of numbers are one of {known}, and one only, as 1,234 could be two numbers; name one"
        return None
    if kind not in ("date", "timestamp"):
        return f"formats are for numbers, dates and times, not for type {kind!r}; remove them or set the type"
    if not formats:
        return "formats is empty; list how the values are written, such as [iso, D/M/YYYY], or remove it"
    for template in formats:
        if template != ISO and time_format(template).has_clock and kind == "date":
            return f"{template!r} has a clock and the type is date; set type: timestamp"
    for place, first in enumerate(formats):
        for second in formats[place + 1 :]:
            if _ambiguous(first, second):
                return (
                    f"{first!r} and {second!r} read one text as two different days; keep one of them: rows written "
                    "the other way are set aside, or rewrite them in the file"
                )
    return None


def _ambiguous(first: str, second: str) -> bool:
    return any(
        _meet(_shape(one), _shape(two)) and _order(one) != _order(two)
        for one in _ways(first)
        for two in _ways(second)
    )


def _ways(template: str) -> tuple[str, ...]:
    return _ISO_WAYS if template == ISO else (template,)


def _order(template: str) -> list[str]:
    return [_PARTS[token][2] for token in _tokens(template) if token in _PARTS]


def _shape(template: str) -> Shape:
    """Runs of digits (least, most) and the marks between them."""
    return tuple(_runs(_tokens(template)))


def _runs(tokens: Sequence[str]) -> Iterator[tuple[int, int] | str]:
    least = most = 0
    for token in tokens:
        if token in _PARTS:
            least, most = least + _PARTS[token][0], most + _PARTS[token][1]
            continue
        if most:
            yield least, most
        least = most = 0
        yield token
    if most:
        yield least, most


def _meet(first: Shape, second: Shape) -> bool:
    """Whether some text has both shapes."""
    return len(first) == len(second) and all(
        a == b if isinstance(a, str) or isinstance(b, str) else a[0] <= b[1] and b[0] <= a[1]
        for a, b in zip(first, second, strict=True)
    )


def _tokens(template: str) -> list[str]:
    tokens = _TOKEN.findall(template)
    if "".join(tokens) != template or len(template) > 40:
        raise ValueError(
            "formats of times are made of YYYY, M, MM, D, DD, h, hh, mm, ss and marks between them, such as "
            "D/M/YYYY or YYYY-MM-DD hh:mm, or iso"
        )
    return tokens
