"""Audit log: the chain, its verifier, crashes, and what may not be in it."""

import json
import multiprocessing
import os
import resource
import stat

import pytest

from infra.auditlog import GENESIS, AuditLog, AuditLogError, UnsafeFact, _hash, _line, loggable, verify


@pytest.fixture
def log(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    for n in range(6):
        log.append("prepare", "read", f"raw/orders/v{n}", "allowed", keys=n)
    return log


def lines_of(log):
    return log.path.read_bytes().splitlines(keepends=True)


def test_an_entry_says_who_did_what_when(log):
    entries = [json.loads(line) for line in lines_of(log)]
    assert [entry["n"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0]["previous"] == GENESIS
    assert entries[3]["previous"] == entries[2]["hash"]
    assert entries[2]["facts"] == {"keys": 2}
    assert entries[2]["time"].endswith("+00:00")
    assert log.head() == entries[-1]["hash"]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert verify(log.path, head=entries[2]["hash"]) == (6, True, None, "")


def test_an_empty_log_is_whole(tmp_path):
    assert AuditLog(tmp_path / "new.jsonl").head() == GENESIS
    assert verify(tmp_path / "new.jsonl", head=GENESIS).ok
    with pytest.raises(AuditLogError, match="no audit log"):
        verify(tmp_path / "none.jsonl")


FIELDS = ["n", "time", "actor", "action", "resource", "outcome", "facts", "previous", "hash"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("position", range(1, 7))
def test_an_edited_field_is_found_where_it_is(log, field, position):
    lines = lines_of(log)
    entry = json.loads(lines[position - 1])
    entry[field] = {"n": 77, "facts": {"keys": 99}}.get(field, "f" * 64)
    lines[position - 1] = _line(entry)
    log.path.write_bytes(b"".join(lines))
    found = verify(log.path)
    assert (found.ok, found.broken_at, found.entries) == (False, position, position - 1)
    assert found.reason.startswith("edited")


@pytest.mark.parametrize("position", range(1, 6))
def test_an_entry_with_a_new_hash_does_not_fit_its_successor(log, position):
    lines = lines_of(log)
    entry = json.loads(lines[position - 1]) | {"actor": "nobody"}
    lines[position - 1] = _line(entry | {"hash": _hash(entry)})
    log.path.write_bytes(b"".join(lines))
    found = verify(log.path)
    assert (found.ok, found.broken_at) == (False, position)
    assert found.reason.startswith("edited")


@pytest.mark.parametrize("position", range(1, 6))
def test_swapped_entries_are_reordered(log, position):
    lines = lines_of(log)
    lines[position - 1], lines[position] = lines[position], lines[position - 1]
    log.path.write_bytes(b"".join(lines))
    found = verify(log.path)
    assert (found.ok, found.broken_at) == (False, position)
    assert found.reason.startswith("reordered")


@pytest.mark.parametrize("position", range(1, 6))
def test_a_cut_in_the_middle_names_what_is_missing(log, position):
    lines = lines_of(log)
    log.path.write_bytes(b"".join(lines[: position - 1] + lines[position:]))
    found = verify(log.path)
    assert (found.ok, found.broken_at) == (False, position)
    assert found.reason == f"cut: entries {position} to {position} are missing"


@pytest.mark.parametrize("left", range(6))
def test_a_cut_tail_is_seen_by_a_remembered_head(log, left):
    head, lines = log.head(), lines_of(log)
    log.path.write_bytes(b"".join(lines[:left]))
    assert verify(log.path).ok
    found = verify(log.path, head=head)
    assert (found.ok, found.entries, found.broken_at) == (False, left, left + 1)
    assert found.reason.startswith("cut")


def test_a_rewritten_log_is_seen_by_a_remembered_head(log, tmp_path):
    fork = AuditLog(tmp_path / "fork.jsonl")
    for _ in range(9):
        fork.append("prepare", "read", "raw/orders/v0", "allowed")
    assert not verify(fork.path, head=log.head()).ok


@pytest.mark.parametrize("junk", [b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\n", b"[" * 9000 + b"\n"])
def test_junk_is_an_edit(log, junk):
    lines = lines_of(log)
    log.path.write_bytes(b"".join([*lines[:3], junk, *lines[3:]]))
    assert verify(log.path)[:3] == (3, False, 4)


@pytest.mark.parametrize(
    ("old", "new"), [(b'"n":3', b'"n": 3'), (b'"n":3', b'"n":9,"n":3'), (b"\n", b"\r\n")]
)
def test_even_its_bytes_are_fixed(log, old, new):
    lines = lines_of(log)
    lines[2] = lines[2].replace(old, new)
    log.path.write_bytes(b"".join(lines))
    assert verify(log.path)[:3] == (2, False, 3)


def test_a_torn_line_is_moved_aside_and_logged(log):
    whole, torn = log.path.read_bytes(), lines_of(log)[2][:40]
    log.path.write_bytes(whole + torn)
    assert verify(log.path).reason.startswith("torn")
    assert log.head() == json.loads(lines_of(log)[5])["hash"]
    log.append("prepare", "read", "raw/orders/v9", "allowed")
    entries = [json.loads(line) for line in lines_of(log)]
    assert entries[6]["action"] == "repair"
    assert entries[6]["facts"]["bytes"] == len(torn)
    assert entries[7]["resource"] == "raw/orders/v9"
    assert verify(log.path) == (8, True, None, "")
    assert [path.read_bytes() for path in log.path.parent.glob("*.torn-*")] == [torn]


def test_a_log_that_is_all_torn_starts_anew(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    log.path.write_bytes(b'{"n":1,"ti')
    log.append("prepare", "read", "raw", "allowed")
    assert verify(log.path) == (2, True, None, "")


def test_nothing_is_added_to_a_broken_end(log):
    lines = lines_of(log)
    log.path.write_bytes(b"".join(lines[:5]) + lines[5].replace(b"allowed", b"blessed"))
    before = log.path.read_bytes()
    with pytest.raises(AuditLogError, match="broken"):
        log.append("prepare", "read", "raw", "allowed")
    assert log.path.read_bytes() == before


def _append_until_full(path, queue):
    log = AuditLog(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, path.stat().st_size + 100))
    try:
        log.append("prepare", "read", "raw", "allowed")
    except AuditLogError as error:
        queue.put(str(error))


def test_a_full_disk_fails_the_append_and_keeps_the_log_whole(log):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_append_until_full, args=(log.path, queue))
    process.start()
    assert "free space" in queue.get(timeout=30)
    process.join()
    assert verify(log.path) == (6, True, None, "")


def _append_many(path):
    for _ in range(20):
        AuditLog(path).append("prepare", "read", "raw/orders/v1", "allowed")


def test_many_processes_make_one_chain(log):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_append_many, args=(log.path,)) for _ in range(3)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    assert verify(log.path) == (66, True, None, "")


def test_an_entry_is_synced_before_it_is_relied_on(log, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.fstat(fd).st_size), fsync(fd)))
    log.append("prepare", "read", "raw", "allowed")
    assert synced == [log.path.stat().st_size]


PERSONAL = [
    "ada@example.org",
    "Ada Lovelace",
    "+8613912345678",
    "13912345678",
    "139-1234-5678",
    "1990-01-01",
    "12 Main St",
    "老王",
    "",
    "a\nb",
    'a"b',
    "x" * 201,
    None,
    1.5,
    True,
    2**60,
]


@pytest.mark.parametrize("value", PERSONAL, ids=repr)
def test_what_could_be_personal_is_refused(log, value):
    before = log.path.read_bytes()
    good = {"actor": "a", "action": "b", "resource": "c", "outcome": "d"}
    for field in good:
        with pytest.raises(UnsafeFact) as caught:
            log.append(**(good | {field: value}))
        assert not isinstance(value, str) or len(value) < 3 or value not in str(caught.value)
    with pytest.raises(UnsafeFact):
        log.append(**good, detail=value)
    assert log.path.read_bytes() == before
    assert not isinstance(value, str) or loggable(value) == "unprintable"


def test_references_and_digests_are_allowed(log):
    log.append("train", "read", "released/shop/20261121t205500-1f3a9c", "denied", digest="0f" * 32, n_rows=12)
