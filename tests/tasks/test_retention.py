"""Retention: what is past its time goes, keys first; what a crashed run left goes too; the rest stays."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from infra.manifests import NoSuchDataset, new_version, object_key, open_manifest
from infra.storage import LocalStore, StorageError
from models.values.dataset import DatasetRef
from tasks import resolve, retention
from tasks.sealing import keep_internal, named


@pytest.fixture
def later(monkeypatch):
    """Lets the stage believe that so many days have passed."""

    def believe(days):
        class Later(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + timedelta(days=days)

        monkeypatch.setattr(retention, "datetime", Later)

    return believe


def _refs(place):
    return {
        "raw": place.landed.output,
        "curated": place.curated.output,
        "released": place.before.released,
    }


def _keys_of(place, ref):
    with sqlite3.connect(place.home / "keys" / "keys.db") as db:
        return db.execute("SELECT count(*) FROM data_key WHERE ref = ?", (str(ref),)).fetchone()[0]


GONE = [
    (29, set()),
    (31, {"raw"}),
    (89, {"raw"}),
    (91, {"raw", "curated"}),
    (364, {"raw", "curated"}),
    (366, {"raw", "curated", "released"}),
]


@pytest.mark.parametrize(("days", "zones"), GONE)
def test_what_is_past_its_time_goes_and_the_rest_stays(place, later, days, zones):
    later(days)
    refs = _refs(place)
    assert set(retention.expire.fn(place.pin())) == {refs[zone] for zone in zones}
    for zone, ref in refs.items():
        assert bool(place.keys(zone)) is (zone not in zones)
        assert bool(_keys_of(place, ref)) is (zone not in zones)
        assert zone in zones or place.is_whole(ref)


def test_what_was_removed_is_no_longer_published(place, later):
    later(31)
    (gone,) = retention.expire.fn(place.pin())
    with pytest.raises(NoSuchDataset):
        open_manifest(resolve.site().store, gone)
    assert retention.expire.fn(place.pin()) == ()


def test_keys_go_first_and_a_cut_off_removal_is_finished_by_the_next(place, later, monkeypatch):
    ref = place.landed.output

    def cut_off(self, key):
        assert _keys_of(place, ref) == 0
        raise StorageError("cut off")

    later(31)
    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "delete", cut_off)
        with pytest.raises(StorageError, match="cut off"):
            retention.expire.fn(place.pin())
    assert place.is_whole(ref)
    assert retention.expire.fn(place.pin()) == (ref,)
    assert place.keys("raw") == set()


def test_other_shops_keep_their_own_time(place, later):
    other = DatasetRef(zone="raw", name="embedded-shop-two", version="v1")
    store = resolve.site().store
    manifest = open_manifest(store, place.landed.output).model_copy(update={"ref": other, "files": ()})
    store.create(object_key(other, "manifest.json"), manifest.model_dump_json().encode())
    later(31)
    assert other not in retention.expire.fn(place.pin())
    assert open_manifest(store, other).ref == other


@pytest.mark.parametrize("zone", ["raw", "curated", "quarantine", "released"])
def test_what_a_crashed_run_left_is_swept(place, zone):
    store, before = resolve.site().store, place.keys()
    for days in (2, 0):
        version = new_version(datetime.now(UTC) - timedelta(days=days))
        ref = DatasetRef(zone=zone, name="embedded-shop", version=version)
        store.create(object_key(ref, "orders/all.parquet"), b"left behind")
    assert retention.expire.fn(place.pin()) == ()
    assert place.keys() - before == {object_key(ref, "orders/all.parquet")}
    assert before <= place.keys()


def test_every_removal_is_in_the_audit_log(place, later):
    from infra.auditlog import verify

    later(31)
    (gone,) = retention.expire.fn(place.pin())
    log = (place.home / "audit.jsonl").read_text()
    assert [line for line in log.splitlines() if '"destroy"' in line and str(gone) in line]
    assert verify(place.home / "audit.jsonl").ok


@pytest.mark.parametrize(("days", "gone"), [(364, False), (366, True)])
def test_features_of_a_search_go_with_the_release_they_are_of(place, later, days, gone):
    shop = resolve.spec(place.pin())
    with resolve.bench("search", 1) as bench:
        features = keep_internal(bench, shop, named(bench, shop, "fraud-search"), {"rows.arrow": b"rows"})
        chosen = keep_internal(bench, shop, named(bench, shop, "fraud-choice"), {"choice.json": b"{}"})
    later(days)
    removed = retention.expire.fn(place.pin())
    assert (features in removed) is gone
    assert chosen not in removed
