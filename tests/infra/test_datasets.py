"""Data sets on the engine: what is read is what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import ibis
import pytest

from infra.access import Principal
from infra.datasets import read, writing
from infra.engine import open_engine
from infra.manifests import DamagedDataset, new_version, publish
from infra.settings import Settings
from infra.site import open_site
from models.values.dataset import DatasetRef, Manifest, TableEntry

PREPARER = Principal(name="prepare", role="preparer")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_rows_lie_in_an_order_that_tells_nothing_of_their_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """THREATS.md, planted bug 48: whichever way the raw rows came, they are written alike."""
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path))
    site, entry = open_site(Settings.load()), TableEntry(name="orders", product="raw", columns={}, rows=0)
    rows = [{"n": n * 37 % 101, "s": None if n % 7 else "s"} for n in range(101)]
    with open_engine(tmp_path / "work", threads=2) as engine:
        found = []
        for number, some in enumerate((rows, rows[::-1])):
            ref = DatasetRef(zone="raw", name="shop", version=new_version(NOW))
            with writing(site, engine, PREPARER, ref) as writer:
                writer.add(entry, engine.materialise(ibis.memtable(some), f"rows_{number}"))
                manifest = Manifest(
                    ref=ref,
                    shop="shop",
                    synthetic=None,
                    created_at=NOW,
                    policy_hash="0" * 64,
                    tables=tuple(writer.tables),
                    files=tuple(writer.files),
                )
            found.append([row["n"] for row in engine.rows(read(site, engine, manifest, PREPARER)["orders"])])
    assert found[0] == found[1]


def test_a_file_that_is_not_as_recorded_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path))
    site = open_site(Settings.load())
    ref = DatasetRef(zone="raw", name="shop", version=new_version(NOW))
    with open_engine(tmp_path / "work", threads=1) as engine:
        with writing(site, engine, PREPARER, ref) as writer:
            entry = TableEntry(name="orders", product="raw", columns={}, rows=0)
            writer.add(entry, engine.materialise(ibis.memtable({"n": [1, 2]}), "orders"))
            tables, files = tuple(writer.tables), tuple(writer.files)
            written = {"tables": tables, "files": files, "created_at": NOW, "policy_hash": "0" * 64}
            publish(site.store, Manifest(ref=ref, shop="shop", synthetic=None, **written))
        assert engine.rows(read(site, engine, ref, PREPARER)["orders"].count().as_table())[0]
        [stored] = (tmp_path / "zones").rglob("all.parquet")
        damaged = bytearray(stored.read_bytes())
        damaged[8] ^= 1
        stored.write_bytes(damaged)
        with pytest.raises(DamagedDataset, match=r"orders/all\.parquet is not as recorded"):
            read(site, engine, ref, PREPARER)
