"""Manifests: a data set is there whole or not at all."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.manifests import (
    DamagedDataset,
    ManifestError,
    NoSuchDataset,
    latest,
    new_version,
    object_key,
    open_manifest,
    publish,
    sweep,
    verify_files,
)
from infra.storage import AlreadyExists, BadKey, LocalStore
from models.values.dataset import DatasetRef, FileEntry, GateCheck, GateResult, Manifest, TableEntry

NOW = datetime(2026, 11, 21, 20, 55, tzinfo=UTC)
CONTENT = {"orders/0.parquet": b"first", "orders/1.parquet": b"second"}


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "zones")


def manifest_of(version="v1", zone="raw", content=CONTENT, **changes):
    files = tuple(
        FileEntry(
            path=path,
            table="orders",
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            rows=5,
            key_id="k",
        )
        for path, data in content.items()
    )
    table = TableEntry(name="orders", product="raw", columns={"a": "string"}, rows=5 * len(files))
    fields = {"tables": (table,), "files": files} | changes
    ref = DatasetRef(zone=zone, name="shop", version=version)
    return Manifest(ref=ref, shop="shop", created_at=NOW, policy_hash="p", **fields)


def put(store, manifest, content=CONTENT):
    for path, data in content.items():
        store.create(object_key(manifest.ref, path), data)
    return manifest


def test_what_is_published_is_opened(store):
    manifest = put(store, manifest_of())
    assert publish(store, manifest) == manifest.ref
    assert open_manifest(store, manifest.ref) == manifest
    verify_files(store, manifest)
    with pytest.raises(AlreadyExists):
        publish(store, manifest)


@pytest.mark.parametrize(
    "content",
    [
        {"orders/0.parquet": b"first"},
        {"orders/0.parquet": b"first", "orders/1.parquet": b"sec0nd"},
        {"orders/0.parquet": b"first", "orders/1.parquet": b"second and more"},
        {"orders/0.parquet": b"second", "orders/1.parquet": b"first"},
        {**CONTENT, "orders/2.parquet": b"stray"},
    ],
)
def test_files_that_are_not_as_recorded_are_never_published(store, content):
    manifest = put(store, manifest_of(), content)
    with pytest.raises(DamagedDataset):
        publish(store, manifest)
    with pytest.raises(NoSuchDataset):
        open_manifest(store, manifest.ref)


def test_damage_after_publishing_is_found_and_named(store, tmp_path):
    manifest = put(store, manifest_of())
    publish(store, manifest)
    (tmp_path / "zones/raw/shop/v1/orders/1.parquet").write_bytes(b"sec0nd")
    with pytest.raises(DamagedDataset, match=r"1 files .* orders/1\.parquet differs"):
        verify_files(store, manifest)


def one_table(**changes):
    return (manifest_of().tables[0].model_copy(update=changes),)


@pytest.mark.parametrize(
    "changes",
    [
        {"tables": one_table(rows=9)},
        {"tables": one_table(name="other")},
        {"tables": one_table() * 2},
        {"files": manifest_of().files[:1] * 2},
        {"files": (manifest_of().files[0].model_copy(update={"path": "manifest.json"}),)},
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(store, changes):
    with pytest.raises(ManifestError):
        publish(store, put(store, manifest_of(**changes)))


@pytest.mark.parametrize(
    ("claim", "holds"), [("k-anonymous", False), ("anonymous", False), ("pseudonymous", True)]
)
def test_events_are_called_pseudonymous_and_nothing_more(store, claim, holds):
    events = one_table(product="events", facts={"protection": claim})
    manifest = put(store, manifest_of(tables=events))
    if holds:
        assert publish(store, manifest) == manifest.ref
    else:
        with pytest.raises(ManifestError, match="personal data"):
            publish(store, manifest)


@pytest.mark.parametrize("path", ["../other/0.parquet", "/etc/x", "a//b", "A.parquet", ""])
def test_paths_stay_inside(store, path):
    with pytest.raises(BadKey):
        publish(store, manifest_of(content={path: b""}))


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        (None, False),
        (GateResult(checks=()), False),
        (GateResult(checks=(GateCheck(table="t", rule="r", passed=False),)), False),
        (GateResult(checks=(GateCheck(table="t", rule="r", passed=True),)), True),
    ],
)
def test_nothing_is_released_without_its_gate(store, gate, passes):
    manifest = put(store, manifest_of(zone="released", gate=gate))
    if passes:
        assert publish(store, manifest) == manifest.ref
    else:
        with pytest.raises(ManifestError, match="gate"):
            publish(store, manifest)


def test_latest_sees_published_versions_only(store):
    with pytest.raises(NoSuchDataset):
        latest(store, "raw", "shop")
    for version in ("20260101t000000-aaaaaa", "20260301t000000-bbbbbb", "20260201t000000-cccccc"):
        publish(store, put(store, manifest_of(version)))
    put(store, manifest_of("20260401t000000-dddddd"))
    store.create("raw/shop/20260501t000000-eeeeee/orders/manifest.json", b"{}")
    store.create("raw/shop-two/20260601t000000-ffffff/manifest.json", b"{}")
    assert latest(store, "raw", "shop").version == "20260301t000000-bbbbbb"


def test_a_manifest_that_lies_elsewhere_or_is_damaged_is_refused(store):
    ref = publish(store, put(store, manifest_of()))
    moved, damaged = ref.model_copy(update={"version": "v2"}), ref.model_copy(update={"version": "v3"})
    store.create(object_key(moved, "manifest.json"), store.read(object_key(ref, "manifest.json")))
    store.create(object_key(damaged, "manifest.json"), b'{"canary": "value"}')
    with pytest.raises(ManifestError, match="names raw/shop/v1"):
        open_manifest(store, moved)
    with pytest.raises(ManifestError, match="damaged") as caught:
        open_manifest(store, damaged)
    assert "canary" not in str(caught.value)


def test_a_version_is_its_time_in_utc():
    version = new_version(datetime(2026, 11, 21, 21, 55, tzinfo=timezone(timedelta(hours=1))))
    assert version.startswith("20261121t205500-")
    assert DatasetRef(zone="raw", name="shop", version=version).version == version
    assert len({new_version(NOW) for _ in range(20)}) > 15
    assert new_version(NOW) < new_version(NOW + timedelta(seconds=1))
    with pytest.raises(ValueError, match="time zone"):
        new_version(datetime(2026, 1, 1))


def test_sweep_removes_old_remains_and_nothing_else(store):
    old, young, done = (
        new_version(NOW - timedelta(days=3)),
        new_version(NOW),
        new_version(NOW - timedelta(days=9)),
    )
    for version in (old, young, "by-hand"):
        put(store, manifest_of(version))
    publish(store, put(store, manifest_of(done)))
    deleted = sweep(store, "raw", "shop", NOW - timedelta(days=1))
    assert sorted(deleted) == [f"raw/shop/{old}/{path}" for path in sorted(CONTENT)]
    assert {key.split("/")[2] for key in store.list("raw/shop/")} == {young, done, "by-hand"}
    assert sweep(store, "raw", "shop", NOW - timedelta(days=1)) == ()
