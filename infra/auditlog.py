"""The audit log: who did what, when, with which outcome; append-only and chained by hashes.

Each line is an entry in canonical JSON whose `hash` is SHA-256 over the hash before it and its own
fields, so that an edit, a swap or a cut in the middle breaks the chain there. A cut tail leaves a valid
shorter chain: remember `head()` elsewhere and hand it to `verify`. Entries hold no personal data.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from infra.storage import AlreadyExists, open_private, write_all, write_new
from models.values.errors import PrivetError

GENESIS = "0" * 64
_FIELDS = ("n", "time", "actor", "action", "resource", "outcome", "facts", "previous", "hash")
# No @, no blank, no quote: neither an e-mail address nor a sentence fits.
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:=-]{0,199}")
_PHONE = re.compile(r"[0-9][0-9./:=-]{5,}[0-9]")
_FACT = re.compile(r"[a-z][a-z0-9_]{0,40}")
_MOST_FACTS = 24
_TAIL_BYTES = 1 << 16  # more than the longest entry


class AuditLogError(PrivetError, RuntimeError):
    """The log is broken or cannot be written; whoever needs an entry must stop."""


class UnsafeFact(AuditLogError, ValueError):
    """A field of an entry could hold personal data."""


class Verification(NamedTuple):
    """What `verify` found: good entries from the start, and the first bad one with the reason."""

    entries: int
    ok: bool
    broken_at: int | None = None
    reason: str = ""


class AuditLog:
    """An audit log in one file (0600). Many threads and processes may append to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, actor: str, action: str, resource: str, outcome: str, **facts: str | int) -> str:
        """Add an entry and return its hash once it is on the disk.

        Fields are short words, `[A-Za-z0-9_./:=-]`, and no telephone numbers. A line torn by a crash is
        first moved beside the log and that repair is logged.

        Raises:
            UnsafeFact: a field is not of that form.
            AuditLogError: the last entry is broken, or the disk is full; the log is left as it was.
        """
        fields = {"actor": actor, "action": action, "resource": resource, "outcome": outcome}
        _check_fields(fields, facts)
        with _locked(self.path, fcntl.LOCK_EX) as descriptor:
            self._mend(descriptor)
            return _add(descriptor, {**fields, "facts": facts})

    def head(self) -> str:
        """Hash of the last whole entry, 64 zeros for an empty log. Remember it somewhere else."""
        with _locked(self.path, fcntl.LOCK_SH) as descriptor:
            return str(_last(descriptor)["hash"])

    def _mend(self, descriptor: int) -> None:
        torn = _tail(descriptor).rpartition(b"\n")[2]
        if not torn:
            return
        digest = hashlib.sha256(torn).hexdigest()
        # The name is taken if a crash came between moving aside and cutting off: the same bytes are safe.
        with suppress(AlreadyExists):
            write_new(self.path.with_name(f"{self.path.name}.torn-{digest[:16]}"), [torn])
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(torn))
        os.fsync(descriptor)
        fields = {"actor": "auditlog", "action": "repair", "resource": "auditlog", "outcome": "moved_aside"}
        _add(descriptor, {**fields, "facts": {"bytes": len(torn), "sha256": digest}})


def verify(path: Path, head: str | None = None) -> Verification:
    """Check every entry of a log without trusting it: the file and, against a cut tail, a remembered head.

    A log that has grown since `head` was remembered is fine. Raises AuditLogError if there is no log.
    """
    if not path.is_file():
        raise AuditLogError(f"there is no audit log {path.name!r}; restore it or name the right file")
    with _locked(path, fcntl.LOCK_SH) as descriptor, os.fdopen(os.dup(descriptor), "rb") as lines:
        return _verify_lines(lines.read().splitlines(keepends=True), head)


def loggable(text: str | None) -> str:
    """`text` if an entry may hold it, else a word that says that it may not."""
    if text is None:
        return "none"
    return text if _is_safe(text) else "unprintable"


def _verify_lines(lines: list[bytes], head: str | None) -> Verification:
    previous, seen_head = GENESIS, head in (None, GENESIS)
    for n, line in enumerate(lines, start=1):
        bad = _fault(n, line, previous, lines[n:])
        if bad is not None:
            return Verification(n - 1, False, *bad)
        previous = str(json.loads(line)["hash"])
        seen_head = seen_head or previous == head
    if not seen_head:
        reason = "cut: the remembered head is not in the log, its tail was cut off or rewritten"
        return Verification(len(lines), False, len(lines) + 1, reason)
    return Verification(len(lines), True)


def _fault(n: int, line: bytes, previous: str, later: list[bytes]) -> tuple[int, str] | None:
    """The first bad entry's number and why, looking at position `n`; None if all is well there."""
    if not line.endswith(b"\n"):
        return n, "torn: the last line has no end; the next append moves it aside"
    entry = _parsed(line)
    if entry is None or entry["hash"] != _hash(entry):
        return n, "edited: its fields do not give its hash"
    if entry["n"] == n and entry["previous"] == previous:
        return None
    if entry["n"] == n:
        return max(n - 1, 1), f"edited: rewritten with a new hash, entry {n} does not follow on it"
    if entry["n"] < n or any((other := _parsed(row)) and other["n"] == n for row in later):
        return n, f"reordered: entry {entry['n']} stands in its place"
    return n, f"cut: entries {n} to {entry['n'] - 1} are missing"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The entry in `line`, or None unless it is exactly what `append` would have written."""
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and tuple(entry) == _FIELDS and isinstance(entry["n"], int)
        return entry if whole and _line(entry) == line else None
    except (ValueError, RecursionError):
        return None


def _add(descriptor: int, fields: dict[str, Any]) -> str:
    last, size = _last(descriptor), os.fstat(descriptor).st_size
    time = datetime.now(UTC).isoformat(timespec="microseconds")
    entry = {"n": last["n"] + 1, "time": time, **fields, "previous": last["hash"]}
    entry["hash"] = _hash(entry)
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        write_all(descriptor, _line(entry))
        os.fsync(descriptor)
    except OSError as error:
        os.ftruncate(descriptor, size)
        raise AuditLogError(
            "the audit log cannot be written (is the disk full?); free space and run again, nothing was done"
        ) from error
    return str(entry["hash"])


def _last(descriptor: int) -> dict[str, Any]:
    tail = _tail(descriptor)
    if b"\n" not in tail:
        return {"n": 0, "hash": GENESIS}
    entry = _parsed(tail.rpartition(b"\n")[0].rpartition(b"\n")[2] + b"\n")
    if entry is None or entry["hash"] != _hash(entry):
        raise AuditLogError("the last entry of the audit log is broken; verify the log, then restore it")
    return entry


def _tail(descriptor: int) -> bytes:
    """The end of the log, with its last entry; all of it if it is short."""
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    if size > _TAIL_BYTES and b"\n" not in tail:
        raise AuditLogError("the audit log ends in no entry at all; verify the log, then restore it")
    return tail


def _hash(entry: dict[str, Any]) -> str:
    body = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(str(entry["previous"]).encode() + _line(body)).hexdigest()


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[int]:
    descriptor = open_private(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, kind)
        yield descriptor
    finally:
        os.close(descriptor)


def _check_fields(fields: dict[str, str], facts: dict[str, str | int]) -> None:
    if len(facts) > _MOST_FACTS:
        raise UnsafeFact(f"an entry has {len(facts)} facts, {_MOST_FACTS} allowed; log several entries")
    for name, value in {**fields, **facts}.items():
        if not _FACT.fullmatch(name) or not (_is_count(value) or _is_safe(value)):
            raise UnsafeFact(
                f"field {loggable(name)!r} of an audit entry is not a short word of A-Z a-z 0-9 _ . / : = - "
                "or could be a telephone number; log a reference or a count instead"
            )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53


def _is_safe(value: object) -> bool:
    return isinstance(value, str) and bool(_SAFE.fullmatch(value)) and not _PHONE.fullmatch(value)
