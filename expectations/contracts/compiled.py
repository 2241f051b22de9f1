"""The compiled contract: the rules of a table's schema for one pass of the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir

from expectations.contracts.nested import base_of, field
from expectations.contracts.order import references_of
from expectations.contracts.parse import ODD, WRONG_TYPE, parse
from expectations.contracts.schema import own_key, table_schema
from expectations.errors import ContractError
from models.values.dataset import RuleCount
from models.values.spec import ShopSpec

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

BROKEN = "_broken"
DUPLICATE = "duplicate row"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of a table: its name in plain words, without values of rows, and the rows that break it."""

    name: str
    table: str
    broken: ir.BooleanValue


@dataclass(frozen=True, kw_only=True)
class CheckedTable:
    """A table under its contract: typed columns of the spec and `_broken`, the first broken rule or null."""

    table: str
    parsed: ir.Table
    rules: tuple[Rule, ...]


def compile_rules(
    spec: ShopSpec, table: str, raw: ir.Table, tables: Mapping[str, ir.Table], *, now: datetime
) -> CheckedTable:
    """The contract of `table` on its `raw` rows, of text or native types. Nothing is evaluated yet.

    Rules go column by column (missing, type, then the checks of `table_schema`), then the key, then the
    references into the accepted rows of other `tables`. Of equal rows one is kept, and the copies break
    "duplicate row"; rows that share a key and differ are all rejected, since none can be trusted.

    Raises:
        ContractError: a column is missing or of a nested type, a rule does not fit its column, or a table
            that this one refers to was not checked before (see `contract_order`).
    """
    source = columns_of(spec, table, raw)
    schema = table_schema(spec, table, now=now)
    typed = _typed(spec, table, source)
    rules = (
        *_column_rules(spec, table, schema, typed),
        *_key_rules(spec, table, typed),
        *_reference_rules(spec, table, typed, tables),
    )
    first = ibis.cases(*((rule.broken, rule.name) for rule in rules), else_=ibis.null("string"))
    parsed = typed.select(*spec.tables[table].columns, **{BROKEN: first})
    return CheckedTable(table=table, parsed=parsed, rules=rules)


def count_broken(checked: CheckedTable) -> tuple[RuleCount, ...]:
    """How many rows broke each rule first, by one aggregate over the table; rules that held are left out.

    Accepted rows and these counts add up to all rows of the raw table.
    """
    import duckdb

    counts = checked.parsed.group_by(BROKEN).aggregate(rows=lambda t: t.count())
    try:
        found = {row[BROKEN]: int(row["rows"]) for row in counts.to_pyarrow().to_pylist()}
    except duckdb.Error:
        raise ContractError(
            f"the contract of tables.{checked.table} could not be evaluated; check its patterns and its file"
        ) from None
    return tuple(
        RuleCount(table=checked.table, rule=rule.name, rows=found[rule.name])
        for rule in checked.rules
        if rule.name in found
    )


def accepted(checked: CheckedTable) -> ir.Table:
    """The rows that keep every rule, with the typed columns of the spec."""
    return checked.parsed.filter(checked.parsed[BROKEN].isnull()).drop(BROKEN)


def rejected(checked: CheckedTable) -> ir.Table:
    """The other rows, with `_broken`; a value that could not be read under its type is null here."""
    return checked.parsed.filter(checked.parsed[BROKEN].notnull())


def dropped_columns(spec: ShopSpec, table: str, raw: ir.Table) -> tuple[str, ...]:
    """Columns of the data that the spec does not name and that are therefore dropped.

    A column that another table of the same source names is not dropped.
    A header can hold personal data (a file without a header line), so a name that does not look like a
    column's name is replaced by its place, e.g. "column 3".
    """
    plain = re.compile(r"[A-Za-z][A-Za-z_ -]{0,40}[0-9]{0,2}")
    source = spec.tables[table].source
    named = {name for entry in spec.tables.values() if entry.source == source for name in entry.columns}
    opened = {base_of(name, frozenset(raw.columns)) for name in named if "." in name}
    return tuple(
        (name if plain.fullmatch(name) else f"column {place}")
        + (" (fields that are not named)" if name in opened else "")
        for place, name in enumerate(raw.columns, start=1)
        if name not in named
    )


def columns_of(spec: ShopSpec, table: str, raw: ir.Table) -> ir.Table:
    """The columns of `raw` that the spec names, in its order; of a distinct table each different row once.

    A name such as details.city that is no column is a field of the column details (see `nested`).
    Raises ContractError for a missing column.
    """
    entry = spec.tables[table]
    held = frozenset(raw.columns)
    found = {name: raw[name] if name in held else _field(raw, name, held) for name in entry.columns}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise ContractError(
            f"tables.{table}: {entry.source} has no column {', '.join(map(repr, missing))}; "
            "add it to the file or take it out of the spec"
        )
    named = raw.select(**found)
    return named.distinct() if entry.distinct else named


def _field(raw: ir.Table, name: str, columns: frozenset[str]) -> ir.Value | None:
    base = base_of(name, columns)
    return None if base is None else field(raw, base, name)


def _typed(spec: ShopSpec, table: str, source: ir.Table) -> ir.Table:
    """Typed columns, `_given_<column>` and `_odd_<column>` where `Parsed` has them, and what `_compared` adds."""
    columns: dict[str, ir.Value] = {}
    for name, column in spec.tables[table].columns.items():
        found = parse(f"tables.{table}.columns.{name}", source[name], column, spec.timezone)
        columns[name] = found.value
        if found.given is not None:
            columns[f"_given_{name}"] = found.given
        if found.odd is not None:
            columns[f"_odd_{name}"] = found.odd
    return _compared(source.select(**columns), own_key(spec, table))


def _compared(typed: ir.Table, key: Sequence[str]) -> ir.Table:
    """The rows with `_copy` (0: the first of its key) and `_same` (all rows of its key are equal).

    Windows over all rows would cost half of the contract, so only rows are sorted into them whose key is used
    again: those that share 64 bits of it.
    """
    marked = typed.mutate(_mark=_mark(typed, key))
    again = marked.group_by("_mark").having(lambda t: t.count() > 1).aggregate()
    once, more = marked.anti_join(again, "_mark"), marked.semi_join(again, "_mark")
    # 64 bits tell rows of one key apart; a collision (2**-64 a pair) would keep one of two differing rows.
    content, rows = _mark(more, typed.columns), ibis.window(group_by=[more[name] for name in key])
    same = content.min().over(rows) == content.max().over(rows)
    more = more.mutate(_copy=ibis.row_number().over(rows), _same=same)
    return once.mutate(_copy=ibis.literal(0, type="int64"), _same=True).union(more).drop("_mark")


def _mark(rows: ir.Table, columns: Sequence[str]) -> ir.IntegerValue:
    """64 bits of the values of some columns."""
    return ibis.struct({name: rows[name] for name in columns}).hash()


def _column_rules(spec: ShopSpec, table: str, schema: DataFrameSchema, typed: ir.Table) -> Iterator[Rule]:
    for name, column in spec.tables[table].columns.items():
        value = typed[name]
        given = typed[f"_given_{name}"] if f"_given_{name}" in typed.columns else value.notnull()
        if not schema.columns[name].nullable:
            yield Rule(name=f"{name}: missing", table=table, broken=~given)
        for odd in ODD.get(column.type, ()) if f"_odd_{name}" in typed.columns else ():
            broken = (typed[f"_odd_{name}"] == odd).fill_null(False)
            yield Rule(name=f"{name}: {odd}", table=table, broken=broken)
        if column.type != "string":
            broken = given & value.isnull()
            yield Rule(name=f"{name}: {WRONG_TYPE[column.type]}", table=table, broken=broken)
        for check in schema.columns[name].checks:
            broken = (~_holds(check, value)).fill_null(False)
            yield Rule(name=f"{name}: {check.error}", table=table, broken=broken)


def _holds(check: Check, value: Any) -> ir.BooleanValue:
    """A check of pandera as an expression; null where the value is missing."""
    facts = check.statistics
    match check.name:
        case "in_range":
            low, high = (_literal(facts[side], value) for side in ("min_value", "max_value"))
            return (value >= low) & (value <= high if facts["include_max"] else value < high)
        case "isin":
            return value.isin(list(facts["allowed_values"]))
        case "str_matches":
            return value.re_search(facts["pattern"].pattern)
        case "str_length":
            return value.length() <= facts["max_value"]
        case other:
            raise ContractError(f"check {other!r} has no compiled form; use range, values, pattern or length")


def _literal(bound: Any, value: ir.Value) -> Any:
    if not value.type().is_temporal():
        return bound
    return ibis.literal(bound.to_pydatetime(), type="timestamp(6)")


def _key_rules(spec: ShopSpec, table: str, typed: ir.Table) -> Iterator[Rule]:
    key = ", ".join(spec.tables[table].key)
    yield Rule(name=f"{key}: used by rows that differ", table=table, broken=~typed["_same"])
    yield Rule(name=DUPLICATE, table=table, broken=typed["_copy"] > 0)


def _reference_rules(
    spec: ShopSpec, table: str, typed: ir.Table, tables: Mapping[str, ir.Table]
) -> Iterator[Rule]:
    for name, target in references_of(spec, table).items():
        other, column = target.split(".")
        if other not in tables:
            raise ContractError(
                f"tables.{table}.columns.{name} refers to {other!r}, which was not checked before; "
                "check tables in the order of contract_order(spec)"
            )
        known = tables[other].filter(tables[other][column].notnull())[column]
        value = typed[name]
        if value.type() != known.type():
            value, known = value.cast("string"), known.cast("string")
        broken = value.notnull() & ~value.isin(known)
        yield Rule(name=f"{name}: no such {target}", table=table, broken=broken)
