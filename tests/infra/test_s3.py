"""The S3 store: the same contract as the local one, against a real server."""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from infra.manifests import DamagedDataset, open_manifest, publish, verify_files
from infra.s3_bucket import Bucket
from infra.s3_errors import Damaged
from infra.s3_upload import abort_abandoned
from infra.storage import AlreadyExists, fingerprint_file
from tests.infra import s3_server
from tests.infra.conftest import HASTY, PART_BYTES
from tests.infra.test_manifests import (  # noqa: F401  # collected here once more, with the store below
    manifest_of,
    put,
    test_a_manifest_that_lies_elsewhere_or_is_damaged_is_refused,
    test_files_that_are_not_as_recorded_are_never_published,
    test_latest_sees_published_versions_only,
    test_nothing_is_released_without_its_gate,
    test_paths_stay_inside,
    test_sweep_removes_old_remains_and_nothing_else,
    test_what_is_published_is_opened,
)
from tests.infra.test_storage import (  # noqa: F401
    files_under,
    test_a_key_is_created_once_by_one_of_many,
    test_bad_keys_are_refused,
    test_missing_objects,
    test_what_is_created_is_read_fetched_and_listed,
)

pytestmark = pytest.mark.server
KEY = "raw/shop/v1/orders/all.parquet"


@pytest.fixture
def store(open_s3):
    return open_s3()


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(os.urandom(2 * PART_BYTES + 1))
    return path


def test_an_object_never_changes(store, remains, large, tmp_path):
    (tmp_path / "small").write_bytes(b"second")
    store.create(KEY, b"first")
    for act in (
        lambda: store.create(KEY, b"second"),
        lambda: store.create(KEY, b"first"),
        lambda: store.put_file(KEY, tmp_path / "small"),
        lambda: store.put_file(KEY, large),
    ):
        with pytest.raises(AlreadyExists, match="new version"):
            act()
    assert store.read(KEY) == b"first"
    assert remains() == [KEY]


def test_a_large_file_goes_in_parts_and_has_its_true_hash(store, remains, large, s3, prefix, tmp_path):
    store.put_file(KEY, large)
    head = s3_server.client(s3).head_object(
        Bucket="privet-test", Key=f"{prefix}/{KEY}", ChecksumMode="ENABLED"
    )
    assert head["ChecksumType"] == "COMPOSITE"
    assert store.fingerprint(KEY) == fingerprint_file(large)
    assert store.fetch(KEY, tmp_path / "into").read_bytes() == large.read_bytes() == store.read(KEY)
    assert remains() == [KEY]


def test_a_fingerprint_of_a_whole_object_reads_nothing(open_s3, proxy):
    store = open_s3(proxy.url)
    store.create(KEY, b"content")
    proxy.seen.clear()
    assert store.fingerprint(KEY) == (hashlib.sha256(b"content").hexdigest(), 7)
    assert [method for method, *_ in proxy.seen] == ["HEAD"]


def test_what_is_fetched_is_private_and_not_loaded_twice(open_s3, proxy, tmp_path):
    store = open_s3(proxy.url)
    store.create(KEY, b"content")
    fetched = store.fetch(KEY, tmp_path / "into")
    assert fetched.stat().st_mode & 0o077 == 0
    proxy.seen.clear()
    assert store.fetch(KEY, tmp_path / "into") == fetched
    assert "GET" not in [method for method, *_ in proxy.seen]
    fetched.write_bytes(b"another")
    with pytest.raises(AlreadyExists, match="differs"):
        store.fetch(KEY, tmp_path / "into")


def test_deleted_is_gone_with_every_version_and_marker(store, remains, s3, prefix):
    store.create(KEY, b"first")
    store.create(f"{KEY}.other", b"stays")
    behind, where = s3_server.client(s3), {"Bucket": "privet-test", "Key": f"{prefix}/{KEY}"}
    behind.put_object(**where, Body=b"second")
    behind.delete_object(**where)
    behind.put_object(**where, Body=b"third")
    behind.delete_object(**where)
    assert remains().count(KEY) == 5
    store.delete(KEY)
    assert remains() == [f"{KEY}.other"] == store.list("")


def test_a_listing_of_more_than_a_page_is_whole(store, s3, prefix):
    behind = s3_server.client(s3)
    keys = [f"raw/n{number:04}" for number in range(1003)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: behind.put_object(Bucket="privet-test", Key=f"{prefix}/{key}"), keys))
    behind.put_object(Bucket="privet-test", Key=f"{prefix}/raw/No key of Privet")
    behind.put_object(Bucket="privet-test", Key=f"{prefix}-other/raw/n9999")
    assert store.list("raw/") == keys


@pytest.mark.parametrize("in_parts", [False, True])
def test_bytes_changed_behind_the_store_are_found(store, s3, prefix, large, tmp_path, in_parts):
    if in_parts:
        store.put_file(KEY, large)
    else:
        store.create(KEY, b"content")
    behind, where = s3_server.client(s3), {"Bucket": "privet-test", "Key": f"{prefix}/{KEY}"}
    before = store.fingerprint(KEY)
    behind.put_object(**where, Body=b"c0ntent", Metadata=behind.head_object(**where)["Metadata"])
    for act in (store.read, lambda key: store.fetch(key, tmp_path / "into")):
        with pytest.raises(Damaged, match="restore"):
            act(KEY)
    assert files_under(tmp_path / "into") == []
    assert store.fingerprint(KEY) != before


def test_damage_after_publishing_is_found(store, s3, prefix):
    manifest = put(store, manifest_of())
    publish(store, manifest)
    key = f"{prefix}/{manifest.ref}/orders/1.parquet"
    s3_server.client(s3).put_object(Bucket="privet-test", Key=key, Body=b"sec0nd")
    with pytest.raises(DamagedDataset, match=r"orders/1\.parquet differs"):
        verify_files(store, manifest)


def test_uploads_of_a_killed_run_are_aborted_and_younger_ones_are_not(store, s3, prefix, remains):
    behind, now = s3_server.client(s3), datetime.now(UTC)
    begun = behind.create_multipart_upload(Bucket="privet-test", Key=f"{prefix}/{KEY}")
    part = {"PartNumber": 1, "Body": b"part", "UploadId": begun["UploadId"]}
    behind.upload_part(Bucket="privet-test", Key=f"{prefix}/{KEY}", **part)
    bucket = Bucket(f"s3://privet-test/{prefix}", s3, HASTY)
    assert store.list("") == []
    assert abort_abandoned(bucket, now - timedelta(hours=1)) == 0
    assert remains() == [KEY]
    assert abort_abandoned(bucket, now + timedelta(hours=1)) == 1
    assert remains() == []


def test_a_bucket_without_a_prefix(s3, open_s3):
    from infra.s3 import S3Store

    store = S3Store(s3_server.make_bucket(s3, "whole-bucket"), s3, patience=HASTY)
    store.create("raw/a", b"a")
    assert store.list("") == ["raw/a"]
    store.delete("raw/a")
    assert "Versions" not in s3_server.client(s3).list_object_versions(Bucket="whole-bucket")


def test_the_whole_way_of_a_tiny_shop_lies_in_the_bucket(s3, prefix, open_s3, remains, tmp_path, monkeypatch):
    from infra.retention import remove
    from tasks import resolve
    from tests.tasks.conftest import Place, _tiny

    _tiny(tmp_path / "shop")
    settings = {"HOME": tmp_path / "home", "THREADS": 2, "STORE": f"s3://privet-test/{prefix}"}
    for name, value in (settings | {"S3_ENDPOINT_URL": s3}).items():
        monkeypatch.setenv(f"PRIVET_{name}", str(value))
    place = Place(shop=tmp_path / "shop", home=tmp_path / "home")
    done = place.prepare()
    assert place.drafts() == set()
    refs = [stage.output for stage in done.stages if stage.output]
    assert done.released in refs
    assert all(place.is_whole(ref) for ref in refs)
    assert not (tmp_path / "home" / "zones").exists()
    assert list((tmp_path / "home" / "work").iterdir()) == []
    assert _open_text(s3, prefix, tmp_path / "shop") == []
    site = resolve.site()
    for ref in {ref for ref in refs if open_manifest(site.store, ref)}:
        remove(site, ref, resolve.OFFICER)
    assert remains() == []
    shutil.rmtree(tmp_path / "home")


def _open_text(s3, prefix, shop):
    """Keys of objects in which an e-mail address of the shop's customers can be read."""
    import csv

    with (shop / "customers.csv").open(encoding="utf-8", newline="") as file:
        emails = [row["email"].encode() for row in csv.DictReader(file) if row.get("email")]
    assert len(emails) > 100
    behind = s3_server.client(s3)
    pages = behind.get_paginator("list_objects_v2").paginate(Bucket="privet-test", Prefix=prefix)
    objects = [item["Key"] for page in pages for item in page["Contents"]]
    assert len(objects) > 100
    read = {key: behind.get_object(Bucket="privet-test", Key=key)["Body"].read() for key in objects}
    return [key for key, content in read.items() if any(email in content for email in emails)]
