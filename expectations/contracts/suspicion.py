"""Suspicion: identifying values under a harmless name, found before anything is published."""

from __future__ import annotations

from typing import NamedTuple

import ibis.expr.types as ir

from expectations.errors import ContractError
from models.anonymity.patterns import residual_patterns
from models.values.spec import Column, ShopSpec

TOLERATED_SHARE = 0.01
KINDS = {
    "EMAIL": "e-mail addresses",
    "PHONE": "phone numbers",
    "CARD": "card numbers",
    "ID": "identity numbers",
    "IBAN": "account numbers",
    "JSON": "JSON",
}
JSON = r"(?s)^\s*(\{\s*(\".*)?\}|\[.*\])\s*$"
HARMLESS_ROLES = ("attribute", "sensitive", "label", "quasi_identifier")


class Suspicion(NamedTuple):
    """A column more than 1 % of whose values look like `kind`."""

    column: str
    kind: str

    def __str__(self) -> str:
        """What was found, and the way out."""
        way_out = "declare it role: identifier, or drop or redact it"
        if self.kind == KINDS["JSON"]:
            way_out = f"anything can hide in it: drop it, or name its fields as columns, such as {self.column}.FIELD"
        return f"columns.{self.column} looks like {self.kind}; {way_out}"


def suspicious_columns(spec: ShopSpec, table: str, parsed: ir.Table) -> tuple[Suspicion, ...]:
    """String columns of `parsed` that claim to identify nobody, and what over 1 % of their values look like.

    Columns that are dropped or pseudonymised may hold anything and are not searched; redacted ones are for JSON,
    in which no redaction finds a name.
    """
    found: list[Suspicion] = []
    for name, column in spec.tables[table].columns.items():
        if _is_searched(name, column, public=_is_public(spec, table, column)):
            found.extend(Suspicion(column=name, kind=kind) for kind in _kinds_in(parsed[name], _patterns()))
        elif column.type == "string" and column.effective_transform(name).kind == "redact":
            found.extend(
                Suspicion(column=name, kind=kind) for kind in _kinds_in(parsed[name], {"JSON": JSON})
            )
    return tuple(found)


def refuse_suspicious(spec: ShopSpec, table: str, parsed: ir.Table) -> None:
    """Raise ContractError if a column holds identifying values under another role. Call before publishing."""
    found = suspicious_columns(spec, table, parsed)
    if not found:
        return
    raise ContractError("\n".join(f"tables.{table}.{suspicion}" for suspicion in found))


def _is_public(spec: ShopSpec, table: str, column: Column) -> bool:
    """Whether the values are those of a public table: it is one, or the column refers into one."""
    target = column.references.split(".")[0] if column.references else table
    return spec.tables[target].public


def _is_searched(name: str, column: Column, *, public: bool) -> bool:
    kept = column.effective_transform(name).kind not in ("drop", "pseudonym", "redact")
    claims_nothing = column.role in HARMLESS_ROLES or (column.role == "key" and not public)
    return column.type == "string" and kept and claims_nothing


def _patterns() -> dict[str, str]:
    return {"JSON": JSON, **{name: p for name, p in residual_patterns().items() if _words(name)}}


def _kinds_in(values: ir.StringColumn, patterns: dict[str, str]) -> list[str]:
    """What more than 1 % of the values look like; each different value is read once."""
    different = values.name("value").as_table().filter(values.notnull()).group_by("value")
    counted = different.aggregate(rows=lambda t: t.count())
    shares = counted.aggregate(
        total=counted.rows.sum().fill_null(0),
        **{
            name: counted.value.re_search(pattern).ifelse(counted.rows, 0).sum().fill_null(0)
            for name, pattern in patterns.items()
        },
    )
    row = shares.to_pyarrow().to_pylist()[0]
    found = (_words(name) for name in patterns if row[name] > TOLERATED_SHARE * row["total"])
    return list(dict.fromkeys(found))


def _words(pattern_name: str) -> str:
    """What a pattern finds, in plain words: PHONE and PHONE_ABROAD are phone numbers; "" for harmless finds."""
    return KINDS.get(pattern_name.split("_")[0], "")
