"""SQL of the gate that needs no Great Expectations, whose import takes seconds."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def compared(view: str, identifiers: Sequence[str]) -> str:
    """The query for what `NoRawIdentifier` compares released values with: column v, each value once, in lower case.

    Under four bytes no value is judged.
    """
    raw = " UNION ALL ".join(
        f"SELECT lower(trim(CAST({quoted(name)} AS VARCHAR))) AS v FROM {quoted(view)}"
        for name in identifiers
    )
    return f"SELECT DISTINCT v FROM ({raw}) WHERE strlen(v) >= 4"
