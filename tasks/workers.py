"""Workers: they take runs from a pool and carry out each in a process of its own, in this home's environment."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.settings import Settings
from models.values.base import Value
from tasks import operate, processes
from tasks.api import ask
from tasks.operate import ServerError

POOLS = ("cpu", "gpu")
RUNS_AT_ONCE = {"cpu": 2, "gpu": 1}
_WORD = "prefect"
_RUN = "PREFECT__FLOW_RUN_ID"  # a worker tells the process of a run by it which run it is
_GIVEN_UP = {"RUNNING": "CRASHED", "PENDING": "CRASHED", "CANCELLING": "CANCELLED"}
_PICK_UP = timedelta(seconds=60)  # after so long a run that a worker took has a process


class Worker(Value):
    """A running worker of a pool. It works for the server that it was started with."""

    pool: str
    api: str
    pid: int
    since: datetime | None = None


def start(settings: Settings, api: str, pool: str) -> Worker:
    """The worker of a pool: the running one, or a new one in the environment that this process has."""
    with operate.locked(settings):
        worker = running(settings, pool)
        if worker is not None and worker.api == api:
            return worker
        if worker is not None:
            _stop(worker, patience_seconds=5)
        return _start(settings, api, pool)


def running(settings: Settings, pool: str) -> Worker | None:
    """The worker of a pool that this home started, if its process is still alive."""
    try:
        worker = Worker.model_validate_json(_state_file(settings, pool).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return worker if processes.runs(worker.pid, _WORD) else None


def died(settings: Settings, pool: str) -> bool:
    """Whether a worker of this home was started, not stopped by `privet down`, and is gone all the same."""
    return _state_file(settings, pool).exists() and running(settings, pool) is None


def wait(worker: Worker, settings: Settings) -> None:
    """Wait until the server has heard of the worker. Raises ServerError if it ends or takes too long."""
    deadline = time.monotonic() + settings.server_wait_seconds
    while not is_online(worker.api, worker.pool, since=worker.since):
        if not processes.runs(worker.pid, _WORD) or time.monotonic() > deadline:
            log = settings.prefect_home / f"worker-{worker.pool}.log"
            raise ServerError(f"the worker of pool '{worker.pool}' did not start; see {log}")
        time.sleep(0.5)


def is_online(api: str, pool: str, *, since: datetime | None = None) -> bool:
    """Whether the server has lately, and after `since`, heard of a worker of the pool."""
    found = ask(api, "POST", f"work_pools/{pool}/workers/filter", {})
    return any(
        worker["status"] == "ONLINE" and (since is None or _time(worker["last_heartbeat_time"]) >= since)
        for worker in found
    )


def stop(settings: Settings, *, patience_seconds: float = 5) -> tuple[str, ...]:
    """Stop all workers of this home with the runs that they carry out; returns what was stopped.

    A Prefect worker without work does not heed its first SIGTERM: it gets a second, and then SIGKILL. A worker
    that was killed leaves the processes of its runs, which are ended as well.
    """
    stopped = []
    with operate.locked(settings):
        for pool in POOLS:
            worker = running(settings, pool)
            _state_file(settings, pool).unlink(missing_ok=True)
            if worker is not None:
                _stop(worker, patience_seconds)
                stopped.append(f"worker of pool '{pool}'")
            if processes.end_marked(_mark(settings, pool), patience_seconds=2 * patience_seconds):
                stopped.append(f"runs that a dead worker of pool '{pool}' left")
    return tuple(stopped)


def mend(settings: Settings, api: str) -> int:
    """Stop workers of a server that is no more and declare crashed what nobody carries out; returns how many runs.

    A run whose worker was killed lives on and still counts.
    """
    with operate.locked(settings):
        for pool in POOLS:
            worker = running(settings, pool)
            if worker is not None and worker.api != api:
                _stop(worker, patience_seconds=5)
        return give_up_runs(api, at_pick_up=any(running(settings, pool) for pool in POOLS))


def give_up_runs(api: str, *, at_pick_up: bool) -> int:
    """Declare crashed every run that counts as running and has no process; returns how many.

    `at_pick_up` says that a worker lives, which may just be about to start a process for a run.
    """
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": list(_GIVEN_UP)}},
            "deployment_id": {"is_null_": False},
        }
    }
    # Looked for before and after: what starts or ends meanwhile is in one of them.
    alive = set(processes.values_of(_RUN).values())
    runs = ask(api, "POST", "flow_runs/filter", wanted)
    alive |= set(processes.values_of(_RUN).values())
    dead = [run for run in runs if run["id"] not in alive and not (at_pick_up and _just_taken(run))]
    for run in dead:
        kind = _GIVEN_UP[run["state"]["type"]]
        state = {"type": kind, "name": kind.capitalize(), "message": "its process was stopped or died"}
        ask(api, "POST", f"flow_runs/{run['id']}/set_state", {"state": state, "force": True})
    return len(dead)


def _just_taken(run: dict[str, Any]) -> bool:
    return (
        run["state"]["type"] == "PENDING" and datetime.now(UTC) - _time(run["state"]["timestamp"]) < _PICK_UP
    )


def _time(written: str) -> datetime:
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def _stop(worker: Worker, patience_seconds: float) -> None:
    processes.stop_children(worker.pid, patience_seconds=2 * patience_seconds)  # a run so asked tidies up
    signals = (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL)
    if not processes.stop(worker.pid, _WORD, signals=signals, patience_seconds=patience_seconds):
        raise ServerError(
            f"the worker of pool '{worker.pool}' (process {worker.pid}) does not stop; end it by hand"
        )


def _start(settings: Settings, api: str, pool: str) -> Worker:
    command = [
        *(sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"),
        *("--name", f"privet-{pool}", "--limit", str(RUNS_AT_ONCE[pool])),
        *("--install-policy", "never", "--no-create-pool-if-not-found"),
    ]
    environment = os.environ | {"PREFECT_API_URL": api, "PRIVET_HOME": str(settings.home)}
    log = settings.prefect_home / f"worker-{pool}.log"
    since = datetime.now(UTC)
    pid = processes.start(command, log=log, environment=environment, mark=_mark(settings, pool))
    worker = Worker(pool=pool, api=api, pid=pid, since=since)
    _state_file(settings, pool).write_text(worker.model_dump_json())
    return worker


def _mark(settings: Settings, pool: str) -> str:
    return processes.mark_of(f"worker-{pool}", settings.home)


def _state_file(settings: Settings, pool: str) -> Path:
    return settings.prefect_home / f"worker-{pool}.json"
