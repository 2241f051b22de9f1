"""Parsing of one raw column, text or native, into the type that its contract states."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from expectations.errors import ContractError
from models.values.spec import ColumnType

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
        raise ContractError(f"{where}: the data is of a nested or binary type; store one plain value a row")
    text = raw if kind.is_string() else raw.cast("string")
    return text.strip().nullif("")


def parse(where: str, raw: ir.Value, kind: ColumnType, timezone: str) -> tuple[ir.Value, ir.BooleanValue]:
    """The typed value (null where it cannot be read) and whether anything was given at all.

    Types: string, int64, finite float64, boolean, naive UTC timestamp (a time without an offset is in
    `timezone`), date. Text is read as ISO 8601, decimal numbers, and true/false, yes/no, 1/0.
    """
    native = _native(raw, kind, timezone)
    if native is not None:
        return native, raw.notnull()
    text = text_of(where, raw)
    return _from_text(text, kind, timezone), text.notnull()


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


def _from_text(text: ir.StringValue, kind: ColumnType, timezone: str) -> ir.Value:
    match kind:
        case "string":
            return text
        case "integer":
            return text.re_search(INTEGER).ifelse(text.try_cast("int64"), ibis.null("int64"))
        case "number":
            number = text.re_search(NUMBER).ifelse(text.try_cast("float64"), ibis.null("float64"))
            return _finite(number)
        case "boolean":
            word = text.lower()
            return ibis.cases((word.isin(TRUE), True), (word.isin(FALSE), False), else_=ibis.null("boolean"))
        case "date":
            return text.re_search(DATE).ifelse(text.substr(0, 10).try_cast("date"), ibis.null("date"))
        case "timestamp":
            return _moment(text, timezone)


def _moment(text: ir.StringValue, timezone: str) -> ir.TimestampValue:
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
