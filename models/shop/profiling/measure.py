"""Measuring: the counts and the sample that a profile is made of, as expressions for the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

from models.shop.profiling.profile import ColumnProfile

SAMPLE_ROWS = 4000


def counts(table: ir.Table, columns: Sequence[str], *, first: int = 0) -> ir.Table:
    """One row: rows, and for the n-th column, from `first` on, `missing_n`, `distinct_n` and (numbers) `negative_n`."""
    measured: dict[str, ir.Value] = {"rows": table.count()}
    for place, name in enumerate(columns, start=first):
        value = plain(table[name])
        measured[f"missing_{place}"] = value.isnull().sum().fill_null(0)
        measured[f"distinct_{place}"] = value.nunique()
        if value.type().is_numeric() and not value.type().is_boolean():
            measured[f"negative_{place}"] = (value < 0).sum().fill_null(0)
    return table.aggregate(**measured)


def sample(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """Some rows as text, the same ones at every look: those with the smallest hashes."""
    values = {f"c{place}": plain(table[name]) for place, name in enumerate(columns)}
    texts = table.select(**{name: _text(value) for name, value in values.items()})
    whole = ibis.struct({name: texts[name] for name in texts.columns})
    return texts.order_by(whole.hash()).limit(SAMPLE_ROWS)


def plain(value: ir.Value) -> ir.Value:
    """A value, text without blanks around it and null where nothing is left."""
    return value.strip().nullif("") if value.type().is_string() else value


def readable(table: ir.Table) -> list[str]:
    """Columns of plain types; nested and binary ones cannot be described in a spec."""
    return [name for name, kind in table.schema().items() if not (kind.is_nested() or kind.is_binary())]


def profiles(
    table: ir.Table,
    counted: Mapping[str, Any],
    rows: Sequence[Mapping[str, str | None]],
    columns: Sequence[str],
) -> tuple[ColumnProfile, ...]:
    """The columns' profiles from the rows of `counts` and `sample`; nested columns are named as such."""
    found = []
    for name, kind in table.schema().items():
        if name not in columns:
            found.append(ColumnProfile(name=name, stored="nested", missing=0, distinct=0))
            continue
        place = columns.index(name)
        different = {row[f"c{place}"] for row in rows}
        found.append(
            ColumnProfile(
                name=name,
                stored=_stored(kind),
                missing=int(counted[f"missing_{place}"]),
                distinct=int(counted[f"distinct_{place}"]),
                negative=int(counted.get(f"negative_{place}", 0)),
                sample=tuple(sorted(value for value in different if value)),
            )
        )
    return tuple(found)


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
