"""Data sets on the engine: tables written as encrypted files, and read back by reference."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from infra.content import content_digest
from infra.engine import Engine
from infra.manifests import DamagedDataset, may_exist, object_key, open_manifest
from infra.site import Site
from infra.storage import StorageError, fingerprint_file
from models.values.dataset import DatasetRef, FileEntry, Manifest, TableEntry
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from infra.access import Principal

BUCKETS = 64
AT_A_TIME = 8


@contextmanager
def writing(site: Site, engine: Engine, principal: Principal, ref: DatasetRef) -> Iterator[Writer]:
    """A writer for a new data set; if the work on it fails, what it wrote goes (see `discarded_on_failure`)."""
    writer = Writer(site=site, engine=engine, principal=principal, ref=ref)
    with discarded_on_failure(site, ref, writer.files, principal):
        yield writer


@contextmanager
def discarded_on_failure(
    site: Site, ref: DatasetRef, files: Sequence[FileEntry], principal: Principal
) -> Iterator[None]:
    """If the block fails, remove the files that a data set then has, and destroy their keys.

    Not so if it was published, or may yet be: a store that did not answer may create its manifest later.
    """
    try:
        yield
    except BaseException as error:
        with suppress(StorageError):  # a store that is away; what it keeps stays invisible until `sweep`
            if not may_exist(site.store, ref, error):
                _discard(site, ref, files, principal)
        raise


@dataclass(kw_only=True)
class Writer:
    """Writes the tables of one data set that is not published yet; its files are invisible until then."""

    site: Site
    engine: Engine
    principal: Principal
    ref: DatasetRef
    tables: list[TableEntry] = field(default_factory=list)
    files: list[FileEntry] = field(default_factory=list)

    def add(self, entry: TableEntry, table: ir.Table, *, bucket_column: str | None = None) -> TableEntry:
        """Write one table, whole or split by a column that holds its bucket (0..63), one data key a file.

        `entry.rows`, `columns` and `content` are set from what was written. Returns the entry as recorded.
        """
        folder = self._folder(entry.name)
        keys = self._keys(entry, BUCKETS if bucket_column else 1)
        written: Sequence[tuple[Path, int | None, int]]
        if bucket_column:
            written = self.engine.write_buckets(table, bucket_column, folder, [key for _, key in keys])
        else:
            path = folder / "all.parquet"
            # by what the rows hold and nothing else, so that the order tells nothing of their origin
            order = list(table.columns)
            written = [(path, None, self.engine.write_parquet(table, path, keys[0][1], order_by=order))]
        content = self._content([path for path, _, _ in written], [key for _, key in keys])
        self._store_all(
            entry.name, [(*file, key_id) for file, (key_id, _) in zip(written, keys, strict=True)]
        )
        shutil.rmtree(folder)
        columns = {name: str(kind) for name, kind in table.schema().items() if name != bucket_column}
        rows = sum(rows for _, _, rows in written)
        recorded = entry.model_copy(update={"columns": columns, "rows": rows, "content": content})
        self.tables.append(recorded)
        return recorded

    def _content(self, paths: Sequence[Path], keys: Sequence[SecretBytes]) -> str | None:
        """The digest of a released table's rows, as they are read back."""
        if self.ref.zone != "released":
            return None
        return content_digest(self.engine, self.engine.read_encrypted(list(zip(paths, keys, strict=True))))

    def _folder(self, name: str) -> Path:
        folder = self.engine.folder / f"writing-{self.ref.zone}-{name}"
        folder.mkdir(mode=0o700)
        return folder

    def _keys(self, entry: TableEntry, count: int) -> list[tuple[str, SecretBytes]]:
        keys = self.site.keys.create(self.principal, self.ref, entry.product, entry.purpose, count)
        return list(keys.items())

    def _store_all(self, table: str, files: Sequence[tuple[Path, int | None, int, str]]) -> None:
        """Store the files, several at a time, since each waits for the disk or the bucket.

        After a failure none is begun any more. What was stored is recorded as it is stored.
        """
        first, failed = len(self.files), Event()

        def store(path: Path, bucket: int | None, rows: int, key_id: str) -> None:
            if failed.is_set():
                return
            try:
                self._store(table, path, bucket, rows, key_id)
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
            stored = [pool.submit(store, *file) for file in files]
        for one in stored:
            one.result()
        self.files[first:] = sorted(self.files[first:], key=lambda file: file.path)

    def _store(self, table: str, path: Path, bucket: int | None, rows: int, key_id: str) -> None:
        relative = f"{table}/{path.name}"
        found = fingerprint_file(path)
        self.site.store.put_file(object_key(self.ref, relative), path)
        entry = FileEntry(
            path=relative,
            table=table,
            sha256=found.sha256,
            bytes=found.bytes,
            rows=rows,
            key_id=key_id,
            bucket=bucket,
        )
        self.files.append(entry)


def read(
    site: Site,
    engine: Engine,
    source: DatasetRef | Manifest,
    principal: Principal,
    *,
    tables: Iterable[str] | None = None,
    purposes: Mapping[str, str] | None = None,
) -> dict[str, ir.Table]:
    """Tables of a data set on the engine, by name; every key needs an access decision and a log entry first.

    `source` is a published data set, or the manifest of a draft that is about to be gated. `purposes` says for
    what each table is asked; released tables are not read without one. Every file is compared with its digest first.
    """
    manifest = source if isinstance(source, Manifest) else open_manifest(site.store, source)
    names = [table.name for table in manifest.tables] if tables is None else list(tables)
    asked = purposes or {}
    return {name: _read_table(site, engine, manifest, name, principal, asked.get(name)) for name in names}


def _read_table(
    site: Site, engine: Engine, manifest: Manifest, name: str, principal: Principal, purpose: str | None
) -> ir.Table:
    files = [file for file in manifest.files if file.table == name]
    ids = [file.key_id for file in files]
    keys = site.keys.open(principal, manifest.ref, manifest.table(name).product, purpose, ids)
    folder = engine.folder / f"reading-{manifest.ref.zone}"
    folder.mkdir(mode=0o700, exist_ok=True)
    fetched = [_fetched(site, manifest, file, folder) for file in files]
    return engine.read_encrypted([(path, keys[key]) for path, key in zip(fetched, ids, strict=True)])


def _fetched(site: Site, manifest: Manifest, file: FileEntry, folder: Path) -> Path:
    """The file on this machine, compared with what the manifest says of it. Raises DamagedDataset."""
    path = site.store.fetch(object_key(manifest.ref, file.path), folder)
    if fingerprint_file(path) != (file.sha256, file.bytes):
        raise DamagedDataset(
            f"{manifest.ref}/{file.path} is not as recorded; restore it or make a new version"
        )
    return path


def _discard(site: Site, ref: DatasetRef, files: Iterable[FileEntry], principal: Principal) -> None:
    removed = list(files)
    for file in removed:  # files first: on a full disk the key file cannot be written before they are gone
        site.store.delete(object_key(ref, file.path))
    site.keys.destroy(principal, ref, [file.key_id for file in removed])
