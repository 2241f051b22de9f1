"""The judge: what the gate asks of the engine that holds the tables."""

from __future__ import annotations

from typing import Protocol


class Judge(Protocol):
    """An engine that answers questions about tables, and lets no row out.

    A question has two parts, each with `{batch}` where it reads. `rows` (empty: the table as it is) is in DuckDB's SQL
    and looks at rows one by one: conditions, texts cut out of values; it names the table's columns in quotes. On a
    cluster each worker runs it on its own piece of the table, so that patterns, numbers and times mean the same on
    every engine; DISTINCT in it saves work and promises nothing. `query` reads what `rows` found and may group, join
    and count. It keeps to SQL that DuckDB and Spark read alike: names in double quotes, no texts, and 1e0 for 1.0,
    which Spark would take for a decimal.

    Errors: a PrivetError that holds no value.
    """

    def types(self, table: str) -> dict[str, str]:
        """Column -> type as DuckDB names it. Errors if there is no such table."""

    def keep(self, table: str, rows: str, name: str) -> None:
        """Compute `rows` of a table once, under a name of its own; values may stand there more than once."""

    def define(self, query: str, name: str) -> None:
        """A query over tables by their names, under a name of its own."""

    def finds(self, table: str, rows: str, query: str) -> bool:
        """Whether `query` on `rows` of a table has a row."""

    def drop(self, name: str) -> None:
        """Forget what `keep` or `define` made; nothing happens if there is no such name."""
