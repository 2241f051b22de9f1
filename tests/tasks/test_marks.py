"""Marks: what a program started is found and ended when the program itself is long dead."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks import processes

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_killed_program_leaves_what_its_mark_finds(tmp_path):
    children = {}
    for home in ("this", "other"):
        log, mark = tmp_path / home, processes.mark_of("worker", tmp_path / home)
        pid = processes.start([sys.executable, "-c", PARENT], log=log, environment=os.environ, mark=mark)
        children[home] = _number_in(log)
        os.kill(pid, signal.SIGKILL)
    assert processes.end_marked(processes.mark_of("worker", tmp_path / "this"), patience_seconds=5)
    assert not processes.runs(children["this"], "python")
    assert processes.runs(children["other"], "python")
    assert not processes.end_marked(processes.mark_of("worker", tmp_path / "this"), patience_seconds=5)
    assert processes.end_marked(processes.mark_of("worker", tmp_path / "other"), patience_seconds=5)


@pytest.mark.parametrize("ask", [processes.values_of, processes._values_by_ps], ids=["proc", "ps"])
def test_what_a_process_was_told_by_its_environment(ask):
    child = subprocess.Popen(["sleep", "60"], env={"SAID": "some-thing_1", "LAST": "x"})
    try:
        deadline = time.monotonic() + 10
        while ask("SAID").get(child.pid) != "some-thing_1":
            assert time.monotonic() < deadline
        assert child.pid not in ask("SAI")
    finally:
        child.kill()
        child.wait()


def test_a_wanted_port_is_taken_if_it_is_free():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        assert processes.free_port(port) != port
    assert processes.free_port(port) == port
    assert processes.free_port(1 << 20) > 0


def _number_in(log: Path) -> int:
    deadline = time.monotonic() + 30
    while not log.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(log.read_text())
