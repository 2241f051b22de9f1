"""Nested columns: one field of a Parquet struct or of JSON text as a column of its own, called details.city."""

from __future__ import annotations

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

# Stands where text is no JSON; no contract lets it pass.
UNREADABLE = "\ufffd"


@ibis.udf.scalar.builtin(name="json_valid")  # type: ignore[untyped-decorator]  # untyped library
def _is_json(text: str) -> bool:  # type: ignore[empty-body]
    """Whether a text is one JSON value."""


@ibis.udf.scalar.builtin(name="json_extract_string")  # type: ignore[untyped-decorator]  # untyped library
def _extracted(text: str, path: str) -> str:  # type: ignore[empty-body]
    """The value at a path in JSON text, text without its quotation marks."""


def base_of(name: str, columns: frozenset[str]) -> str | None:
    """The column of `columns` in which the field called `name` lies; None if no name of a column begins it."""
    parts = name.split(".")
    heads = (".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1))
    return next((head for head in heads if head in columns), None)


def field(raw: ir.Table, base: str, name: str) -> ir.Value | None:
    """The field `name` (details.city) of the column `base` (details); None if its type has no such field.

    Text that is no JSON becomes U+FFFD, so that its row is set aside; a field that a row lacks is null.
    """
    value = raw[base]
    rest = name[len(base) + 1 :].split(".")
    while rest and value.type().is_struct():
        if rest[0] not in value.type().names:
            return None
        value = value[rest.pop(0)]
    if not rest:
        return value
    if not value.type().is_string():
        return None
    path = "$" + "".join(f'."{part}"' for part in rest if '"' not in part)
    text = value.strip().nullif("")
    return ibis.cases(
        (text.isnull(), ibis.null("string")), (_is_json(text), _extracted(text, path)), else_=UNREADABLE
    )


def flattened(table: ir.Table) -> ir.Table:
    """The table with each struct as its fields; lists and maps stay, as does all of it where two names would meet."""
    if not any(kind.is_struct() for kind in table.schema().values()):
        return table
    leaves = [leaf for column in table.columns for leaf in _leaves(column, table[column])]
    return table.select(**dict(leaves)) if len(dict(leaves)) == len(leaves) else table


def _leaves(name: str, value: ir.Value) -> Iterator[tuple[str, ir.Value]]:
    if not value.type().is_struct():
        yield name, value
        return
    for part in value.type().names:
        yield from _leaves(f"{name}.{part}", value[part])
