"""What runs in Spark's workers: DuckDB over batches of rows, and over encrypted files.

Objects of these classes travel to the workers inside a task, through Spark's authenticated and encrypted connections.
They hold keys, so they are never logged, and their text shows nothing.
"""

from __future__ import annotations

import base64
import contextlib
import io
import pickle
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, count, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.engine_session import httpfs
from infra.engine_sql import PARQUET, file_literal, literal, quoted
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    Batches = Iterator[pa.RecordBatch]

ROWS = "rows_"
CELL = "cell_"
BATCH_ROWS = 16_384
_NUMBERS = count()
# What a worker reports of a file that it wrote.
WRITTEN = "bucket int, count long"


class Function(NamedTuple):
    """A function in Python as DuckDB registers it: of Arrow arrays (`arrow`) or of single values (`native`)."""

    name: str
    body: Callable[..., Any]
    parameters: tuple[str, ...]
    result: str
    kind: str
    options: dict[str, Any]


class _Hidden:
    """Base of what travels with keys: its text is its class, and only here are secrets packed."""

    def __repr__(self) -> str:
        return type(self).__name__

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (type(self), _packed(self.__dict__))


class RowFunctions(_Hidden):
    """A query over each batch of rows; nothing is kept from one row to the next."""

    def __init__(self, query: str, variables: dict[str, bytes], functions: Sequence[Function]) -> None:
        self._query, self._variables, self._functions = query, variables, functions

    def __call__(self, batches: Batches) -> Batches:
        """The rows of the query, batch by batch."""
        batches = iter(batches)
        first = next(batches, None)
        if first is None:
            return
        with _connected() as connection:
            for name, value in self._variables.items():
                connection.execute(f"SET VARIABLE {name} = ?", [value])
            with _registered(connection, self._functions):
                connection.register(ROWS, _reader(first.schema, chain([first], batches)))
                yield from connection.execute(self._query).to_arrow_reader(BATCH_ROWS)


class ReadFiles(_Hidden):
    """The rows of encrypted files: each incoming row holds the place of one in `files`, (path, key)."""

    def __init__(self, files: Sequence[tuple[str, bytes]], columns: str) -> None:
        self._files, self._columns = files, columns

    def __call__(self, batches: Batches) -> Batches:
        """The rows of the files, one after the other."""
        places = [place for batch in batches for place in batch.column(0).to_pylist()]
        if not places:
            return
        with _connected() as connection:
            for place in places:
                path, key = self._files[place]
                config = f"encryption_config = {{footer_key: '{_key(connection, key)}'}}"
                source = f"read_parquet({file_literal(Path(path))}, {config})"
                query = f"SELECT {self._columns} FROM {source}"
                yield from connection.execute(query).to_arrow_reader(BATCH_ROWS)


class WriteFiles(_Hidden):
    """Each run of equal buckets becomes the encrypted file of that bucket; what was written is reported.

    The bucket is the last column of the incoming rows, which come in its order. A bucket without a key is reported as
    -1 and its rows are left out.
    """

    def __init__(self, folder: str, files: Sequence[tuple[str, bytes]], columns: str) -> None:
        self._folder, self._files, self._columns = folder, files, columns

    def __call__(self, batches: Batches) -> Batches:
        """One row a file: its bucket and its number of rows."""
        import pyarrow as pa

        with _connected() as connection:
            for bucket, runs in groupby(_runs(batches), key=lambda run: run[0]):
                found, rows = bucket, (batch for _, batch in runs)
                if bucket is None or not 0 <= bucket < len(self._files):
                    found, written = -1, sum(batch.num_rows for batch in rows)
                else:
                    written = self._write(connection, bucket, rows)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([found], pa.int32()), pa.array([written], pa.int64())], ["bucket", "count"]
                )

    def _write(self, connection: duckdb.DuckDBPyConnection, bucket: int, rows: Batches) -> int:
        """Under another name first, so that an attempt that was cut off leaves nothing under the file's own."""
        name, key = self._files[bucket]
        first = next(rows)
        connection.register(ROWS, _reader(first.schema, chain([first], rows)))
        partial = Path(self._folder) / f".{name}.{secrets.token_hex(8)}"
        options = f"{PARQUET}, ENCRYPTION_CONFIG {{footer_key: '{_key(connection, key)}'}}"
        copied = f"COPY (SELECT {self._columns} FROM {ROWS}) TO {literal(str(partial))} ({options})"
        try:
            rows_written = int(connection.execute(copied).fetchall()[0][0])
            partial.chmod(0o600)
            partial.replace(Path(self._folder) / name)
        finally:
            partial.unlink(missing_ok=True)
            connection.unregister(ROWS)
        return rows_written


def _packed(state: dict[str, Any]) -> bytes:
    """Values and functions as bytes, secrets among them: for a task of Spark and nothing else."""
    from pyspark import cloudpickle

    class Packer(cloudpickle.CloudPickler):  # type: ignore[misc]  # untyped library
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, SecretBytes):
                return SecretBytes, (value.reveal(),)
            return super().reducer_override(value)

    packed = io.BytesIO()
    Packer(packed).dump(state)
    return packed.getvalue()


def _unpacked(kind: type[_Hidden], state: bytes) -> _Hidden:
    made = kind.__new__(kind)
    made.__dict__ = pickle.loads(state)  # noqa: S301  # packed above, and brought by Spark's own connection
    return made


def _runs(batches: Batches) -> Iterator[tuple[int | None, pa.RecordBatch]]:
    """(bucket, its rows without the bucket), a batch cut where the bucket changes."""
    for batch in batches:
        buckets = batch.column(batch.num_columns - 1).to_pylist()
        rows, start = batch.select(batch.schema.names[:-1]), 0
        for bucket, run in groupby(buckets):
            length = sum(1 for _ in run)
            yield bucket, rows.slice(start, length)
            start += length


@contextlib.contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with variables and views of its own to this process's database, which takes 80 ms to make."""
    connection = _database().cursor()
    try:
        yield connection
    finally:
        connection.close()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """An empty database of one thread, since Spark has a worker for each core; it cannot spill."""
    import duckdb

    settings = {
        "threads": "1",
        "temp_directory": "''",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "true",
    }
    connection = duckdb.connect(":memory:")
    for name, value in settings.items():
        connection.execute(f"SET {name} = {value}")
    connection.execute(f"LOAD {literal(str(httpfs(connection)))}")
    connection.execute("SET disabled_filesystems = 'HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem'")
    return connection


@contextlib.contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, functions: Sequence[Function]) -> Iterator[None]:
    """Functions that the connection knows inside the block."""
    for function in functions:
        with contextlib.suppress(AttributeError):  # not every callable has any
            # DuckDB evaluates them, and of a function that was packed the names in them did not travel
            function.body.__annotations__ = {}
        options: Any = {"type": function.kind, **function.options}
        connection.create_function(
            function.name, function.body, list(function.parameters), function.result, **options
        )
    try:
        yield
    finally:
        for function in functions:
            connection.remove_function(function.name)


def _reader(schema: pa.Schema, batches: Batches) -> pa.RecordBatchReader:
    import pyarrow as pa

    return pa.RecordBatchReader.from_batches(schema, batches)


def _key(connection: duckdb.DuckDBPyConnection, key: bytes) -> str:
    name = f"key_{next(_NUMBERS)}_"
    connection.execute(f"PRAGMA add_parquet_key('{name}', '{base64.b64encode(key).decode()}')")
    return name


def arrived_list(names: Sequence[str], types: Sequence[str]) -> str:
    """The columns of rows on their way (see `engine_spark_backend.sent`), under their names and types of DuckDB."""
    return ", ".join(
        f"CAST({CELL}{place} AS {kind}) AS {quoted(name)}"
        for place, (name, kind) in enumerate(zip(names, types, strict=True))
    )


def column_list(names: Sequence[str], types: Sequence[str]) -> str:
    """Columns, each as a type of DuckDB."""
    return ", ".join(
        f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in zip(names, types, strict=True)
    )
