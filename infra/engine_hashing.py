"""Pseudonyms of a whole column, streamed from the engine through compiled code into a work table of the engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import starmap
from typing import TYPE_CHECKING

from infra.engine_sql import quoted
from models.anonymity.macs import first_bits
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import duckdb
    import ibis
    import pyarrow as pa

# Large enough that a call costs nothing beside its texts, small enough to be nothing beside the engine's memory.
BATCH_ROWS = 1 << 16
# Batches that are hashed while the engine writes others.
AHEAD = 2
_STREAM = "hashing_"


def hashed(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    schema: ibis.Schema,
    column: str,
    key: SecretBytes,
    name: str,
) -> None:
    """The rows of `query`, whose columns `schema` names, as the table `name`: the texts of `column` as UUIDs.

    Rows are read on the connection itself, which alone knows its variables, and written on a second one.
    """
    from ibis.backends.sql.datatypes import DuckDBType

    types = {each: "UUID" if each == column else DuckDBType.to_string(kind) for each, kind in schema.items()}
    columns = ", ".join(f"{quoted(each)} {kind}" for each, kind in types.items())
    writing = connection.cursor()
    try:
        writing.execute(f"CREATE TABLE {name} ({columns})")
        writing.register(_STREAM, _stream(connection.execute(query).to_arrow_reader(BATCH_ROWS), column, key))
        writing.execute(f"INSERT INTO {name} FROM {_STREAM}")
    finally:
        writing.close()


def _stream(rows: pa.RecordBatchReader, column: str, key: SecretBytes) -> pa.RecordBatchReader:
    import pyarrow as pa

    place = rows.schema.get_field_index(column)
    schema = rows.schema.set(place, pa.field(column, pa.uuid()))

    def replaced(batch: pa.RecordBatch, made: Future[pa.UuidArray]) -> pa.RecordBatch:
        return batch.set_column(place, schema.field(place), made.result())

    def batches() -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(AHEAD) as pool:
            waiting: deque[tuple[pa.RecordBatch, Future[pa.UuidArray]]] = deque()
            for batch in rows:
                waiting.append((batch, pool.submit(first_bits, batch.column(place), key)))
                if len(waiting) > AHEAD:
                    yield replaced(*waiting.popleft())
            yield from starmap(replaced, waiting)

    return pa.RecordBatchReader.from_batches(schema, batches())
