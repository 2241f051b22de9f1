"""The main job by the real command: what it prints, what it leaves behind, and what a second run adds."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import House

pytestmark = pytest.mark.server

STAGES = ["land", "contract", "consent", "de-identify", "publish"]
Report = dict[str, Any]


@pytest.fixture(scope="module")
def second(house: House, report: Report, small_shop: Path) -> Report:
    """The same command once more, with the same server and home."""
    server = (house.home / "prefect" / "server.json").read_text()
    done = house.privet("run", str(small_shop / "shop.yaml"), "--json")
    assert done.returncode == 0, done.stderr
    assert (house.home / "prefect" / "server.json").read_text() == server
    found: Report = json.loads(done.stdout)
    return found


def test_prints_one_object_and_says_nothing_else_on_stdout(
    first_run: subprocess.CompletedProcess[str], report: Report
) -> None:
    found, end = json.JSONDecoder().raw_decode(first_run.stdout)
    assert first_run.stdout[end:].strip() == ""
    assert found["shop"] == "embedded-shop"
    assert found["synthetic"].startswith("synthetic")


def test_every_stage_has_rows_and_seconds(report: Report) -> None:
    assert [stage["stage"] for stage in report["stages"]] == STAGES
    for stage in report["stages"]:
        assert stage["seconds"] >= 0
        assert sum(stage["rows_out"].values()) > 0
        assert all(stage["rows_out"][table] <= rows for table, rows in stage["rows_in"].items())


@pytest.mark.parametrize("stage", ["contract", "consent"])
def test_rows_in_are_rows_out_and_rejected(report: Report, stage: str) -> None:
    (found,) = (entry for entry in report["stages"] if entry["stage"] == stage)
    for table, rows in found["rows_in"].items():
        rejected = sum(count["rows"] for count in found["rejected"] if count["table"] == table)
        assert rows == found["rows_out"][table] + rejected


def test_gate_passed_with_checks_of_every_release(report: Report) -> None:
    checks = report["gate"]["checks"]
    assert report["gate"]["passed"]
    assert all(check["passed"] for check in checks)
    assert {check["table"] for check in checks} == {
        *("customer_profiles", "fraud_customers", "fraud_orders", "support_tickets")
    }
    assert any("k-anonym" in check["rule"] for check in checks), checks


def test_epsilon_is_claimed_for_customers_and_keeps_its_target(report: Report) -> None:
    privacy = report["models"][0]["privacy"]
    assert 0 < privacy["epsilon"] <= privacy["epsilon_target"] == 3
    assert 0 < privacy["delta"] <= 1e-5
    assert privacy["unit"] == "customer"
    assert privacy["household_epsilon"] > privacy["epsilon"]


def test_utility_and_audit_come_with_intervals(report: Report) -> None:
    model = report["models"][0]
    for measure in (*model["utility"].values(), model["audit"]["auc"]):
        assert 0 <= measure["low"] <= measure["value"] <= measure["high"] <= 1
    assert model["utility"]["released"]["scope"] == "dp_released"
    assert model["audit"]["holds"]
    assert model["audit"]["run"] == model["run"]


def test_files_that_the_report_names_exist(report: Report) -> None:
    dossier = Path(report["models"][0]["dossier"])
    for page in (dossier, dossier.with_suffix(".json"), Path(report["gate"]["page"])):
        assert page.stat().st_size > 1000
        assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_second_run_makes_a_new_release_and_the_next_version(report: Report, second: Report) -> None:
    assert [found["models"][0]["version"] for found in (report, second)] == [1, 2]
    assert second["released"] > report["released"]
    assert second["models"][0]["dossier"] != report["models"][0]["dossier"]


def test_every_training_is_in_the_ledger(house: House, small_shop: Path, second: Report) -> None:
    done = house.privet("budget", str(small_shop / "shop.yaml"), "--json")
    found = json.loads(done.stdout)
    assert found["epsilon"] == pytest.approx(6)
    assert found["left"] == pytest.approx(found["cap"]["epsilon"] - 6)
    assert [entry["committed"] for entry in found["entries"]] == [True, True]
    assert second["models"][0]["budget"]["spent"] == pytest.approx(6)


def test_audit_log_is_unbroken(house: House, second: Report) -> None:
    done = house.privet("log", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["ok"]
    assert found["entries"] > 20


def test_status_shows_releases_and_versions(house: House, report: Report, second: Report) -> None:
    found = json.loads(house.privet("status", "--json").stdout)
    assert {report["released"], second["released"]} <= set(found["datasets"])
    versions = [model for model in found["models"] if model["name"] == "embedded-shop-fraud"]
    assert [model["version"] for model in versions] == [1, 2]
    assert {model["run"] for model in versions} == {found["models"][0]["run"] for found in (report, second)}
    assert house.api.startswith(found["prefect"])


def test_prefect_shows_the_flows_with_stages_completed(house: House, report: Report) -> None:
    run = report["prefect_run"].rsplit("/", 1)[1]
    (shop,) = house.ask("flow_runs/filter", flow_runs={"id": {"any_": [run]}})
    assert shop["state"]["type"] == "COMPLETED"
    tasks = house.ask("task_runs/filter", task_runs={"flow_run_id": {"any_": [run]}})
    children = house.ask(
        "flow_runs/filter", flow_runs={"parent_task_run_id": {"any_": [task["id"] for task in tasks]}}
    )
    flows = {flow["id"]: flow["name"] for flow in house.ask("flows/filter")}
    assert {flows[child["flow_id"]] for child in children} == {"prepare", "train"}
    assert {child["state"]["type"] for child in children} == {"COMPLETED"}
    _has_artifacts(house, [child["id"] for child in children])


def _has_artifacts(house: House, runs: list[str]) -> None:
    found = house.ask("artifacts/filter", artifacts={"flow_run_id": {"any_": runs}})
    artifacts = {artifact["key"]: artifact["data"] for artifact in found}
    fraud = {f"{kind}-fraud" for kind in ("epsilon", "progress", "training", "audit", "dossier")}
    assert set(artifacts) == {"gate", "rows-by-stage", *fraud}
    assert artifacts["gate"].startswith("Every check passed.")
    assert "| de-identify |" in artifacts["rows-by-stage"]
    assert "epsilon" in artifacts["dossier-fraud"].lower()


def test_no_parameter_or_name_of_a_run_holds_more_than_references(house: House, report: Report) -> None:
    for run in house.ask("flow_runs/filter"):
        assert set(run["parameters"]) <= {"spec", "use_case", "released"}


def test_nothing_in_the_home_is_open_to_others(house: House, second: Report) -> None:
    found = [
        f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(house.home)}"
        for folder, names, files in os.walk(house.home)
        for path in (Path(folder, name) for name in (*names, *files))
        if path.lstat().st_mode & 0o077
    ]
    assert stat.S_IMODE(house.home.stat().st_mode) == 0o700
    assert not found, "\n".join(found)


def test_nothing_is_left_in_work_or_temporary_folders(house: House, second: Report) -> None:
    assert list((house.home / "work").iterdir()) == []
    _, temporary, current = house.elsewhere
    assert list(temporary.iterdir()) == list(current.iterdir()) == []
