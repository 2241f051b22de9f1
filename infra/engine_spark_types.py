"""Types as Spark holds them: those of Ibis, but for some that Spark lacks and holds as wider or plainer ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis.expr.datatypes as dt

from infra.engine_errors import EngineError

if TYPE_CHECKING:
    import ibis

_WIDER = {dt.UInt8: dt.int16, dt.UInt16: dt.int32, dt.UInt32: dt.int64, dt.UInt64: dt.Decimal(20, 0)}


def held(kind: dt.DataType) -> dt.DataType:
    """How Spark holds the type: a UUID as its text in lower case, a whole number without sign as a wider one.

    Errors: EngineError for a type that it cannot hold.
    """
    if type(kind) in _WIDER:
        return _WIDER[type(kind)]
    if kind.is_uuid() or kind.is_json() or kind.is_enum():
        return dt.string
    if kind.is_timestamp():
        return dt.Timestamp(timezone=kind.timezone, scale=6)
    if kind.is_decimal():
        return dt.Decimal(min(kind.precision or 38, 38), kind.scale or 0)
    if kind.is_array():
        return dt.Array(held(kind.value_type))
    if kind.is_struct():
        return dt.Struct({name: held(part) for name, part in kind.fields.items()})
    if kind.is_time() or kind.is_interval() or kind.is_map() or kind.is_geospatial():
        raise EngineError(
            f"Spark holds no columns of the type {kind}; take the column out, or use PRIVET_ENGINE=duckdb"
        )
    return kind


def described(schema: ibis.Schema) -> ibis.Schema:
    """A schema as DuckDB describes a table that it made of such an expression."""
    import ibis

    kinds = {name: held(kind) if kind.is_timestamp() else kind for name, kind in schema.items()}
    return ibis.schema({name: kind.copy(nullable=True) for name, kind in kinds.items()})


def for_duckdb(kind: dt.DataType) -> str:
    """The type's name in DuckDB."""
    from ibis.backends.sql.datatypes import DuckDBType

    return str(DuckDBType.to_string(kind))


def from_duckdb(name: str) -> dt.DataType:
    """The type that DuckDB names so."""
    from ibis.backends.sql.datatypes import DuckDBType

    kind: dt.DataType = DuckDBType.from_string(name)
    return kind


def for_spark(schema: ibis.Schema) -> Any:
    """The schema as Spark's."""
    from pyspark.sql.types import StructField, StructType

    return StructType([StructField(name, _spark_type(held(kind)), True) for name, kind in schema.items()])


def _spark_type(kind: dt.DataType) -> Any:
    from ibis.backends.pyspark.datatypes import PySparkType
    from pyspark.sql.types import ArrayType, StructField, StructType, TimestampNTZType

    if kind.is_timestamp() and kind.timezone is None:
        return TimestampNTZType()
    if kind.is_array():
        return ArrayType(_spark_type(kind.value_type), True)
    if kind.is_struct():
        return StructType([StructField(name, _spark_type(part), True) for name, part in kind.fields.items()])
    return PySparkType.from_ibis(kind)
