"""Ibis on Spark, with every row's own expressions computed by DuckDB in the workers (see `engine_spark_plan`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.pyspark import Backend
from ibis.expr.operations.udf import InputType
from ibis.formats.pyarrow import PyArrowData

from infra.engine_spark_plan import planned
from infra.engine_spark_types import for_duckdb, for_spark, held
from infra.engine_spark_worker import (
    CELL,
    ROWS,
    Function,
    RowFunctions,
    WriteFiles,
    arrived_list,
    column_list,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_KINDS = {InputType.PYARROW: "arrow", InputType.PYTHON: "native"}
_VARIABLE = re.compile(r"getvariable\('([a-z0-9_]+)'\)", re.IGNORECASE)


class SparkBackend(Backend):  # type: ignore[misc]  # untyped library
    """Ibis' backend; `variables` are the session's, by name, for those parts of expressions that name them."""

    variables: dict[str, bytes]

    def do_connect(self, session: Any) -> None:
        """Use this session."""
        self.register_options()
        super().do_connect(session)
        self.variables, self._numbers = {}, count(1)
        self._tables: dict[str, ir.Table] = {}

    def compile(self, expr: ir.Expr, /, **options: Any) -> str:
        """Spark's SQL for the expression; what DuckDB computes is a view that the SQL reads."""
        return str(super().compile(planned(expr, self._computed), **options))

    def frame(self, expr: ir.Table) -> DataFrame:
        """The rows of an expression, not computed yet, their types as `held`."""
        self._run_pre_execute_hooks(expr)
        return self._session.sql(self.compile(expr))

    def named(self, frame: DataFrame, schema: ibis.Schema, name: str | None = None) -> ir.Table:
        """The frame as a table of the given schema, under a name that may be new."""
        view = name or f"computed_{next(self._numbers)}_"
        frame.createOrReplaceTempView(view)
        self._tables[view] = ops.DatabaseTable(name=view, schema=schema, source=self).to_expr()
        return self._tables[view]

    def table(self, name: str, /, **_: Any) -> ir.Table:
        """The table of this name, with the types that it was made with."""
        return self._tables[name]

    def knows(self, name: str) -> bool:
        """Whether there is a table of this name."""
        return name in self._tables

    def forget(self, name: str) -> None:
        """Drop a table, and nothing if there is none of this name."""
        self._session.catalog.dropTempView(name)
        self._tables.pop(name, None)

    def to_pyarrow(self, expr: ir.Expr, /, **_: Any) -> pa.Table:
        """The result of an expression."""
        table = expr.as_table()
        found = PyArrowData.convert_table(self.frame(table).toArrow(), table.schema())
        return expr.__pyarrow_result__(found)

    def execute(self, expr: ir.Expr, /, **_: Any) -> Any:
        """The result of an expression as pandas has it."""
        return expr.__pandas_result__(self.to_pyarrow(expr.as_table()).to_pandas())

    def _register_udfs(self, expr: ir.Expr) -> None:
        """None are Spark's: functions in Python run where DuckDB does."""

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        kinds = ibis.schema({name: held(kind) for name, kind in op.schema.items()})
        rows = op.data.to_pyarrow(op.schema).cast(kinds.to_pyarrow())
        self._session.createDataFrame(rows, for_spark(op.schema)).createOrReplaceTempView(op.name)

    def _computed(
        self, parent: ops.Relation, kept: Iterable[str], extra: Mapping[str, ops.Value]
    ) -> ops.Relation:
        """`parent` with some of its columns and, beside them, expressions that DuckDB computes in the workers."""
        rows = self._session.sql(super().compile(parent.to_expr()))
        rows_op = ops.UnboundTable(ROWS, parent.schema)
        swap = {ops.Field(parent, name): ops.Field(rows_op, name) for name in parent.schema.names}
        values = {name: ops.Field(rows_op, name) for name in kept}
        values |= {name: value.replace(swap) for name, value in extra.items()}
        used = sorted({field.name for value in values.values() for field in value.find(ops.Field)})
        wanted = ops.Project(rows_op, values).to_expr()
        narrow = rows.selectExpr(*map(ticked, used)) if used else rows
        arriving = ibis.schema({name: parent.schema[name] for name in used})
        query, functions = _duckdb_sql(wanted), tuple(_functions(values.values()))
        variables = {name: self.variables[name] for name in _VARIABLE.findall(query)}
        frame = self.evaluated(narrow, arriving, query, wanted.schema(), variables, functions)
        return self.named(frame, wanted.schema()).op()

    def evaluated(
        self,
        rows: DataFrame,
        arriving: ibis.Schema,
        query: str,
        result: ibis.Schema,
        variables: Mapping[str, bytes] = MappingProxyType({}),
        functions: Sequence[Function] = (),
    ) -> DataFrame:
        """What DuckDB's `query` makes of the table `ROWS`: the pieces of `rows`, one by one, in the workers.

        `variables` and `functions` are those that it names; no others travel with it.
        """
        task = RowFunctions(_typed(query, arriving, result), dict(variables), functions)
        return sent(rows, task, for_spark(result))


def sent(frame: DataFrame, task: RowFunctions | WriteFiles, schema: Any) -> DataFrame:
    """What a task in the workers makes of the rows, whose columns travel by their places.

    PySpark 4.3 looks them up by their names, in which it reads dots and backticks as its own.
    """
    return frame.toDF(*(f"{CELL}{place}" for place, _ in enumerate(frame.columns))).mapInArrow(
        task.__call__, schema
    )


def ticked(name: str) -> str:
    """A column's name in an expression of Spark's SQL (where only a name is read, a backtick cannot stand in it)."""
    return "`" + name.replace("`", "``") + "`"


def _typed(query: str, arriving: ibis.Schema, result: ibis.Schema) -> str:
    """DuckDB's query over the arriving batches: their types restored first, Spark's made at the end."""
    restored = arrived_list(arriving.names, [for_duckdb(kind) for kind in arriving.types]) or "*"
    returned = column_list(result.names, [for_duckdb(held(kind)) for kind in result.types])
    return (
        f"WITH arrived_ AS (SELECT {restored} FROM {ROWS}), "
        f"wanted_ AS (WITH {ROWS} AS (FROM arrived_) {query}) SELECT {returned} FROM wanted_"
    )


def _duckdb_sql(expr: ir.Table) -> str:
    return str(ibis.to_sql(expr, dialect="duckdb", pretty=False))


def _functions(values: Iterable[ops.Value]) -> Iterable[Function]:
    """The functions in Python that expressions call, as DuckDB registers them."""
    nodes = dict.fromkeys(node for value in values for node in value.find(ops.ScalarUDF))
    for node in nodes:
        if node.__input_type__ in _KINDS:
            parameters = node.__signature__.parameters.values()
            yield Function(
                name=type(node).__name__,
                body=node.__func__,
                parameters=tuple(for_duckdb(one.annotation.pattern.dtype) for one in parameters),
                result=for_duckdb(node.dtype),
                kind=_KINDS[node.__input_type__],
                options=dict(node.__config__),
            )
