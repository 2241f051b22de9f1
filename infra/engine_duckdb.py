"""The embedded engine: DuckDB behind Ibis, encrypted wherever it touches the disk."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from infra.engine_csv import Encoding, load_csv
from infra.engine_errors import EngineError, SourceError, scrubbed
from infra.engine_files import held
from infra.engine_hashing import hashed
from infra.engine_rows import Rows
from infra.engine_session import connect, passing
from infra.engine_sql import PARQUET, checked_name, file_literal, literal, quoted
from models.anonymity.macs import pads
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

    from models.anonymity.hashing import Hashing
    from models.anonymity.pseudonyms import HmacKey

_KEY_BYTES = (16, 24, 32)


@contextmanager
def open_duckdb(folder: Path, *, threads: int | None, memory_limit: str) -> Iterator[DuckDBEngine]:
    """An engine with the private folder `folder`. Errors: EngineError if it cannot start."""
    backend = connect(folder, threads, memory_limit)
    try:
        yield DuckDBEngine(backend, folder)
    finally:
        backend.disconnect()


class DuckDBEngine(Rows):
    """One session of DuckDB; see `engine.Engine` for what its methods promise.

    Variables and tables belong to its one connection; a cursor does not see them.
    """

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.ibis = backend
        self.folder = folder
        self.connection: duckdb.DuckDBPyConnection = backend.con
        self._numbers = count(1)

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
        table = self._fresh("csv")
        with scrubbed(path), held(path, within) as source:
            load_csv(self.connection, source, columns, encoding, table)
        return self.ibis.table(table)

    def read_parquet(self, path: Path, within: Sequence[Path] | None = None) -> ir.Table:
        """A plain Parquet file as a work table with the file's types: one reading, checked to its end.

        It must lie in one of the folders `within`, if given. Errors: SourceError.
        """
        with scrubbed(path), held(path, within) as source:
            return self._take(f"SELECT * FROM read_parquet({file_literal(source.path)})", path)

    def read_encrypted(self, files: Sequence[tuple[Path, SecretBytes]], name: str | None = None) -> ir.Table:
        """A view over encrypted files, each opened with its own key. All must have the same columns.

        Errors: SourceError naming the file if it is missing, damaged or not of this key.
        """
        if not files:
            raise EngineError("no files to read; a data set has at least one")
        queries = [self._encrypted(path, key) for path, key in files]
        view = self._fresh("encrypted") if name is None else checked_name(name)
        self._check_columns([path for path, _ in files], queries)
        with scrubbed(view):
            self.connection.execute(f"CREATE OR REPLACE VIEW {view} AS {' UNION ALL '.join(queries)}")
        return self.ibis.table(view)

    def _check_columns(self, paths: Sequence[Path], queries: Sequence[str]) -> None:
        """Raise SourceError naming the first of the files that does not open or differs in its columns."""
        schemas = []
        for path, query in zip(paths, queries, strict=True):
            with scrubbed(path):
                schemas.append(self.connection.execute(f"DESCRIBE {query}").fetchall())
            if schemas[-1] != schemas[0]:
                raise SourceError(f"{path.name}: other columns than {paths[0].name}; publish them together")

    def materialise(self, expr: ir.Table, name: str) -> ir.Table:
        """`expr` computed once into the encrypted work table `name`, replacing what had that name."""
        checked_name(name)
        with scrubbed(name), passing(self.ibis):
            self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {self._sql(expr)}")
        return self.ibis.table(name)

    def view(self, expr: ir.Table, name: str) -> ir.Table:
        """`expr` under the name of a view, computed wherever it is read."""
        checked_name(name)
        with scrubbed(name):
            self.connection.execute(f"CREATE OR REPLACE VIEW {name} AS {self._sql(expr)}")
        return self.ibis.table(name)

    def secret(self, value: SecretBytes, name: str) -> HmacKey:
        """An HMAC key for models.anonymity.pseudonyms; its pads are session variables, not SQL."""
        for pad, block in pads(value).items():
            with scrubbed("pseudonym key"):
                self.connection.execute(f"SET VARIABLE {checked_name(name)}_{pad} = ?", [block])
        return hmac_key(value, name)

    @contextmanager
    def hashing(self) -> Iterator[Hashing]:
        """What makes pseudonyms of whole columns inside the block; its work tables are gone at the end."""
        from models.anonymity.hashing import Hashing

        made: list[str] = []

        def columns(table: ir.Table, column: str, key: HmacKey) -> ir.Table:
            made.append(self._fresh("hashed"))
            with scrubbed("pseudonyms"):
                hashed(self.connection, self._sql(table), table.schema(), column, key.secret, made[-1])
            return self.ibis.table(made[-1])

        try:
            yield Hashing(columns)
        finally:
            for name in made:
                self.connection.execute(f"DROP TABLE IF EXISTS {name}")

    def write_parquet(
        self, expr: ir.Table, path: Path, key: SecretBytes, order_by: Sequence[str] = ()
    ) -> int:
        """Write `expr` as one Parquet file, footer and columns under AES-GCM with `key`; returns the rows.

        Columns in `order_by` sort it; otherwise the order is the engine's. Nothing is left after an error.
        """
        with scrubbed(path):
            query = self._sql(expr.order_by(*order_by) if order_by else expr)
        return self._copy(query, path, key)

    def write_buckets(
        self, expr: ir.Table, bucket_column: str, folder: Path, keys: Sequence[SecretBytes]
    ) -> list[tuple[Path, int, int]]:
        """One encrypted file a bucket, without `bucket_column`: (path, bucket, rows) for each of `keys`.

        Empty buckets have their file too, so that the files do not tell which they are.
        Errors: EngineError for a row whose bucket has no key.
        """
        rows, part = self._fresh("buckets"), quoted(bucket_column)
        with scrubbed(rows):
            # in the order of buckets, so that the query for a file reads its own rows and few others
            query = f"FROM ({self._sql(expr)}) ORDER BY TRY_CAST({part} AS UTINYINT)"
            self.connection.execute(f"CREATE TABLE {rows} AS {query}")
            found = self.connection.execute(f"SELECT DISTINCT {part} FROM {rows}").fetchall()
        if not {number for (number,) in found} <= set(range(len(keys))):
            raise EngineError(f"rows outside the {len(keys)} buckets; give one key a bucket")

        written = []
        # plain SQL, since 64 compilations by Ibis would cost more than the files; one after the other, since
        # DuckDB keeps the keys of all its connections in one map without a lock
        for number, key in enumerate(keys):
            path = folder / f"{number:03d}.parquet"
            query = f"SELECT * EXCLUDE ({part}) FROM {rows} WHERE {part} = {number}"
            written.append((path, number, self._copy(query, path, key)))
        self.connection.execute(f"DROP TABLE {rows}")
        return written

    def write_parts(self, expr: ir.Table, folder: Path, key: SecretBytes, file_bytes: int) -> list[Path]:
        """Write `expr` as encrypted files of about so many bytes in a new folder; returns them, at least one."""
        options = f"{PARQUET}, ENCRYPTION_CONFIG {{footer_key: '{self._register(key)}'}}"
        with scrubbed(folder):
            folder.mkdir(mode=0o700)
            copied = f"COPY ({self._sql(expr)}) TO {literal(str(folder))} ({options}, FILE_SIZE_BYTES {file_bytes})"
            self.connection.execute(copied)
        return sorted(folder.glob("*.parquet"))

    def drop(self, table: ir.Table) -> None:
        """Remove a work table."""
        with scrubbed("work table"):
            self.connection.execute(f"DROP TABLE {checked_name(table.get_name())}")

    def _sql(self, expr: ir.Table) -> str:
        """The query of `expr`, its in-memory tables known to the session (Ibis has no public way to that)."""
        self.ibis._run_pre_execute_hooks(expr)
        return str(self.ibis.compile(expr))

    def _take(self, query: str, path: Path) -> ir.Table:
        table = self._fresh("parquet")
        with scrubbed(path):
            self.connection.execute(f"CREATE TABLE {table} AS {query}")
        return self.ibis.table(table)

    def _copy(self, query: str, path: Path, key: SecretBytes) -> int:
        name = self._register(key)
        options = f"{PARQUET}, ENCRYPTION_CONFIG {{footer_key: '{name}'}}"
        try:
            with scrubbed(path):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                copied = f"COPY ({query}) TO {literal(str(path))} ({options})"
                rows = int(self.connection.execute(copied).fetchall()[0][0])
                path.chmod(0o600)
                return rows
        except EngineError:
            if path.is_file():
                path.unlink()
            raise

    def _encrypted(self, path: Path, key: SecretBytes) -> str:
        return (
            f"SELECT * FROM read_parquet({file_literal(path)}, "
            f"encryption_config = {{footer_key: '{self._register(key)}'}})"
        )

    def _register(self, key: SecretBytes) -> str:
        """The name under which the engine knows `key` from now on."""
        if len(key.reveal()) not in _KEY_BYTES:
            raise EngineError(f"a data key has {len(key.reveal())} bytes; use one of 32")
        name = self._fresh("key")
        with scrubbed("data key"):
            text = base64.b64encode(key.reveal()).decode()
            self.connection.execute(f"PRAGMA add_parquet_key('{name}', '{text}')")
        return name

    def _fresh(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers)}_"


def hmac_key(key: SecretBytes, name: str) -> HmacKey:
    """The key as expressions see it: two session variables."""
    from models.anonymity.functions import variable
    from models.anonymity.pseudonyms import HmacKey

    return HmacKey(inner=variable(f"{name}_inner"), outer=variable(f"{name}_outer"), secret=key)
