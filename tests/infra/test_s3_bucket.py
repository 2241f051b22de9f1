"""A bucket before its first use: what it must be, plain words where it is not, and nothing secret told."""

from __future__ import annotations

import logging
import os
import re
import time

import pytest

from infra.s3 import S3Store
from infra.s3_bucket import Patience
from infra.s3_errors import NoRights, UnfitBucket, Unreachable
from infra.settings import Settings, SettingsError
from infra.site import open_store
from infra.storage import LocalStore, OutcomeUnknown, StorageError
from tests.infra import s3_server
from tests.infra.conftest import HASTY
from tests.infra.s3_server import OWNER, READER, Fault

server = pytest.mark.server


@server
@pytest.mark.parametrize(
    ("versions", "says"),
    [(None, "is off.*put-bucket-versioning"), ("Suspended", "is suspended.*put-bucket-versioning")],
)
def test_a_bucket_without_versions_is_refused(s3, open_s3, versions, says):
    name = f"plain-{str(versions).lower()}"
    s3_server.make_bucket(s3, name, versions=versions)
    store = open_s3(bucket=name)
    for _ in range(2):
        with pytest.raises(UnfitBucket, match=says):
            store.create("a", b"")
    assert "Contents" not in s3_server.client(s3).list_objects_v2(Bucket=name)


@server
def test_a_missing_bucket_is_told(open_s3):
    with pytest.raises(
        UnfitBucket, match="'no-such-bucket' does not exist; create it, or correct PRIVET_STORE"
    ):
        open_s3(bucket="no-such-bucket").list("")


DEAF = {
    "PutObject": Fault("deaf", method="PUT", path=".probe", times=9, skip=1),
    "CompleteMultipartUpload": Fault("deaf", method="POST", path="?uploadId", times=9),
    "SHA-256": Fault("deaf", method="PUT", path=".probe", times=9, drop="x-amz-checksum-sha256"),
}


@server
@pytest.mark.parametrize("what", DEAF)
def test_a_server_that_overwrites_or_verifies_nothing_is_refused(open_s3, proxy, remains, what):
    proxy.faults = [DEAF[what]]
    with pytest.raises(UnfitBucket, match=rf"{what}.*use (a server|one) that"):
        open_s3(proxy.url).create("a", b"a")
    assert proxy.faults[0].met
    assert remains() == []


@server
def test_the_check_is_made_once_and_leaves_nothing(open_s3, proxy, remains):
    store = open_s3(proxy.url)
    assert proxy.seen == []
    store.list("")
    assert remains() == []
    proxy.seen.clear()
    store.list("")
    assert len(proxy.seen) == 1


REFUSED = {
    "no right": (READER, NoRights, "no right s3:PutObject on"),
    "wrong secret": ((OWNER[0], "wrong-canary"), NoRights, r"credentials \(SignatureDoesNotMatch\); correct"),
    "unknown key": (("nobody", "wrong-canary"), NoRights, r"credentials \(InvalidAccessKeyId\); correct"),
    "half a pair": ((OWNER[0], ""), NoRights, "boto3 finds no usable credentials"),
    "none": (("", ""), NoRights, r"no usable credentials \(NoCredentialsError\)"),
}


@server
@pytest.mark.parametrize("case", REFUSED)
def test_refused_credentials_are_told_without_a_secret(s3, open_s3, monkeypatch, remains, case):
    user, kind, says = REFUSED[case]
    store, started = open_s3(), time.monotonic()
    for name, value in zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), user, strict=True):
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(kind, match=says) as caught:
        store.create("a", b"a")
    assert (
        caught.value.__cause__ is None is caught.value.__context__
    )  # so that no library's words hang on to it
    assert not any(secret in str(caught.value) for secret in (*user, *OWNER, "Signature=", "http") if secret)
    assert time.monotonic() - started < 10
    assert remains() == []


ANSWERS = {
    (403, "AccessDenied"): (NoRights, "no right s3:PutObject"),
    (403, "RequestTimeTooSkewed"): (NoRights, "clock"),
    (400, "ExpiredToken"): (NoRights, "renew"),
    (507, "InsufficientStorage"): (StorageError, "quota has left; raise it"),
    (403, "QuotaExceeded"): (StorageError, "no right"),
    (400, "QuotaExceeded"): (StorageError, "quota has left; raise it"),
    (503, "SlowDown"): (OutcomeUnknown, "try again later"),
    (429, "TooManyRequests"): (OutcomeUnknown, "try again later"),
    (400, "BadDigest"): (StorageError, "damaged on the way"),
    (400, "AuthorizationHeaderMalformed"): (UnfitBucket, "another region"),
    (418, "Teapot"): (StorageError, r"refused put_object of 'raw/a' in bucket 'privet-test' \(Teapot\)"),
}


@server
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: f"{answer[0]} {answer[1]}")
def test_every_refusal_has_a_way_out(open_s3, proxy, answer):
    store, (kind, says) = open_s3(proxy.url), ANSWERS[answer]
    store.list("")
    proxy.faults = [Fault(answer, method="PUT", times=99)]
    with pytest.raises(kind, match=says) as caught:
        store.create("raw/a", b"a")
    assert ";" in str(caught.value)
    assert "told by the test" not in str(caught.value)


@pytest.mark.parametrize("address", ["http://127.0.0.1:{}", "https://127.0.0.1:{}"])
def test_an_endpoint_that_does_not_answer_is_told_soon(open_at_nothing, address):
    (port,) = s3_server.free_ports(1)
    started = time.monotonic()
    with pytest.raises(Unreachable, match="check the network, PRIVET_STORE and PRIVET_S3_ENDPOINT_URL"):
        open_at_nothing(address.format(port)).list("")
    assert time.monotonic() - started < 10


@pytest.fixture
def open_at_nothing(monkeypatch):
    s3_server.as_owner(monkeypatch.setenv)
    return lambda endpoint: S3Store("s3://some-bucket/p", endpoint, patience=HASTY)


@server
def test_a_server_that_is_too_slow_is_told(open_s3, proxy):
    store = open_s3(proxy.url, patience=Patience(1, 0.4, 2))
    proxy.faults = [Fault("slow", times=99, seconds=1)]
    with pytest.raises(Unreachable, match="too slow"):
        store.list("")


@server
def test_requests_are_conditional_hashed_and_plain(open_s3, proxy, prefix):
    open_s3(proxy.url).create("raw/a", b"a")
    for method, path, headers in proxy.seen:
        lower = {name.lower(): value for name, value in headers.items()}
        assert path.startswith(f"/privet-test/{prefix}/") or path.startswith("/privet-test?")
        assert re.fullmatch(r"privet Botocore/[0-9.]+", lower["user-agent"])
        if method == "PUT":
            assert "x-amz-checksum-sha256" in lower
            assert "partNumber" in path or lower["if-none-match"] == "*"


@server
def test_no_header_key_or_signature_is_logged_at_any_level(open_s3, caplog):
    loggers = ["", "boto3", "botocore", "urllib3"]
    before = {name: logging.getLogger(name).level for name in loggers}
    try:
        for name in loggers:
            logging.getLogger(name).setLevel(logging.DEBUG)
        open_s3().create("raw/a", b"a")
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
    assert [record for record in caplog.records if record.name.partition(".")[0] in loggers[1:]] == []
    assert not any(text in caplog.text for text in (*OWNER, "Signature", "Authorization"))


@pytest.mark.parametrize(("set_by_user", "then"), [(None, "true"), ("false", "false")])
def test_no_metadata_service_is_asked_unless_the_user_says_so(
    open_at_nothing, monkeypatch, set_by_user, then
):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    if set_by_user:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", set_by_user)
    (port,) = s3_server.free_ports(1)
    with pytest.raises(Unreachable):
        open_at_nothing(f"http://127.0.0.1:{port}").list("")
    assert os.environ["AWS_EC2_METADATA_DISABLED"] == then


GOOD = ["s3://abc", "s3://my.bucket-1/", "s3://abc/team=a/privet_2"]
BAD = [
    "abc",
    "s3://",
    "s3://AB",
    "s3://abc//x",
    "s3://abc/../x",
    "s3://abc/.x",
    "s3://k:s@abc",
    "https://abc",
]


@pytest.mark.parametrize("address", GOOD + BAD)
def test_the_setting_names_a_bucket_or_is_refused(monkeypatch, tmp_path, address):
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path))
    monkeypatch.setenv("PRIVET_STORE", address)
    if address in GOOD:
        assert isinstance(open_store(Settings.load()), S3Store)
    else:
        with pytest.raises(SettingsError, match="PRIVET_STORE: "):
            Settings.load()


def test_a_secret_in_the_endpoint_is_refused_and_the_folder_is_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("PRIVET_HOME", str(tmp_path))
    assert isinstance(open_store(Settings.load()), LocalStore)
    monkeypatch.setenv("PRIVET_S3_ENDPOINT_URL", "https://user:canary@host")
    with pytest.raises(SettingsError, match="S3_ENDPOINT_URL") as caught:
        Settings.load()
    assert "canary" not in str(caught.value)
