"""S3 that refuses, is slow, or fails after success: a data set is there whole or not at all, and a retry succeeds."""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager

import pytest

from infra.datasets import writing
from infra.manifests import MANIFEST, NoSuchDataset, open_manifest, publish, verify_files
from infra.s3_bucket import Patience
from infra.s3_errors import Contended, Unreachable, UploadGone
from infra.storage import AlreadyExists, OutcomeUnknown, StorageError, fingerprint_file
from tasks import resolve
from tasks.gating import discarded_unless_done
from tests.infra import s3_server
from tests.infra.conftest import PART_BYTES
from tests.infra.s3_server import Fault
from tests.infra.test_manifests import CONTENT, manifest_of, object_key

pytestmark = pytest.mark.server
KEY = "raw/shop/v1/orders/all.parquet"
SHORT = Patience(connect_seconds=2, read_seconds=5, attempts=2)
SLOW_SECONDS = 1.2
IMPATIENT = Patience(connect_seconds=2, read_seconds=0.6, attempts=3)
KINDS = {
    "refused": {"kind": "refuse"},
    "cut after success": {"kind": "cut"},
    "busy": {"kind": 503},
    "slow after success": {"kind": "slow", "seconds": SLOW_SECONDS},
    "comes late": {"kind": "late", "seconds": SLOW_SECONDS},
}
PLACES = {
    "first file": {"method": "PUT", "path": "orders/0.parquet"},
    "last file": {"method": "PUT", "path": "orders/1.parquet"},
    "check of a file": {"method": "HEAD", "path": "orders/0.parquet"},
    "listing": {"method": "GET", "path": "list-type=2"},
    "manifest": {"method": "PUT", "path": MANIFEST},
}
SLOW = ("slow after success", "comes late")
CASES = [
    (kind, place)
    for kind in KINDS
    for place in PLACES
    if kind not in SLOW or PLACES[place]["method"] == "PUT"
]


@pytest.fixture
def store(open_s3, proxy):
    return opened(open_s3, proxy, SHORT)


def opened(open_s3, proxy, patience):
    """A store behind the proxy, its bucket checked while nothing is wrong."""
    store = open_s3(proxy.url, patience=patience)
    assert store.list("") == []
    proxy.seen.clear()
    return store


def attempt(store, manifest):
    """Store what is not stored yet and publish; None, or the error."""
    try:
        for path, data in CONTENT.items():
            if object_key(manifest.ref, path) not in store.list(f"{manifest.ref}/"):
                store.create(object_key(manifest.ref, path), data)
        publish(store, manifest)
    except StorageError as failure:
        return failure
    return None


def is_there(store, manifest):
    """Whether the data set is published; if so, it must be whole."""
    try:
        assert open_manifest(store, manifest.ref) == manifest
    except NoSuchDataset:
        return False
    verify_files(store, manifest)
    return True


@pytest.mark.parametrize(
    "times", [pytest.param(1, id="once"), pytest.param(math.inf, id="always", marks=pytest.mark.prove)]
)
@pytest.mark.parametrize(("kind", "place"), CASES)
def test_nothing_is_half_published_and_a_retry_succeeds(open_s3, proxy, remains, kind, place, times):
    manifest, sound = manifest_of(), open_s3()
    store = opened(open_s3, proxy, IMPATIENT if kind in SLOW else SHORT)
    fault = Fault(**KINDS[kind], **PLACES[place], times=times)
    proxy.faults = [fault]
    error = attempt(store, manifest)
    assert fault.met
    assert (error is None) == (times == 1)
    assert isinstance(error, Unreachable | OutcomeUnknown | None)
    there = is_there(sound, manifest)
    assert there or error
    proxy.faults = []
    if error is not None:
        assert attempt(store, manifest) is None
    time.sleep(SLOW_SECONDS if kind == "comes late" else 0)
    assert is_there(sound, manifest)
    with pytest.raises(AlreadyExists):
        publish(store, manifest)
    assert remains() == sorted(object_key(manifest.ref, path) for path in [*CONTENT, MANIFEST])


def test_an_error_tells_when_a_manifest_may_yet_appear(open_s3, proxy):
    manifest, store = manifest_of(), opened(open_s3, proxy, IMPATIENT)
    proxy.faults = [Fault("late", method="PUT", path=MANIFEST, times=math.inf, seconds=SLOW_SECONDS)]
    error = attempt(store, manifest)
    assert isinstance(error, OutcomeUnknown)
    assert error.key == object_key(manifest.ref, MANIFEST)
    sound, end = open_s3(), time.monotonic() + 20
    while not is_there(sound, manifest) and time.monotonic() < end:
        time.sleep(0.1)
    assert is_there(sound, manifest)


@pytest.mark.parametrize("theirs", [b"mine", b"theirs"])
def test_what_another_wrote_is_never_taken_for_ones_own(store, open_s3, proxy, theirs):
    proxy.faults = [Fault("refuse", method="PUT", path=KEY)]
    open_s3().create(KEY, theirs)
    with pytest.raises(AlreadyExists):
        store.create(KEY, b"mine")
    assert open_s3().read(KEY) == theirs


def test_after_an_unknown_outcome_another_writer_is_told_apart(store, open_s3, proxy):
    proxy.faults = [Fault("refuse", method="PUT", path=KEY, times=math.inf)]
    with pytest.raises(OutcomeUnknown, match="calling again is safe"):
        store.create(KEY, b"content")
    proxy.faults = []
    open_s3().create(KEY, b"content")
    with pytest.raises(AlreadyExists):
        store.create(KEY, b"content")


def test_a_conflict_is_tried_again_and_a_lasting_one_told(store, proxy):
    conflict = (409, "ConditionalRequestConflict")
    proxy.faults = [Fault(conflict, method="PUT", path=KEY)]
    store.create(KEY, b"content")
    proxy.faults = [Fault(conflict, method="PUT", path="raw/b", times=math.inf)]
    with pytest.raises(Contended, match="try again"):
        store.create("raw/b", b"content")
    assert proxy.faults[0].met == SHORT.attempts
    assert store.list("") == [KEY]


LARGE = {
    "a part refused": ({"kind": "refuse", "path": "partNumber=2"}, None),
    "a part's answer lost": ({"kind": "cut", "path": "partNumber=2"}, None),
    "a part busy for ever": ({"kind": 503, "path": "partNumber=2", "times": math.inf}, OutcomeUnknown),
    "completed, answer lost": ({"kind": "cut", "method": "POST", "path": "?uploadId"}, None),
    "completed, answers lost": (
        {"kind": "cut", "method": "POST", "path": "?uploadId", "times": math.inf},
        OutcomeUnknown,
    ),
    "a conflict at the end": (
        {"kind": (409, "ConditionalRequestConflict"), "method": "POST", "path": "?uploadId"},
        None,
    ),
    "aborted by somebody": (
        {"kind": (404, "NoSuchUpload"), "method": "PUT", "path": "partNumber=2"},
        StorageError,
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_a_large_file_is_there_whole_or_leaves_nothing(open_s3, proxy, remains, tmp_path, case):
    store, (fault, error) = open_s3(proxy.url), LARGE[case]
    local = tmp_path / "large"
    local.write_bytes(os.urandom(PART_BYTES + 1))
    store.list("")
    proxy.faults = [Fault(**fault)]
    if error is None:
        store.put_file(KEY, local)
    else:
        with pytest.raises(error):
            store.put_file(KEY, local)
        assert remains() == ([KEY] if case == "completed, answers lost" else [])
        proxy.faults = []
        store.put_file(KEY, local)
    assert proxy.faults == [] or proxy.faults[0].met
    assert remains() == [KEY]
    assert open_s3().fingerprint(KEY) == fingerprint_file(local)


@pytest.mark.parametrize("operation", ["read", "fetch", "fingerprint"])
def test_an_answer_that_breaks_off_is_asked_for_again(store, open_s3, proxy, s3, prefix, tmp_path, operation):
    content = os.urandom(1 << 18)
    s3_server.client(s3).put_object(Bucket="privet-test", Key=f"{prefix}/{KEY}", Body=content)
    into = [tmp_path / "into"] if operation == "fetch" else []
    proxy.faults = [Fault("half", method="GET", path=KEY, times=SHORT.attempts)]
    with pytest.raises(Unreachable, match="cannot be reached"):
        getattr(store, operation)(KEY, *into)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    proxy.faults = [Fault("half", method="GET", path=KEY)]
    found = getattr(store, operation)(KEY, *into)
    assert proxy.faults[0].met == 2
    assert found == {"read": content, "fingerprint": open_s3().fingerprint(KEY)}.get(operation, found)
    assert not into or found.read_bytes() == content


def test_a_deletion_that_was_cut_off_is_repeated(store, proxy, remains):
    store.create(KEY, b"content")
    proxy.faults = [Fault("cut", method="DELETE", path=KEY, times=math.inf)]
    with pytest.raises(Unreachable):
        store.delete(KEY)
    proxy.faults = []
    store.delete(KEY)
    assert remains() == []


def test_an_upload_that_ended_by_itself_is_told(store):
    from infra.s3_bucket import Bucket

    bucket = Bucket("s3://privet-test/x", store._unchecked._endpoint_url, SHORT)
    with pytest.raises(UploadGone, match="run again"):
        bucket.call("abort_multipart_upload", KEY, UploadId="0" * 40 + "_" + "0" * 32)


@pytest.mark.parametrize("guard", ["writing", "discarded_unless_done"])
@pytest.mark.parametrize("kind", ["cut", "late", "refuse"])
def test_cleaning_up_takes_nothing_from_what_was_or_will_be_published(
    open_s3, proxy, s3, prefix, tmp_path, monkeypatch, kind, guard
):
    for name, value in {
        "HOME": tmp_path,
        "STORE": f"s3://privet-test/{prefix}",
        "S3_ENDPOINT_URL": s3,
    }.items():
        monkeypatch.setenv(f"PRIVET_{name}", str(value))
    site, store = resolve.site(), opened(open_s3, proxy, IMPATIENT)
    ref = manifest_of().ref
    ids = list(site.keys.create(resolve.PREPARER, ref, "raw", None, len(CONTENT)))
    files = [
        file.model_copy(update={"key_id": key}) for file, key in zip(manifest_of().files, ids, strict=True)
    ]
    manifest = manifest_of(files=tuple(files))
    proxy.faults = [Fault(kind, method="PUT", path=MANIFEST, times=math.inf, seconds=SLOW_SECONDS)]
    for path, data in CONTENT.items():
        store.create(object_key(ref, path), data)
    with pytest.raises(OutcomeUnknown), _guarded(guard, site, manifest):
        publish(store, manifest)
    time.sleep(2 * SLOW_SECONDS if kind == "late" else 0)
    assert is_there(open_s3(), manifest) == (kind != "refuse")
    if kind != "refuse":
        assert set(site.keys.open(resolve.PREPARER, ref, "raw", None, ids)) == set(ids)


@contextmanager
def _guarded(guard, site, manifest):
    if guard == "discarded_unless_done":
        with discarded_unless_done(manifest):
            yield
    else:
        with writing(site, None, resolve.PREPARER, manifest.ref) as writer:
            writer.files.extend(manifest.files)
            yield
