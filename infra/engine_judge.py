"""Judges: an engine as the gate asks it, with questions that only whether something was found leaves it.

They keep the protocol of `expectations.gates.judge`, which says what a question is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.engine_duckdb import DuckDBEngine
from infra.engine_errors import scrubbed
from infra.engine_sql import quoted

if TYPE_CHECKING:
    import duckdb

    from infra.engine import Engine
    from infra.engine_spark_judge import SparkJudge


def judge_of(engine: Engine) -> DuckDBJudge | SparkJudge:
    """The judge that asks this engine."""
    if isinstance(engine, DuckDBEngine):
        return DuckDBJudge(engine.connection)
    from infra.engine_spark import SparkEngine
    from infra.engine_spark_judge import SparkJudge

    assert isinstance(engine, SparkEngine), "there are two engines"
    return SparkJudge(engine)


class DuckDBJudge:
    """Asks DuckDB: one query a question. What it makes is temporary; the connection stays open."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def types(self, table: str) -> dict[str, str]:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            described = self._connection.execute(f"DESCRIBE SELECT * FROM {quoted(table)}").fetchall()
        return {str(row[0]): str(row[1]) for row in described}

    def keep(self, table: str, rows: str, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS {rows.format(batch=quoted(table))}"
            )

    def define(self, query: str, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            self._connection.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS {query}")

    def finds(self, table: str, rows: str, query: str) -> bool:
        """See `expectations.gates.judge.Judge`."""
        made = f"({rows.format(batch=quoted(table))}) AS rows_" if rows else quoted(table)
        with scrubbed("gate"):
            found = self._connection.execute(f"SELECT count(*) FROM ({query.format(batch=made)})").fetchall()
        return int(found[0][0]) > 0

    def drop(self, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            for kind in self._kinds(name):
                self._connection.execute(f"DROP {kind} {quoted(name)}")

    def _kinds(self, name: str) -> list[str]:
        """TABLE or VIEW, whichever has this name: to drop the one as the other is a fault."""
        made = (
            "SELECT CASE WHEN table_type = 'VIEW' THEN 'VIEW' ELSE 'TABLE' END FROM information_schema.tables"
        )
        found = self._connection.execute(f"{made} WHERE table_name = ?", [name]).fetchall()
        return [str(kind) for (kind,) in found]
