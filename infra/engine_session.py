"""The engine's session: its settings, and OpenSSL for encryption."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from infra.engine_errors import scrubbed
from infra.engine_sql import literal

if TYPE_CHECKING:
    import duckdb
    from ibis.backends.duckdb import Backend


def connect(folder: Path, threads: int | None, memory_limit: str) -> Backend:
    """A backend whose database is in memory and spills into `folder`, encrypted; EngineError if it cannot start."""
    import ibis

    settings = {
        "memory_limit": memory_limit,
        "temp_directory": str(folder / "spill"),
        "temp_file_encryption": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "preserve_insertion_order": "false",
        "enable_progress_bar": "false",
        **({} if threads is None else {"threads": str(threads)}),
    }
    with scrubbed(f"engine settings (memory_limit {memory_limit}, threads {threads})"):
        backend = ibis.duckdb.connect(":memory:")
        connection = backend.con
        for setting, value in settings.items():
            connection.execute(f"SET {setting} = {literal(value)}")
        connection.execute(f"LOAD {literal(str(httpfs(connection)))}")
        connection.execute("SET disabled_filesystems = 'HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem'")
        connection.execute("SET lock_configuration = true")
    return backend


@contextmanager
def passing(backend: Backend) -> Iterator[None]:
    """Forget, at the end, the in-memory tables that a query brought in; used again, they come in again.

    Ibis 12 holds each of them for as long as the session lives.
    """
    before = set(backend.list_tables())
    try:
        yield
    finally:
        brought = {name for name in backend.list_tables() if "memtable" in name} - before
        for name in brought:
            backend.con.unregister(name)
        for held in [held for held in backend._memtables if held.name in brought]:
            backend._memtables.discard(held)


def httpfs(connection: duckdb.DuckDBPyConnection) -> Path:
    """The extension that brings OpenSSL, without which DuckDB neither encrypts files nor spills safely."""
    version = connection.execute("SELECT library_version FROM pragma_version()").fetchall()[0][0]
    return (
        Path(str(files("duckdb_extension_httpfs"))) / "extensions" / str(version) / "httpfs.duckdb_extension"
    )
