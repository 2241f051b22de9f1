"""Workers: they take runs from a pool and carry out each in a process of its own, in this home's environment."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from infra.settings import Settings
from models.values.base import Value
from tasks import operate, processes
from tasks.api import ask
from tasks.operate import ServerError

POOLS = ("cpu", "gpu")
RUNS_AT_ONCE = {"cpu": 2, "gpu": 1}
_WORD = "prefect"


class Worker(Value):
    """A running worker of a pool. It works for the server that it was started with."""

    pool: str
    api: str
    pid: int


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


def wait(worker: Worker, settings: Settings) -> None:
    """Wait until the server has heard of the worker. Raises ServerError if it ends or takes too long."""
    deadline = time.monotonic() + settings.server_wait_seconds
    while not is_online(worker.api, worker.pool):
        if not processes.runs(worker.pid, _WORD) or time.monotonic() > deadline:
            log = settings.prefect_home / f"worker-{worker.pool}.log"
            raise ServerError(f"the worker of pool '{worker.pool}' did not start; see {log}")
        time.sleep(0.5)


def is_online(api: str, pool: str) -> bool:
    """Whether the server has lately heard of a worker of the pool."""
    found = ask(api, "POST", f"work_pools/{pool}/workers/filter", {})
    return any(worker["status"] == "ONLINE" for worker in found)


def stop(settings: Settings, *, patience_seconds: float = 5) -> tuple[str, ...]:
    """Stop all workers of this home with the runs that they carry out; returns the pools that had one.

    A Prefect worker without work does not heed its first SIGTERM: it gets a second, and then SIGKILL.
    """
    stopped = []
    with operate.locked(settings):
        for pool in POOLS:
            worker = running(settings, pool)
            _state_file(settings, pool).unlink(missing_ok=True)
            if worker is not None:
                _stop(worker, patience_seconds)
                stopped.append(pool)
    return tuple(stopped)


def give_up_runs(api: str) -> int:
    """Declare crashed what counts as running although every worker was stopped; returns how many runs."""
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": ["RUNNING", "PENDING"]}},
            "deployment_id": {"is_null_": False},
        }
    }
    crashed = {"type": "CRASHED", "name": "Crashed", "message": "its worker was stopped or died"}
    runs = ask(api, "POST", "flow_runs/filter", wanted)
    for run in runs:
        ask(api, "POST", f"flow_runs/{run['id']}/set_state", {"state": crashed, "force": True})
    return len(runs)


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
    worker = Worker(pool=pool, api=api, pid=processes.start(command, log=log, environment=environment))
    _state_file(settings, pool).write_text(worker.model_dump_json())
    return worker


def _state_file(settings: Settings, pool: str) -> Path:
    return settings.prefect_home / f"worker-{pool}.json"
