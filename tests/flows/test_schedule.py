"""A shop in operation: a schedule fires by itself, a release trains, failures alert, and nothing is left running."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.flows.browser import look
from tests.flows.conftest import House, new_house
from tests.flows.killing import processes

pytestmark = pytest.mark.server
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOP, MODEL = "embedded-shop", "embedded-shop-fraud"
Run = dict[str, Any]


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory, small_shop: Path) -> Iterator[House]:
    """The small shop put into operation; its schedule fires every minute until the first run has begun."""
    house = new_house(tmp_path_factory.mktemp("operated"))
    house.env["PREFECT_WORKER_QUERY_SECONDS"] = "2"
    spec = str(small_shop / "shop.yaml")
    _succeeds(house, "up", spec, "--cron", "* * * * *")
    try:
        _wait_for(house, "prepare", "RUNNING", "COMPLETED")
        _succeeds(house, "deploy", spec, "--cron", "off")
        yield house
    finally:
        house.privet("down")


@pytest.fixture(scope="module")
def trained(operated: House) -> Run:
    """The training that the first scheduled release started, when it is done."""
    return _wait_for(operated, "train", "COMPLETED")


def test_a_scheduled_run_ends_in_a_registered_model(operated: House, trained: Run) -> None:
    (prepared, *_) = _runs(operated, "prepare", "COMPLETED")
    assert prepared["created_by"]["type"] == "SCHEDULE"
    assert trained["created_by"]["display_value"] == "privet: a release of embedded-shop trains fraud"
    found = json.loads(operated.privet("status", "--json").stdout)
    released = trained["parameters"]["released"]
    assert f"{released['zone']}/{released['name']}/{released['version']}" in found["datasets"]
    assert MODEL in {model["name"] for model in found["models"]}


def test_parameters_are_paths_and_names(operated: House, trained: Run) -> None:
    for run in operated.ask("flow_runs/filter"):
        assert set(run["parameters"]) <= {"spec", "use_case", "released"}
        assert run["job_variables"] in (None, {})


def test_a_training_shows_its_artifacts(operated: House, trained: Run) -> None:
    found = operated.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [trained["id"]]}})
    shown = {artifact["key"]: artifact["data"] for artifact in found}
    assert shown["progress-fraud"] == 100
    for picture in ("epsilon-fraud", "training-fraud", "audit-fraud"):
        assert "(data:image/svg+xml;base64," in shown[picture]


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (infra/debian.txt)")
def test_pages_show_the_run_and_its_pictures(operated: House, trained: Run, tmp_path: Path) -> None:
    found = operated.ask("artifacts/filter", artifacts={"key": {"any_": ["training-fraud"]}})
    origin = operated.api.removesuffix("/api")
    places = {
        f"runs/flow-run/{trained['id']}": "Completed",
        f"artifacts/artifact/{found[0]['id']}": "Training loss",
    }
    for number, (place, text) in enumerate(places.items()):
        seen = look(
            str(CHROMIUM),
            f"{origin}/{place}",
            login=operated.login,
            until=text,
            picture=tmp_path / f"{number}.png",
            profile=tmp_path / f"profile{number}",
        )
        assert text in seen.text
        assert seen.foreign == []


def test_nobody_gets_in_without_the_login(operated: House) -> None:
    mlflow = json.loads((operated.home / "mlflow" / "server.json").read_text())["url"]
    stranger = replace(operated, folder=operated.folder / "stranger")
    (stranger.home / "prefect").mkdir(parents=True)
    shutil.copy(operated.home / "prefect" / "server.json", stranger.home / "prefect")
    (stranger.home / "prefect" / "password").write_text("password1234")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        stranger.ask("deployments/filter")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{mlflow}/api/2.0/mlflow/experiments/search?max_results=5", timeout=30)


def test_a_run_declared_crashed_publishes_nothing_and_alerts(operated: House, trained: Run) -> None:
    before = _released(operated)
    run = _start(operated, "prepare")
    _wait_for(operated, "prepare", "RUNNING", identifier=run)
    crashed = {"type": "CRASHED", "name": "Crashed"}
    operated.ask(f"flow_runs/{run}/set_state", state=crashed, force=True)
    ended = _wait_for(operated, "prepare", "FAILED", identifier=run)
    assert "was declared crashed while it still worked" in ended["state"]["message"]
    assert _released(operated) == before
    _wait_for(operated, "alert", "COMPLETED")
    (alert, *_) = operated.ask("artifacts/filter", artifacts={"key": {"any_": ["alert"]}})
    assert ended["name"] in alert["data"]
    assert "prepare failed" in operated.privet("status").stdout


def test_down_in_the_midst_of_a_run_leaves_nothing_running(operated: House, trained: Run) -> None:
    run = _start(operated, "prepare")
    _wait_for(operated, "prepare", "RUNNING", identifier=run)
    assert len(processes(operated)) >= 4
    done = operated.privet("down", "--json")
    stopped = ["worker of pool 'cpu'", "MLflow server", "Prefect server"]
    assert json.loads(done.stdout) == {"stopped": stopped}, done.stderr
    assert processes(operated) == []


def _succeeds(house: House, *arguments: str) -> None:
    done = house.privet(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def _runs(house: House, flow: str, *states: str, identifier: str | None = None) -> list[Run]:
    wanted: Run = {"state": {"type": {"any_": list(states)}}}
    if identifier:
        wanted["id"] = {"any_": [identifier]}
    found: list[Run] = house.ask("flow_runs/filter", flow_runs=wanted, flows={"name": {"any_": [flow]}})
    return found


def _wait_for(house: House, flow: str, *states: str, identifier: str | None = None) -> Run:
    deadline = time.monotonic() + 240
    while not (found := _runs(house, flow, *states, identifier=identifier)):
        assert time.monotonic() < deadline, f"no run of {flow} is {states}"
        time.sleep(0.5)
    return found[0]


def _start(house: House, flow: str) -> str:
    found = house.ask("deployments/filter", flows={"name": {"any_": [flow]}})
    return str(house.ask(f"deployments/{found[0]['id']}/create_flow_run")["id"])


def _released(house: House) -> list[str]:
    return sorted(path.name for path in (house.home / "zones" / "released" / SHOP).glob("*"))
