"""A full disk: whatever was being written, nothing is half-published and the old release is whole."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import traceback
from contextlib import contextmanager

import pytest

from infra.datasets import AT_A_TIME
from infra.storage import LocalStore
from models.values.errors import PrivetError
from tasks.stage import StageFailed

SCRIPT = """
import sys
from pathlib import Path
from models.values.errors import PrivetError
from tasks import curation, deidentification, intake, landing

pinned = intake.pin.fn(sys.argv[1])
try:
    curation.curate.fn(pinned, landing.land.fn(pinned))
except PrivetError as error:
    print(type(error).__name__, error)
else:
    print("no fault")
"""


@contextmanager
def _no_file_larger_than(size):
    """The system itself refuses larger files (EFBIG), as it refuses any on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_at(monkeypatch):
    """Lets the n-th object of the store meet a full disk, after some of its bytes were written."""

    def arm(number):
        store, seen = LocalStore._create, []

        def create(self, key, chunks):
            seen.append(key)
            if len(seen) != number:
                return store(self, key, chunks)
            with _no_file_larger_than(100):
                return store(self, key, chunks)

        monkeypatch.setattr(LocalStore, "_create", create)
        return seen

    return arm


def _refusal(act):
    with pytest.raises(PrivetError) as caught:
        act()
    assert not isinstance(caught.value, StageFailed), traceback.format_exception(caught.value)
    return str(caught.value)


def _is_as_before(place, before):
    assert place.keys() == before
    assert place.drafts() == set()
    assert [path for path in (place.home / "zones").rglob("*.partial") if path.is_file()] == []
    assert place.is_whole(place.before.released)


@pytest.mark.parametrize("number", [1, 70, 193], ids=["first file", "in the middle", "manifest"])
def test_landing_leaves_nothing(place, full_at, number):
    before, seen = place.keys(), full_at(number)
    assert "more space than the disk or its quota has left; free space" in _refusal(place.land)
    assert number <= len(seen) < number + 2 * AT_A_TIME, "more files were begun after the disk was full"
    _is_as_before(place, before)


@pytest.mark.parametrize("number", [1, 3], ids=["first file", "last file"])
def test_a_draft_leaves_nothing(place, full_at, number):
    before, seen = place.keys(), full_at(number)
    assert "free space" in _refusal(lambda: place.draft(place.curated))
    assert len(seen) == number
    _is_as_before(place, before)


def test_a_release_whose_manifest_does_not_fit_leaves_nothing(place, full_at):
    before, seen = place.keys(), full_at(4)
    assert "free space" in _refusal(lambda: place.release(place.landed, place.curated))
    assert seen[-1].endswith("/manifest.json")
    _is_as_before(place, before)


def test_a_gate_whose_page_cannot_be_written_leaves_nothing(place):
    from tasks import gating

    before, pinned = place.keys(), place.pin()
    draft = place.draft(place.curated)
    shutil.rmtree(place.home / "reports")
    (place.home / "reports").write_text("in the way")
    with pytest.raises(PrivetError):
        gating.gate.fn(pinned, draft)
    _is_as_before(place, before)


def test_a_release_is_not_discarded_by_a_second_attempt_to_publish_it(place):
    from tasks import gating, publishing

    draft = place.draft(place.curated)
    gate = gating.gate.fn(place.pin(), draft)
    stages = (place.landed, place.curated.contract, place.curated.consent)
    done = publishing.publish.fn(place.pin(), draft, gate, stages)
    with pytest.raises(PrivetError):
        publishing.publish.fn(place.pin(), draft, gate, stages)
    assert place.is_whole(done.released)


def test_a_key_of_what_was_not_published_opens_nothing(place, full_at):
    import sqlite3

    def keys():
        with sqlite3.connect(place.home / "keys" / "keys.db") as db:
            return db.execute("SELECT count(*) FROM data_key").fetchone()[0]

    before = keys()
    full_at(3)
    _refusal(lambda: place.draft(place.curated))
    assert keys() - before <= 1  # the one of the file that was never stored


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a disk")
@pytest.mark.parametrize("free_kb", [200, 1_000])
def test_a_disk_that_stays_full_is_told_and_harms_nothing(place, free_kb):
    used_kb = sum(path.stat().st_blocks // 2 for path in place.home.rglob("*"))
    disk = place.home.with_name("disk")
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size={used_kb + free_kb}k,mode=700 none {disk}"
    script = (
        f"{mounted} || exit 77; cp -a {place.home}/. {disk} || exit 78; "
        f"PRIVET_HOME={disk} {sys.executable} -c '{SCRIPT}' {place.shop}/shop.yaml; "
        f"rm -rf {place.home}; cp -a {disk} {place.home}"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, cwd=os.getcwd()
    )
    if done.returncode == 77:
        pytest.skip("no disk may be mounted here")
    assert done.returncode == 0, done.stderr
    assert "no fault" not in done.stdout
    assert "StageFailed" not in done.stdout
    assert "free" in done.stdout
    assert place.drafts() == set()
    assert place.is_whole(place.before.released)
