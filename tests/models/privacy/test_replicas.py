"""Trainings on several devices and in several processes: the noise is in the sum once, the sums are the same."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


def _started(kind: str, scale: float, entropy: str, **environment: str) -> Any:
    script = ["-m", "tests.models.privacy.replicated", kind, str(scale), entropy]
    return subprocess.Popen(
        [sys.executable, *script],
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"} | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def _result(process: Any) -> dict[str, Any]:
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])  # type: ignore[no-any-return]


def test_two_devices_make_the_same_steps_as_one() -> None:
    """With the same choices and the same noise: equal weights but for the order of additions."""
    one, two = (_result(_started(kind, 1.0, "fixed")) for kind in ("0", "2"))
    assert one["sampled"] == two["sampled"]
    np.testing.assert_allclose(two["weights"], one["weights"], atol=1e-5)
    assert one["population"] == two["population"] == 400


def test_noise_on_two_devices_is_in_the_update_once() -> None:
    """Nobody has a gradient here; 60,000 numbers: 2 % are seven standard errors."""
    found = _result(_started("2", 0.0, "keystream"))
    assert found["std"] == pytest.approx(found["planned"], rel=0.02)
    assert found["differences"] == []


@pytest.mark.prove
def test_two_processes_train_one_model_and_one_of_them_can_claim() -> None:
    """Each has 400 customers of its own; the population is public for both, 1,000."""
    ports = _free_ports(2)
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    settings = [json.dumps({"cluster": cluster, "task": {"type": "worker", "index": n}}) for n in (0, 1)]
    processes = [_started("worker", 0.0, "keystream", TF_CONFIG=setting) for setting in settings]
    first, second = map(_result, processes)
    np.testing.assert_array_equal(first["weights"], second["weights"])
    assert first["std"] == pytest.approx(first["planned"], rel=0.02)
    assert first["population"] == 800
    assert first["sampled"] == second["sampled"]
    assert first["differences"] == []
    assert "a step did not draw its noise once per variable" in second["differences"]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
