"""Measuring: the counts and the sample that a profile is made of, as expressions for the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ibis.expr.types as ir

from models.shop.profiling.profile import ColumnProfile

SAMPLE_ROWS, FEWEST_ROWS, SAMPLE_VALUES = 4000, 300, 800_000
LONGEST = 2000  # characters of a value that are looked at


def counts(table: ir.Table) -> ir.Table:
    """One row: rows, and for the n-th column `missing_n`, `distinct_n` and (numbers) `negative_n`."""
    measured: dict[str, ir.Value] = {"rows": table.count()}
    for place, name in enumerate(table.columns):
        value = plain(table[name])
        measured[f"missing_{place}"] = value.isnull().sum().fill_null(0)
        measured[f"distinct_{place}"] = value.nunique()
        if value.type().is_numeric() and not value.type().is_boolean():
            measured[f"negative_{place}"] = (value < 0).sum().fill_null(0)
    return table.aggregate(**measured)


def value_counts(table: ir.Table, columns: Sequence[str], customer: str) -> ir.Table:
    """Of each column of text, called by its place: each value with its rows and customers, in one pass."""
    places = {str(place): plain(table[name]) for place, name in enumerate(columns)}
    long = table.select(customer=table[customer], **places).pivot_longer(
        list(places), names_to="place", values_to="value"
    )
    long = long.filter(long.value.notnull() & long.customer.notnull())
    return long.group_by("place", "value").aggregate(
        rows=lambda t: t.count(), customers=lambda t: t.customer.nunique()
    )


def sample(picked: ir.Table) -> ir.Table:
    """All columns of the picked rows as text, long ones cut."""
    return picked.select(**{name: _text(plain(picked[name])).substr(0, LONGEST) for name in picked.columns})


def sample_rows(columns: int) -> int:
    """How many rows of a table of so many columns are looked at."""
    return max(FEWEST_ROWS, min(SAMPLE_ROWS, SAMPLE_VALUES // max(1, columns)))


def plain(value: ir.Value) -> ir.Value:
    """A value, text without blanks around it and null where nothing is left."""
    return value.strip().nullif("") if value.type().is_string() else value


def readable(table: ir.Table) -> list[str]:
    """Columns of plain types; lists, maps and binary ones cannot be described in a spec."""
    return [name for name, kind in table.schema().items() if not (kind.is_nested() or kind.is_binary())]


def profiles(
    table: ir.Table, counted: Mapping[str, Any], rows: Sequence[Mapping[str, str | None]]
) -> Iterator[ColumnProfile]:
    """The profiles of the columns, from the rows of `counts` and `sample`."""
    for place, (name, kind) in enumerate(table.schema().items()):
        different = {row[name] for row in rows}
        yield ColumnProfile(
            name=name,
            stored=_stored(kind),
            missing=int(counted[f"missing_{place}"]),
            distinct=int(counted[f"distinct_{place}"]),
            negative=int(counted.get(f"negative_{place}", 0)),
            sample=tuple(sorted(value for value in different if value)),
        )


def _text(value: ir.Value) -> ir.StringValue:
    """A number that is whole is written without a decimal point, as a number stored with gaps comes as float."""
    if value.type().is_floating():
        whole = (value == value.floor()) & (value.abs() < 1e18)
        return whole.fill_null(False).ifelse(value.try_cast("int64").cast("string"), value.cast("string"))
    return value.cast("string")


def _stored(kind: Any) -> Any:
    if kind.is_boolean():
        return "boolean"
    if kind.is_integer():
        return "integer"
    if kind.is_numeric():
        return "number"
    if kind.is_timestamp():
        return "timestamp" if kind.timezone is None else "timestamp_zoned"
    return "date" if kind.is_date() else "string"
