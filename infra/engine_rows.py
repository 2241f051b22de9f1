"""What both engines bring to this machine: rows of aggregates and small tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.engine_errors import EngineError, scrubbed

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.sql import SQLBackend


class Rows:
    """Base of the engines: results of expressions as Python's values."""

    ibis: SQLBackend

    def row(self, expr: ir.Table) -> dict[str, Any]:
        """The one row of a small aggregate as a dict. Errors: EngineError if it is not one row."""
        rows = self.rows(expr)
        if len(rows) != 1:
            raise EngineError("an aggregate of one row was expected; aggregate before asking for it")
        return rows[0]

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """All rows as dicts: for aggregates and small tables only."""
        with scrubbed("query"):
            found: list[dict[str, Any]] = self.ibis.to_pyarrow(expr).to_pylist()
        return found
