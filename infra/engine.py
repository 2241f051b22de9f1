"""The data engine: tables and expressions behind Ibis, encrypted wherever they touch a disk.

Two twins keep one protocol: DuckDB on this machine (the default) and Spark on a cluster. Stages see `Engine` only,
and their expressions are the same for both. What a row's own values decide (hashes, patterns, spellings, rounding,
functions in Python) is computed by DuckDB on both: on Spark it runs in the workers, over batches of rows, so that no
difference between two languages of patterns or two libraries of time can change a release. What joins rows (joins,
groups, windows, sorting, distinct) is Spark's there.

A function of one's own is one of Arrow arrays: `@ibis.udf.scalar.pyarrow` over a function that is pure, may hold a
`SecretBytes`, and imports only what Privet depends on. It needs no registration and runs on both engines.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from infra.engine_csv import Encoding
from infra.engine_duckdb import DuckDBEngine, open_duckdb
from infra.engine_errors import CapacityError, EngineError, SourceError, scrubbed
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    from ibis.backends.sql import SQLBackend

    from infra.settings import Settings
    from models.anonymity.hashing import Hashing
    from models.anonymity.pseudonyms import HmacKey


class Engine(Protocol):
    """One session of an engine. `ibis` is its backend, `folder` its private work folder, which goes when it ends;
    `connection` is DuckDB on this machine: the engine itself, or what reads files for Spark.

    Whoever executes expressions on the backend directly does so inside `with scrubbed(...)`, because engines quote
    rows in their messages. Keys that were handed to a session cannot be taken back, so it lives for one task.
    """

    ibis: SQLBackend
    folder: Path
    connection: duckdb.DuckDBPyConnection

    def read_csv(
        self,
        path: Path,
        columns: list[str] | None = None,
        encoding: Encoding = "utf-8",
        within: Sequence[Path] | None = None,
    ) -> ir.Table:
        """The file as a work table of strings, empty fields null; see `engine_csv.load_csv`.

        It must lie in one of the folders `within`, if given. Errors: SourceError.
        """

    def read_parquet(self, path: Path, within: Sequence[Path] | None = None) -> ir.Table:
        """A plain Parquet file as a work table with the file's types: one reading, checked to its end.

        It must lie in one of the folders `within`, if given. Errors: SourceError.
        """

    def read_encrypted(self, files: Sequence[tuple[Path, SecretBytes]], name: str | None = None) -> ir.Table:
        """A view over encrypted files, each opened with its own key. All must have the same columns.

        Both engines read what either wrote. Errors: SourceError naming the file if it is missing, damaged or not of
        this key.
        """

    def materialise(self, expr: ir.Table, name: str) -> ir.Table:
        """`expr` computed once into the encrypted work table `name`, replacing what had that name."""

    def view(self, expr: ir.Table, name: str) -> ir.Table:
        """`expr` under the name of a view, computed wherever it is read."""

    def row(self, expr: ir.Table) -> dict[str, Any]:
        """The one row of a small aggregate as a dict. Errors: EngineError if it is not one row."""

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """All rows as dicts: for aggregates and small tables only."""

    def secret(self, value: SecretBytes, name: str) -> HmacKey:
        """An HMAC key for models.anonymity.pseudonyms; its pads are session variables, not SQL."""

    def hashing(self) -> AbstractContextManager[Hashing | None]:
        """What makes pseudonyms of whole columns inside the block, for `policy.deidentify`.

        It keeps them in work tables, which are gone at the end of the block. None where the workers hash.
        """

    def write_parquet(
        self, expr: ir.Table, path: Path, key: SecretBytes, order_by: Sequence[str] = ()
    ) -> int:
        """Write `expr` as one Parquet file, footer and columns under AES-GCM with `key`; returns the rows.

        Columns in `order_by` sort it; otherwise the order is the engine's. Nothing is left after an error.
        """

    def write_buckets(
        self, expr: ir.Table, bucket_column: str, folder: Path, keys: Sequence[SecretBytes]
    ) -> list[tuple[Path, int, int]]:
        """One encrypted file a bucket, without `bucket_column`: (path, bucket, rows) for each of `keys`.

        Empty buckets have their file too, so that the files do not tell which they are.
        Errors: EngineError for a row whose bucket has no key.
        """


@contextmanager
def open_engine(
    work_dir: Path, *, threads: int | None = None, memory_limit: str = "4GB"
) -> Iterator[DuckDBEngine]:
    """An embedded engine with a fresh private folder (0700) under `work_dir`.

    Work tables lie in memory. What goes beyond `memory_limit` is spilled into the folder, encrypted with a random
    key that is kept nowhere; the folder is removed on the way out, also after an error.
    Errors: EngineError if it cannot start.
    """
    with (
        work_folder(work_dir) as folder,
        open_duckdb(folder, threads=threads, memory_limit=memory_limit) as engine,
    ):
        yield engine


@contextmanager
def open_here(settings: Settings) -> Iterator[DuckDBEngine]:
    """The embedded engine, whatever the settings say of a cluster."""
    with open_engine(
        settings.work_dir, threads=settings.threads, memory_limit=settings.memory_limit
    ) as engine:
        yield engine


@contextmanager
def open_configured(settings: Settings) -> Iterator[Engine]:
    """The engine that the settings name. Errors: EngineError if it cannot start."""
    if settings.engine == "duckdb":
        with open_here(settings) as engine:
            yield engine
        return
    from infra.engine_spark import open_spark

    with (
        work_folder(settings.work_dir) as folder,
        open_spark(
            folder,
            master=settings.spark_master,
            secret_file=settings.spark_secret_file,
            threads=settings.threads,
            memory_limit=settings.memory_limit,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def work_folder(work_dir: Path) -> Iterator[Path]:
    """A fresh private folder (0700) under `work_dir`, removed on the way out, also after an error."""
    with scrubbed("work folder"):
        work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="engine-", dir=work_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = [
    "CapacityError",
    "DuckDBEngine",
    "Engine",
    "EngineError",
    "SourceError",
    "open_configured",
    "open_engine",
    "open_here",
    "scrubbed",
    "work_folder",
]
