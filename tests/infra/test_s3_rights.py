"""A bucket without rights, met in the middle of a run: bucket, key and right are named, nothing is half there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.manifests import MANIFEST
from infra.s3_errors import NoRights
from models.values.stage import Curated
from tasks import curation, intake, landing
from tests.infra import s3_server
from tests.infra.s3_server import READER, Fault, Proxy

SPEC = """\
shop: my-shop
regimes: [gdpr]
customers: {table: customers, public_bound: 1000}
budget: {epsilon: 6, delta: 1e-5}
purposes: {analytics: {basis: {gdpr: contract}, reason: to learn what is bought together}}
tables:
  customers: {source: c.csv, key: [id], customer: id, columns: {id: {role: key}, tier: {role: attribute}}}
releases: {}
"""
DENIED = (403, "AccessDenied")
CASES = {
    "the versioning": ([{"method": "GET", "path": "versioning"}], "s3:GetBucketVersioning", ""),
    "a file": ([{"method": "PUT", "path": "/raw/", "skip": 9}], "s3:PutObject", ""),
    "a file, and no way back": (
        [{"method": "PUT", "path": "/raw/", "skip": 9}, {"method": "DELETE", "path": "/raw/"}],
        "s3:PutObject",
        "files",
    ),
    "the manifest": ([{"method": "PUT", "path": MANIFEST}], "s3:PutObject", ""),
    "reading back": ([{"method": "GET", "path": "/raw/my-shop"}], "s3:GetObject", "raw"),
    "the next zone": ([{"method": "PUT", "path": "/curated/"}], "s3:PutObject", "raw"),
}


@pytest.fixture
def prepare(
    proxy: Proxy, prefix: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Curated]]:
    """Land and check a small shop whose data sets are kept in the bucket behind the proxy."""
    monkeypatch.setenv("PRIVET_STORE", f"s3://privet-test/{prefix}")
    monkeypatch.setenv("PRIVET_S3_ENDPOINT_URL", proxy.url)
    monkeypatch.setenv("PRIVET_THREADS", "2")
    s3_server.as_owner(monkeypatch.setenv)
    (tmp_path / "shop.yaml").write_text(SPEC)
    (tmp_path / "c.csv").write_text("id,tier\n" + "".join(f"C{n},{'ab'[n % 2]}\n" for n in range(50)))

    def run() -> Curated:
        pinned = intake.pin.fn(str(tmp_path / "shop.yaml"))
        return curation.curate.fn(pinned, landing.land.fn(pinned))

    return run


@pytest.mark.prove
@pytest.mark.parametrize("case", CASES)
def test_what_is_not_allowed_is_named_and_nothing_is_half_there(prepare, proxy, remains, case):
    faults, right, left = CASES[case]
    proxy.faults = [Fault(DENIED, times=math.inf, **fault) for fault in faults]
    with pytest.raises(
        NoRights, match=rf"no right {right} on .*bucket 'privet-test'; allow it as docs/s3\.md"
    ):
        prepare()
    published = {key.split("/")[0] for key in remains() if key.endswith(MANIFEST)}
    assert published == ({"raw"} if left == "raw" else set())
    assert bool(remains()) == bool(left)
    proxy.faults = []
    assert prepare().output.zone == "curated"


@pytest.mark.server
def test_a_reader_cannot_prepare_and_is_told_the_right(prepare, remains, monkeypatch):
    s3_server.as_owner(monkeypatch.setenv, READER)
    with pytest.raises(NoRights, match=r"no right s3:\w+ on .*bucket 'privet-test'"):
        prepare()
    assert remains() == []
