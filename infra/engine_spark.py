"""The cluster's engine: Spark behind Ibis, with DuckDB in its workers for files and for rows' own expressions.

Sources are read by the same strict readers as everywhere, on the machine that starts the run, and go to the workers
as encrypted files. Files are written and read by the workers, each file by one of them, in the form that the embedded
engine writes: what one engine published, the other reads. So the engine's folder must be one that all workers see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from infra.engine_csv import Encoding
from infra.engine_duckdb import DuckDBEngine, hmac_key, open_duckdb
from infra.engine_errors import EngineError, scrubbed
from infra.engine_rows import Rows
from infra.engine_sql import checked_name, quoted
from models.anonymity.macs import pads
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

    from infra.engine_spark_backend import SparkBackend
    from models.anonymity.pseudonyms import HmacKey

FILE_BYTES = 64 << 20
_BUCKET = "bucket_of_the_file_"


@contextmanager
def open_spark(
    folder: Path, *, master: str, secret_file: Path | None, threads: int | None, memory_limit: str
) -> Iterator[SparkEngine]:
    """An engine on the Spark cluster at `master`, with the private folder `folder`, which the workers must see too.

    `threads` and `memory_limit` are those of DuckDB on this machine, which reads the sources.
    Errors: EngineError if it cannot start.
    """
    from infra.engine_spark_session import spark_session

    with (
        open_duckdb(folder, threads=threads, memory_limit=memory_limit) as local,
        spark_session(folder, master, secret_file) as session,
    ):
        from infra.engine_spark_backend import SparkBackend

        backend = SparkBackend()
        backend.do_connect(session)
        yield SparkEngine(backend, local)


class SparkEngine(Rows):
    """One session of Spark; see `engine.Engine` for what its methods promise."""

    def __init__(self, backend: SparkBackend, local: DuckDBEngine) -> None:
        self.ibis = backend
        self.folder = local.folder
        self.connection = local.connection
        self._local = local
        self._numbers = count(1)

    def read_csv(
        self,
        path: Path,
        columns: list[str] | None = None,
        encoding: Encoding = "utf-8",
        within: Sequence[Path] | None = None,
    ) -> ir.Table:
        """See `engine.Engine`."""
        return self._sent(self._local.read_csv(path, columns, encoding, within))

    def read_parquet(self, path: Path, within: Sequence[Path] | None = None) -> ir.Table:
        """See `engine.Engine`."""
        return self._sent(self._local.read_parquet(path, within))

    def read_encrypted(self, files: Sequence[tuple[Path, SecretBytes]], name: str | None = None) -> ir.Table:
        """See `engine.Engine`. The files are opened here once, so that a fault is told before any work is done."""
        from infra.engine_spark_types import for_duckdb, for_spark, held
        from infra.engine_spark_worker import ReadFiles, column_list

        schema = self._local.read_encrypted(files).schema()
        columns = column_list(schema.names, [for_duckdb(held(kind)) for kind in schema.types])
        task = ReadFiles([(str(path), key.reveal()) for path, key in files], columns)
        with scrubbed(name or "files"):
            places = self.ibis._session.range(0, len(files), 1, min(len(files), self._slots()))
            frame = places.mapInArrow(task.__call__, for_spark(schema))
            return self.ibis.named(frame, schema, None if name is None else checked_name(name))

    def materialise(self, expr: ir.Table, name: str) -> ir.Table:
        """See `engine.Engine`. What lies in memory or, encrypted, on a worker's disk is not computed again."""
        from infra.engine_spark_types import described

        with scrubbed(name):
            frame = self.ibis.frame(expr).localCheckpoint()
            return self.ibis.named(frame, described(expr.schema()), checked_name(name))

    def view(self, expr: ir.Table, name: str) -> ir.Table:
        """See `engine.Engine`."""
        from infra.engine_spark_types import described

        with scrubbed(name):
            return self.ibis.named(self.ibis.frame(expr), described(expr.schema()), checked_name(name))

    def secret(self, value: SecretBytes, name: str) -> HmacKey:
        """See `engine.Engine`. The pads go to the workers with those tasks whose expressions name them."""
        for pad, block in pads(value).items():
            self.ibis.variables[f"{checked_name(name)}_{pad}"] = block
        return hmac_key(value, name)

    def hashing(self) -> AbstractContextManager[None]:
        """See `engine.Engine`. Nothing: the workers hash where the rows are."""
        return nullcontext()

    def write_parquet(
        self, expr: ir.Table, path: Path, key: SecretBytes, order_by: Sequence[str] = ()
    ) -> int:
        """See `engine.Engine`. One file is one worker's work; what comes before it is all workers'."""
        from pyspark.sql import functions

        from infra.engine_spark_backend import ticked

        with scrubbed(path):
            frame = self.ibis.frame(expr).repartition(1)
            places = [functions.expr(ticked(name)) for name in order_by]
            frame = frame.sortWithinPartitions(*places) if places else frame
            columns = [*frame.columns, _BUCKET]
            whole = frame.selectExpr("*", "0").toDF(*columns)
        ((_, _, rows),) = self._write(whole, expr.schema(), path.parent, [(path.name, key)])
        return rows

    def write_buckets(
        self, expr: ir.Table, bucket_column: str, folder: Path, keys: Sequence[SecretBytes]
    ) -> list[tuple[Path, int, int]]:
        """See `engine.Engine`."""
        rows = expr.drop(bucket_column)
        with scrubbed(folder):
            frame = self.ibis.frame(expr.select(*rows.columns, **{_BUCKET: expr[bucket_column]}))
            spread = frame.repartition(min(len(keys), self._slots()), _BUCKET).sortWithinPartitions(_BUCKET)
        files = [(f"{number:03d}.parquet", key) for number, key in enumerate(keys)]
        return self._write(spread, rows.schema(), folder, files)

    def _write(
        self, frame: Any, schema: ibis.Schema, folder: Path, files: Sequence[tuple[str, SecretBytes]]
    ) -> list[tuple[Path, int, int]]:
        """Write rows whose last column is the place of their file; files without rows are written here."""
        from infra.engine_spark_backend import sent
        from infra.engine_spark_types import for_duckdb
        from infra.engine_spark_worker import WRITTEN, WriteFiles, arrived_list

        columns = arrived_list(schema.names, [for_duckdb(kind) for kind in schema.types])
        named = [(name, key.reveal()) for name, key in files]
        paths = [folder / name for name, _ in files]
        try:
            with scrubbed(folder):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                task = WriteFiles(str(folder), named, columns)
                found = {row[0]: row[1] for row in sent(frame, task, WRITTEN).collect()}
            if -1 in found:
                raise EngineError(f"rows outside the {len(files)} buckets; give one key a bucket")
            for number in set(range(len(files))) - set(found):
                self._write_empty(schema, paths[number], files[number][1])
        except EngineError:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        return [(path, number, found.get(number, 0)) for number, path in enumerate(paths)]

    def _write_empty(self, schema: ibis.Schema, path: Path, key: SecretBytes) -> None:
        from infra.engine_spark_types import for_duckdb

        columns = ", ".join(
            f"CAST(NULL AS {for_duckdb(kind)}) AS {quoted(name)}" for name, kind in schema.items()
        )
        self._local.write_parquet(self._local.ibis.sql(f"SELECT {columns} WHERE false"), path, key)

    def _sent(self, table: ir.Table) -> ir.Table:
        """A table of DuckDB's as one of Spark's, by way of encrypted files under a key that is kept nowhere."""
        key = SecretBytes(token_bytes(32))
        files = self._local.write_parts(table, self.folder / f"source-{next(self._numbers)}", key, FILE_BYTES)
        self._local.drop(table)
        return self.read_encrypted([(file, key) for file in files])

    def _slots(self) -> int:
        """How many parts a piece of work is cut into: a few for each core, so that none waits for the last."""
        return 2 * int(self.ibis._session.sparkContext.defaultParallelism)
