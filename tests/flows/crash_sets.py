"""Data sets as everybody sees them: which are visible, whether they are whole, and what they say."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from tests.flows.crash_points import MANIFEST


def published() -> list[Any]:
    """Every data set that has a manifest."""
    from models.values.dataset import DatasetRef
    from tasks import resolve

    end = f"/{MANIFEST}"
    return [
        DatasetRef.parse(key.removesuffix(end)) for key in resolve.site().store.list("") if key.endswith(end)
    ]


def check_datasets(kept: dict[str, Any], wrong: list[str], *, expiring: bool) -> list[Any]:
    """Every visible data set is whole and says what the fault-free run said; returns those that are new."""
    from infra.manifests import open_manifest, verify_files
    from infra.retention import expired
    from models.values.errors import PrivetError
    from tasks import resolve, retention

    site, shop = resolve.site(), resolve.spec(kept["pinned"])
    going = expired(site, shop, retention.datetime.now(retention.UTC)) if expiring else ()
    known = {ref.rpartition("/")[0]: tables for ref, tables in kept["tables"].items()}
    new = []
    for ref in published():
        old = str(ref) in kept["tables"] or str(ref) in kept["internal"]
        new += [] if old else [ref]
        try:
            if ref in going and not _has_keys(ref):
                continue  # expired, and nobody can read it any more: the next run removes the rest
            verify_files(site.store, open_manifest(site.store, ref))
            if ref.zone == "internal":
                recalled(ref)
            elif not old and content(ref) != known[str(ref).rpartition("/")[0]]:
                wrong.append(f"{ref.zone} differs from the fault-free run")
            elif old and not _has_keys(ref):
                wrong.append(f"{ref.zone} has lost its keys")
        except PrivetError as error:
            wrong.append(f"{ref.zone} is visible and broken: {error}")
    return new


def _has_keys(ref: Any) -> bool:
    """Whether all keys of a data set are there. Raises AssertionError if only some are."""
    from infra.manifests import open_manifest
    from tasks import resolve

    ids = {file.key_id for file in open_manifest(resolve.site().store, ref).files}
    with sqlite3.connect(Path(os.environ["PRIVET_HOME"]) / "keys" / "keys.db") as db:
        there = {row[0] for row in db.execute("SELECT id FROM data_key WHERE ref = ?", (str(ref),))}
    assert ids <= there or not ids & there, "keys of one data set were destroyed one by one"
    return ids <= there


def content(ref: Any) -> dict[str, Any]:
    """Table -> rows and a hash of all of them, whatever their order."""
    from infra.datasets import read
    from infra.manifests import open_manifest
    from tasks import resolve

    with resolve.bench("content", 1) as bench:
        manifest = open_manifest(bench.site.store, ref)
        purposes = {table.name: table.purpose for table in manifest.tables if table.purpose}
        tables = read(bench.site, bench.engine, ref, resolve.PREPARER, purposes=purposes)
        query = "SELECT count(*), bit_xor(hash(t)), sum(hash(t) % 1000000007) FROM {} AS t"
        return {
            name: bench.engine.connection.execute(query.format(table.get_name())).fetchall()
            for name, table in tables.items()
        }


def recalled(ref: Any) -> dict[str, bytes]:
    """Every sealed file of an internal data set, opened."""
    from infra.manifests import open_manifest
    from infra.sealed import recall
    from tasks import resolve

    site = resolve.site()
    return {
        file.path: recall(site, resolve.TRAINER, ref, file.path)
        for file in open_manifest(site.store, ref).files
    }
