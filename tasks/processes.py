"""Processes in the background: started apart from the terminal, recognised again, and stopped with all they started."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from infra.storage import private_folder

Family = dict[int, str]  # process number -> when it was born, which tells it from a later one of its number
_PROC = Path("/proc")
_MARK = "STARTED_BY_PRIVET"


def mark_of(part: str, home: Path) -> str:
    """The mark of a part of a home, such as its MLflow server: what carries it belongs to that part."""
    return f"{part}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"


def start(command: Sequence[str], *, log: Path, environment: Mapping[str, str], mark: str = "") -> int:
    """Start a program in a session of its own, owner-only, what it says in `log`; returns its process number.

    The mark is handed down to all that the program starts, so that this is found even when the program is dead.
    """
    folder = private_folder(log.parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=folder,
            start_new_session=True,
            umask=0o077,
            env={**environment, _MARK: mark},
        )
    finally:
        os.close(descriptor)
    # Linux shows an empty command for a moment after the start, by which the process would not be recognised.
    _within(5, lambda: process.poll() is not None or bool(_command(process.pid)))
    return process.pid


def runs(pid: int, word: str) -> bool:
    """Whether the process lives and has `word` in its command (its number may have been given to another program)."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # if it is our own child and has ended, let it go
    if not (_PROC / "self").exists():
        return _signal(pid, 0)
    return word.encode() in _command(pid)


def stop(pid: int, word: str, *, signals: Sequence[int], patience_seconds: float) -> bool:
    """Send the signals one after the other until the process is gone, then end what it had started.

    Returns False if anything is left. What it started may be in sessions of its own and outlive it.
    """
    family: Family = {}
    for number in signals:
        family |= _family(pid)
        _signal(pid, number)
        if _within(patience_seconds, lambda: not runs(pid, word)):
            return _end(family, patience_seconds)
    return False


def stop_children(pid: int, *, patience_seconds: float) -> bool:
    """End what a process started, with SIGTERM and then SIGKILL, while it lives on itself."""
    return _end(_family(pid), patience_seconds)


def end_marked(mark: str, *, patience_seconds: float) -> bool:
    """End all that carries the mark, with SIGTERM and then SIGKILL; False if nothing does."""
    table = _table()
    family = {pid: table[pid][1] for pid, found in values_of(_MARK).items() if found == mark and pid in table}
    return bool(family) and _end(family, patience_seconds)


def values_of(name: str) -> dict[int, str]:
    """Living process of this user -> what the environment variable was when it started, where it was set."""
    if not (_PROC / "self").exists():
        return _values_by_ps(name)
    found, start_of = {}, f"{name}=".encode()
    for entry in _PROC.glob("[0-9]*/environ"):
        with suppress(OSError):
            for variable in entry.read_bytes().split(b"\0"):
                if variable.startswith(start_of):
                    found[int(entry.parent.name)] = os.fsdecode(variable[len(start_of) :])
    return found


def free_port(wanted: int = 0) -> int:
    """A port of the loopback that nobody holds now; the wanted one if it is free."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError, OverflowError):
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # what waits to be closed holds nothing
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no port of the loopback is free; end programs that hold many")


def _command(pid: int) -> bytes:
    """The process's command; something on systems that do not tell, nothing if it is gone."""
    if not (_PROC / "self").exists():
        return b"?"
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def _end(family: Family, patience_seconds: float) -> bool:
    def left() -> list[int]:
        return [pid for pid, born in family.items() if _table().get(pid, (0, ""))[1] == born]

    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left():
            _signal(pid, number)
        if _within(patience_seconds, lambda: not left()):
            return True
    return False


def _within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _family(pid: int) -> Family:
    """All that the process started, and what those started."""
    table, found, ancestors = _table(), Family(), {pid}
    while ancestors:
        children = {child for child, (parent, _) in table.items() if parent in ancestors}
        found |= {child: table[child][1] for child in children}
        ancestors = children
    return found


def _table() -> dict[int, tuple[int, str]]:
    """Living process -> its parent and when it was born."""
    if not (_PROC / "self").exists():
        return _table_by_ps()
    table = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":
                table[int(entry.parent.name)] = (int(fields[1]), fields[19])
    return table


def _table_by_ps() -> dict[int, tuple[int, str]]:
    shown = subprocess.run(["ps", "-axo", "pid=,ppid=,lstart="], capture_output=True, text=True, check=False)
    lines = (line.split(maxsplit=2) for line in shown.stdout.splitlines())
    return {int(pid): (int(parent), born) for pid, parent, born in lines}


def _values_by_ps(name: str) -> dict[int, str]:
    shown = subprocess.run(
        ["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=False
    )
    lines = (line.split(maxsplit=1) for line in shown.stdout.splitlines())
    pattern = re.compile(rf"\s{re.escape(name)}=(\S*)")
    pairs = ((int(pid), pattern.search(" ".join(rest))) for pid, *rest in lines)
    return {pid: match[1] for pid, match in pairs if match}


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
