"""Workers: a run that nobody carries out is given up, one that has a process is not."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from tasks import workers

ALIVE, DEAD = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CASES = [
    # state, its age in seconds, process there, worker there, what becomes of it
    ("RUNNING", 300, DEAD, True, "CRASHED"),
    ("RUNNING", 300, ALIVE, False, None),
    ("PENDING", 5, DEAD, True, None),
    ("PENDING", 5, DEAD, False, "CRASHED"),
    ("PENDING", 300, DEAD, True, "CRASHED"),
    ("CANCELLING", 300, DEAD, True, "CANCELLED"),
]


@pytest.mark.parametrize(("state", "age", "run", "at_pick_up", "becomes"), CASES)
def test_only_a_run_without_a_process_is_given_up(monkeypatch, state, age, run, at_pick_up, becomes):
    since = (datetime.now(UTC) - timedelta(seconds=age)).isoformat().replace("+00:00", "Z")
    told = []

    def ask(api, method, path, body):
        if path == "flow_runs/filter":
            return [{"id": run, "state": {"type": state, "timestamp": since}}]
        return told.append((path, body["state"]["type"]))

    monkeypatch.setattr(workers, "ask", ask)
    process = subprocess.Popen(["sleep", "60"], env={"PREFECT__FLOW_RUN_ID": ALIVE})
    try:
        assert workers.give_up_runs("api", at_pick_up=at_pick_up) == (becomes is not None)
    finally:
        process.kill()
        process.wait()
    assert told == ([(f"flow_runs/{run}/set_state", becomes)] if becomes else [])
