"""SQL of the gate that needs no Great Expectations, whose import takes seconds."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def compared(view: str, identifiers: Sequence[str]) -> str:
    """The query for what `NoRawIdentifier` compares released values with: column v, in lower case.

    Under four bytes no value is judged. Values may repeat: to find each once would cost more than to look at it again.
    """
    values = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in identifiers)
    raw = f"SELECT lower(trim(v)) AS v FROM (SELECT unnest([{values}]) AS v FROM {quoted(view)})"
    return f"SELECT v FROM ({raw}) WHERE strlen(v) >= 4"
