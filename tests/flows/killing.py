"""Killing: parts of a shop in operation ended with kill -9 while one of its runs is halted at a named place."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.conftest import ROOT, House, new_house
from tests.flows.crash_way import make_tiny_shop

Run = dict[str, Any]
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
COUNTS_AS_RUNNING = ("PENDING", "RUNNING", "CANCELLING")
_STATE = {
    "server": "prefect/server.json",
    "worker": "prefect/worker-cpu.json",
    "mlflow": "mlflow/server.json",
}


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A tiny shop in operation. A release starts no training here; each run is started by its test."""

    house: House
    spec: str

    @property
    def halt(self) -> Path:
        """The file that halts runs; see halting/sitecustomize.py."""
        return self.house.folder / "halt"

    def up(self) -> None:
        """`privet up`, which must succeed."""
        done = self.house.privet("up", self.spec)
        assert done.returncode == 0, done.stdout + done.stderr
        for automation in self.house.ask("automations/filter"):
            if "trains" in automation["name"]:
                _patch(self.house, f"automations/{automation['id']}", enabled=False)

    def start(self, flow: str, **parameters: Any) -> str:
        """Start a run of a deployment; its identifier."""
        found = self.house.ask("deployments/filter", flows={"name": {"any_": [flow]}})
        made = self.house.ask(f"deployments/{found[0]['id']}/create_flow_run", parameters=parameters)
        return str(made["id"])

    def state(self, run: str) -> Run:
        """The state of a run."""
        found: Run = self.house.ask("flow_runs/filter", flow_runs={"id": {"any_": [run]}})[0]["state"]
        return found

    def ends(self, run: str, *states: str, seconds: float = 150) -> str:
        """Wait until a run has ended, in one of these states if some are given; returns the state."""
        within(seconds, lambda: self.state(run)["type"] in ENDED, f"run {run} does not end")
        state = self.state(run)
        assert state["type"] in (states or ENDED), state
        return str(state["type"])

    def counted_as_running(self) -> list[str]:
        """States of all runs that Prefect takes for running."""
        wanted = {"state": {"type": {"any_": list(COUNTS_AS_RUNNING)}}}
        return [run["state"]["type"] for run in self.house.ask("flow_runs/filter", flow_runs=wanted)]

    def process_of(self, victim: str) -> int:
        """The process of a part of the house."""
        return int(json.loads((self.house.home / _STATE[victim]).read_text())["pid"])

    def halted(self) -> int:
        """Wait until a run stands at its place; the process of the run."""
        reached = self.halt.with_suffix(".reached")
        within(120, lambda: reached.exists() and reached.read_text() != "", "no run came to its place")
        return int(reached.read_text())

    def arm(self, place: str) -> None:
        """Halt the next run at a place."""
        self.halt.with_suffix(".reached").unlink(missing_ok=True)
        self.halt.write_text(place)

    def let_go(self) -> None:
        """Let halted runs go on."""
        self.halt.unlink(missing_ok=True)

    def look(self, *, models: bool) -> dict[str, Any]:
        """What is published, registered, spent and logged."""
        done = self.house.run("-m", "tests.flows.killed_look", *(["models"] if models else []))
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def new_shop(folder: Path) -> Shop:
    """A tiny shop in a home of its own; nothing runs yet."""
    house = new_house(folder)
    house.env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests/flows/halting"), house.env["PYTHONPATH"]])
    house.env.update(PREFECT_WORKER_QUERY_SECONDS="1", HALT_FILE=str(folder / "halt"))
    return Shop(house=house, spec=str(make_tiny_shop(folder / "shop")))


def kill(process: int) -> None:
    """kill -9, and wait until the process is gone."""
    os.kill(process, signal.SIGKILL)
    within(10, lambda: not lives(process), f"process {process} outlives kill -9")


def lives(process: int) -> bool:
    """Whether a process lives, zombies not counted."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def within(seconds: float, done: Callable[[], bool], otherwise: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


def processes(house: House) -> list[str]:
    """Commands of all processes that work in this home, of whatever session."""
    mark, found = f"PRIVET_HOME={house.home}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int(process.name) != os.getpid() and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [command for command in found if command]


def _patch(house: House, path: str, **body: Any) -> None:
    import base64
    import urllib.request

    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(house.login.encode()).decode(),
    }
    request = urllib.request.Request(
        f"{house.api}/{path}", json.dumps(body).encode(), headers, method="PATCH"
    )
    with urllib.request.urlopen(request, timeout=30):
        pass
