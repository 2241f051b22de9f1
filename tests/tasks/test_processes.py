"""Processes in the background: they outlive their starter, and are stopped with all that they started."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks import processes

PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, {handler})
child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"],
                         start_new_session={apart}, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
TERM_KILL = (signal.SIGTERM, signal.SIGKILL)


def _start(tmp_path: Path, *, handler: str = "signal.SIG_DFL", apart: bool = True) -> tuple[int, int]:
    """A process with a child; both numbers."""
    log = tmp_path / "log"
    code = PARENT.format(handler=handler, apart=apart)
    pid = processes.start([sys.executable, "-c", code], log=log, environment=os.environ)
    deadline = time.monotonic() + 30
    while not log.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return pid, int(log.read_text())


@pytest.mark.parametrize("handler", ["signal.SIG_DFL", "signal.SIG_IGN"])
@pytest.mark.parametrize("apart", [True, False], ids=["own session", "same session"])
def test_stop_leaves_nothing_running(tmp_path, handler, apart):
    pid, child = _start(tmp_path, handler=handler, apart=apart)
    assert processes.runs(pid, "python")
    assert processes.stop(pid, "python", signals=TERM_KILL, patience_seconds=1)
    assert not processes.runs(pid, "python")
    assert not processes.runs(child, "python")


def test_children_can_be_stopped_alone(tmp_path):
    pid, child = _start(tmp_path)
    assert processes.stop_children(pid, patience_seconds=5)
    assert processes.runs(pid, "python")
    assert not _lives(child)
    assert processes.stop(pid, "python", signals=TERM_KILL, patience_seconds=5)


def test_a_process_that_heeds_no_signal_is_told(tmp_path):
    pid, child = _start(tmp_path, handler="signal.SIG_IGN")
    assert not processes.stop(pid, "python", signals=(signal.SIGTERM,), patience_seconds=0.3)
    assert processes.stop(pid, "python", signals=TERM_KILL, patience_seconds=0.3)
    assert not _lives(child)


def test_another_program_of_that_number_is_not_meant():
    other = subprocess.Popen(["sleep", "30"])
    try:
        assert not processes.runs(other.pid, "prefect")
    finally:
        other.kill()
        other.wait()


def test_what_a_process_says_is_for_its_owner(tmp_path):
    pid = processes.start([sys.executable, "-c", "print('x')"], log=tmp_path / "log", environment=os.environ)
    while _lives(pid):
        time.sleep(0.05)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
