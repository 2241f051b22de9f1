"""The judge on Spark: what a row's own values decide is asked of DuckDB in the workers, the rest of Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.engine_errors import EngineError, scrubbed
from infra.engine_spark_backend import ticked
from infra.engine_spark_types import for_duckdb, from_duckdb
from infra.engine_spark_worker import ROWS
from infra.engine_sql import quoted

if TYPE_CHECKING:
    import ibis
    from pyspark.sql import DataFrame

    from infra.engine_spark import SparkEngine

_BATCH = "gate_batch_"


class SparkJudge:
    """Asks Spark. A table is read once, at its first question, and stays with the workers until the session ends.

    There it lies in memory or, encrypted, on their disks. `rows` of a question run piece by piece in the workers, each
    with the columns that it names in quotes.
    """

    def __init__(self, engine: SparkEngine) -> None:
        self._backend = engine.ibis
        self._session = engine.ibis._session
        self._connection = engine.connection
        self._read: dict[str, DataFrame] = {}

    def types(self, table: str) -> dict[str, str]:
        """See `expectations.gates.judge.Judge`."""
        return self._described(_typed(self._schema(table)))

    def keep(self, table: str, rows: str, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            frame, schema = self._made(table, rows)
            self._read[name] = frame.localCheckpoint()
            self._backend.named(self._read[name], schema, name)

    def define(self, query: str, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            self._session.sql(query).createOrReplaceTempView(name)

    def finds(self, table: str, rows: str, query: str) -> bool:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            frame, _ = self._made(table, rows)
            frame.createOrReplaceTempView(_BATCH)
            return bool(self._session.sql(query.format(batch=_BATCH)).limit(1).count())

    def drop(self, name: str) -> None:
        """See `expectations.gates.judge.Judge`."""
        with scrubbed("gate"):
            self._read.pop(name, None)
            self._backend.forget(name)

    def _made(self, table: str, rows: str) -> tuple[DataFrame, ibis.Schema]:
        """What DuckDB makes of the pieces of a table, not computed yet."""
        import ibis

        schema, whole = self._schema(table), self._whole(table)
        if not rows:
            return whole, schema
        query = rows.format(batch=ROWS)
        used = ibis.schema({name: kind for name, kind in schema.items() if quoted(name) in query})
        found = self._described(f"WITH {ROWS} AS ({_typed(used)}) {query}")
        result = ibis.schema({name: from_duckdb(kind) for name, kind in found.items()})
        return self._backend.evaluated(whole.selectExpr(*map(ticked, used)), used, query, result), result

    def _whole(self, table: str) -> DataFrame:
        if table not in self._read:
            self._read[table] = self._session.table(table).persist()
        return self._read[table]

    def _schema(self, table: str) -> ibis.Schema:
        if not self._backend.knows(table):
            raise EngineError(f"the engine has no table {table!r}; read it first")
        return self._backend.table(table).schema()

    def _described(self, query: str) -> dict[str, str]:
        """The columns of a query as DuckDB on this machine describes them; nothing is computed."""
        with scrubbed("gate"):
            described = self._connection.execute(f"DESCRIBE {query}").fetchall()
        return {str(row[0]): str(row[1]) for row in described}


def _typed(schema: ibis.Schema) -> str:
    """A query of DuckDB's that has these columns and no rows."""
    columns = (f"CAST(NULL AS {for_duckdb(kind)}) AS {quoted(name)}" for name, kind in schema.items())
    return f"SELECT {', '.join(columns)} WHERE false"
