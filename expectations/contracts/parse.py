"""Parsing of one raw column, text or native, into the type that its contract states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from expectations.errors import ContractError
from models.anonymity.pseudonyms import STRIPPED
from models.values.spec import Column, ColumnType
from models.values.written import ISO, NUMBERS, PLAIN, number_pattern, time_format

INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00(:00(\.0+)?)?)?$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?$"
OFFSET = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
)
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")
WRONG_TYPE = {
    "integer": "not a whole number",
    "number": "not a number",
    "boolean": "not true or false",
    "timestamp": "not a time",
    "date": "not a date",
}
# What is given, cannot be read, and could be under other `formats`: rules that say which setting mends it.
SEPARATED = "a number with separators that formats does not say"
OTHERWISE = "written in a way that formats does not say"
EXCHANGED = "day and month exchanged"
ODD: dict[ColumnType, tuple[str, ...]] = {
    "integer": (SEPARATED,),
    "number": (SEPARATED,),
    "date": (EXCHANGED, OTHERWISE),
    "timestamp": (EXCHANGED, OTHERWISE),
}
_SEPARATED = "^[+-]?[0-9][0-9.,'’ \u00a0\u202f]{0,40}$"
_SOME_TIME = (
    r"^([0-9]{4}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{4}|[0-9]{2})|[0-9]{8})"
    r"([ T]*[0-9]{1,2}[:时][0-9:.分秒]+ ?([AaPp][Mm])?)?$"
)


class Parsed(NamedTuple):
    """A column as typed values: null where it cannot be read; whether anything was given at all; and what is odd.

    `given` is None where whatever is given can be read, as text. `odd` is one of `ODD` of the type, or null; None
    where nothing can be odd, as data of a native type.
    """

    value: ir.Value
    given: ir.BooleanValue | None = None
    odd: ir.StringValue | None = None


@ibis.udf.scalar.builtin(name="try_strptime")  # type: ignore[untyped-decorator]  # untyped library
def _strptime(text: str, template: str) -> dt.Timestamp():  # type: ignore[valid-type]
    """A text read by strptime's format as a naive time; null if it is none."""


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]  # untyped library
def _from_zone(zone: str, local: dt.Timestamp()) -> dt.Timestamp("UTC"):  # type: ignore[valid-type]
    """A naive time in `zone` as a moment."""


@ibis.udf.scalar.builtin(name="timezone")  # type: ignore[untyped-decorator]  # untyped library
def _to_zone(zone: str, moment: dt.Timestamp("UTC")) -> dt.Timestamp():  # type: ignore[valid-type]
    """A moment as a naive time in `zone`."""


def text_of(where: str, raw: ir.Value) -> ir.StringValue:
    """`raw` as text without surrounding white space; empty text is null. ContractError for nested types."""
    kind = raw.type()
    if kind.is_nested() or kind.is_binary():
        example = f"; name a field as {where.rsplit('.', 1)[-1]}.FIELD instead" if kind.is_struct() else ""
        raise ContractError(
            f"{where}: the data is of a nested or binary type; store one plain value a row, or take the column "
            f"out of the spec, which drops it{example}"
        )
    text = raw if kind.is_string() else raw.cast("string")
    # most texts have nothing to strip, which a search tells in a third of the time
    return text.re_search(STRIPPED).ifelse(text, text.strip().nullif(""))


def parse(where: str, raw: ir.Value, column: Column, timezone: str) -> Parsed:
    """The typed values of a column.

    Types: string, int64, finite float64, boolean, naive UTC timestamp (a time without an offset is in
    `timezone`), date. Text is read as the column's `formats` say, else as ISO 8601 and decimal numbers, and as
    true/false, yes/no, 1/0.
    """
    native = _native(raw, column.type, timezone)
    if native is not None:
        return Parsed(native, raw.notnull())
    text = text_of(where, raw)
    value = _from_text(text, column, timezone)
    if column.type == "string":
        return Parsed(value)
    if column.type not in ODD:
        return Parsed(value, text.notnull())
    unread = text.notnull() & value.isnull()
    return Parsed(value, text.notnull(), unread.ifelse(_odd(text, column), ibis.null("string")))


def _native(raw: ir.Value, kind: ColumnType, timezone: str) -> ir.Value | None:
    """The value without a detour over text, if the data already has a fitting type."""
    stored = raw.type()
    if kind == "integer" and stored.is_integer():
        return raw.try_cast("int64")
    if kind == "number" and stored.is_numeric() and not stored.is_boolean():
        return _finite(raw.cast("float64"))
    if (kind == "boolean" and stored.is_boolean()) or (kind == "date" and stored.is_date()):
        return raw
    if kind == "timestamp" and stored.is_timestamp():
        return _utc(raw, timezone) if stored.timezone is None else _to_zone("UTC", raw)
    return None


def _from_text(text: ir.StringValue, column: Column, timezone: str) -> ir.Value:
    match column.type:
        case "string":
            return text
        case "integer":
            text = _plain_number(text, column.formats)
            return text.re_search(INTEGER).ifelse(text.try_cast("int64"), ibis.null("int64"))
        case "number":
            text = _plain_number(text, column.formats)
            number = text.re_search(NUMBER).ifelse(text.try_cast("float64"), ibis.null("float64"))
            return _finite(number)
        case "boolean":
            word = text.lower()
            return ibis.cases((word.isin(TRUE), True), (word.isin(FALSE), False), else_=ibis.null("boolean"))
        case "date":
            return _first(text, column.formats, "date", lambda: _iso_day(text), lambda time: time.date())
        case "timestamp":
            return _first(
                text,
                column.formats,
                "timestamp(6)",
                lambda: _iso_moment(text, timezone),
                lambda time: _utc(time, timezone),
            )


def _plain_number(text: ir.StringValue, formats: Sequence[str] | None) -> ir.StringValue:
    """A number as 1234.50; null if it is not written as the only one of `formats` says."""
    if formats is None or formats[0] == PLAIN:
        return text
    groups, decimal = NUMBERS[formats[0]]
    plain = text
    for mark in groups:
        plain = plain.replace(mark, "")
    if decimal != ".":
        plain = plain.replace(decimal, ".")
    return text.re_search(number_pattern(formats[0])).ifelse(plain, ibis.null("string"))


def _first(
    text: ir.StringValue,
    formats: Sequence[str] | None,
    kind: str,
    iso: Callable[[], ir.Value],
    finish: Callable[[ir.TimestampValue], ir.Value],
) -> ir.Value:
    """The text read in the one of `formats` that it is written in; no two of them can read it differently."""
    found = []
    for name in formats or (ISO,):
        if name == ISO:
            value = iso()
            found.append((value.notnull(), value))
            continue
        template = time_format(name)
        found.append((text.re_search(template.pattern), finish(_strptime(text, template.strptime))))
    return found[0][1] if formats is None else ibis.cases(*found, else_=ibis.null(kind))


def _odd(text: ir.StringValue, column: Column) -> ir.StringValue:
    """Which of `ODD` an unread text is."""
    nothing = ibis.null("string")
    if column.type in ("integer", "number"):
        separated = text.re_search(_SEPARATED) & ~text.re_search(NUMBER)
        return separated.ifelse(SEPARATED, nothing)
    own = [time_format(name) for name in column.formats or () if name != ISO]
    cases = [
        *(
            (text.re_search(o.pattern), _strptime(text, o.exchanged).notnull().ifelse(EXCHANGED, nothing))
            for o in own
        ),
        (text.re_search(TIME) | text.re_search(OFFSET), nothing),
        (text.re_search(_SOME_TIME), ibis.literal(OTHERWISE)),
    ]
    return ibis.cases(*cases, else_=nothing)


def _iso_day(text: ir.StringValue) -> ir.DateValue:
    return text.re_search(DATE).ifelse(text.substr(0, 10).try_cast("date"), ibis.null("date"))


def _iso_moment(text: ir.StringValue, timezone: str) -> ir.TimestampValue:
    return ibis.cases(
        (text.re_search(TIME), _utc(text.try_cast("timestamp(6)"), timezone)),
        (text.re_search(OFFSET), _to_zone("UTC", text.try_cast("timestamp('UTC')"))),
        else_=ibis.null("timestamp(6)"),
    )


def _utc(local: ir.TimestampValue, timezone: str) -> ir.TimestampValue:
    local = local.cast("timestamp(6)")
    return local if timezone == "UTC" else _to_zone("UTC", _from_zone(timezone, local))


def _finite(number: ir.FloatingValue) -> ir.FloatingValue:
    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)
