"""The gate's data source: Great Expectations on a DuckDB connection that is already open."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when the library is imported, on the next lines

import duckdb_engine
import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.pool import StaticPool

from expectations.gates.sql import quoted

if TYPE_CHECKING:
    import duckdb
    from great_expectations.datasource.fluent.interfaces import Batch

_LOUD = ("great_expectations", "sqlalchemy", "duckdb_engine")


class _Borrowed(duckdb_engine.ConnectionWrapper):  # type: ignore[misc]  # untyped library
    """A connection that belongs to the caller: not closed here, and each query stands for itself.

    Without transactions a query that fails at run time cannot abort the checks after it.
    """

    def close(self) -> None:
        """Leave the caller's connection open."""

    def begin(self) -> None:
        """Start nothing."""

    def commit(self) -> None:
        """End nothing."""

    def rollback(self) -> None:
        """Undo nothing; the gate only reads."""


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]  # untyped library
    """GX's SQL engine with one connection; the stock one closes it before it fetches (GX 1.24)."""

    _connection: sa.Connection | None

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """The one connection, kept."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection


class DuckDBDatasource(SQLDatasource):  # type: ignore[misc]  # untyped library
    """GX's SQL data source on an engine that is handed over; nothing is copied to temporary tables."""

    type: Literal["duckdb"] = "duckdb"
    connection_string: str = "duckdb://"

    def get_engine(self) -> sa.Engine:
        """The engine that was handed over."""
        return self._engine

    def get_execution_engine(self) -> DuckDBExecutionEngine:
        """The execution engine on the engine that was handed over."""
        kept: DuckDBExecutionEngine | None = getattr(self, "_execution_engine", None)
        if kept is None:
            kept = DuckDBExecutionEngine(engine=self._engine, create_temp_table=False)
            self._execution_engine = kept
        return kept

    @property
    def execution_engine_type(self) -> Any:
        """The class of the execution engine."""
        return DuckDBExecutionEngine


@contextmanager
def batch_of(connection: duckdb.DuckDBPyConnection, view: str) -> Iterator[Batch]:
    """All rows of `view` as a batch of GX, in a context of its own that keeps no files."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    engine = sa.create_engine("duckdb://", creator=lambda: _Borrowed(connection), poolclass=StaticPool)
    source = DuckDBDatasource(name="release")
    source._engine = engine
    source._data_context = context
    asset = source.add_query_asset(name="table", query=f"SELECT * FROM {quoted(view)}")
    try:
        yield asset.add_batch_definition_whole_table("whole").get_batch()
    finally:
        engine.dispose()


@contextmanager
def quiet() -> Iterator[None]:
    """No log records of GX and SQLAlchemy: at DEBUG they hold statements, rows and the engine's messages."""

    parents = [logging.getLogger(name) for name in _LOUD]
    before = [(logger, logger.propagate, logger.handlers) for logger in parents]
    for logger in parents:
        logger.propagate, logger.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        for logger, propagate, handlers in before:
            logger.propagate, logger.handlers = propagate, handlers


__all__ = ["DuckDBDatasource", "DuckDBExecutionEngine", "batch_of", "quiet", "quoted"]
