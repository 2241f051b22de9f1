"""One S3 server for all tests here that ask for it, and for each test a store of its own below a prefix."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from infra.s3 import S3Store
from infra.s3_bucket import Patience
from tests.infra import s3_server

HASTY = Patience(connect_seconds=2, read_seconds=2, attempts=3)
PART_BYTES = 5 << 20


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real S3 server with a versioned bucket `privet-test`."""
    with s3_server.s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        s3_server.make_bucket(endpoint, "privet-test")
        yield endpoint


@pytest.fixture
def proxy(s3: str) -> Iterator[s3_server.Proxy]:
    """A proxy before the server; without faults it only forwards."""
    with s3_server.proxy(s3) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """A part of the bucket that no other test uses."""
    return f"t-{secrets.token_hex(4)}"


@pytest.fixture
def open_s3(s3: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., S3Store]:
    """Opens a store below this test's prefix: at the server, or at another address of it."""
    s3_server.as_owner(monkeypatch.setenv)

    def open_it(endpoint: str = s3, bucket: str = "privet-test", patience: Patience = HASTY) -> S3Store:
        return S3Store(f"s3://{bucket}/{prefix}", endpoint, patience=patience, part_bytes=PART_BYTES)

    return open_it


@pytest.fixture
def remains(s3: str, prefix: str) -> Callable[[], list[str]]:
    """Lists what really lies below this test's prefix: versions, delete markers and unfinished uploads."""
    owner = s3_server.client(s3)

    def look() -> list[str]:
        where = {"Bucket": "privet-test", "Prefix": prefix}
        found = owner.list_object_versions(**where)
        uploads = owner.list_multipart_uploads(**where).get("Uploads", [])
        items = [*found.get("Versions", []), *found.get("DeleteMarkers", []), *uploads]
        return sorted(item["Key"].removeprefix(f"{prefix}/") for item in items)

    return look
