"""Servers, workers and runs of a shop in operation, killed (kill -9) at named moments: all whole, or not there."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.killing import Shop, kill, lives, new_shop, processes, within

PREPARE = {
    "picked up, not begun": "at the start",
    "landed files, no manifest": "infra.manifests:publish 1 raw",
    "release verified, no manifest": "infra.storage:LocalStore.create 1 'released/",
    "release published, nobody told": "tasks.artifacts:announce 1 ",
}
TRAIN = {
    "reserved, not fitted": "infra.ledger:Ledger.spent 1 ",
    "after ten training steps": "models.privacy.trainer:Training.step 10 ",
    "evidence there, not registered": "infra.registry:Registry.register 1 ",
    "candidate with dossier, no champion": "infra.registry:Registry.promote 1 ",
}
PLACES = PREPARE | TRAIN
VICTIMS = {"server": tuple(PLACES), "worker": tuple(PLACES), "run": tuple(PLACES), "mlflow": tuple(TRAIN)}
CASES = [(victim, place) for victim, places in VICTIMS.items() for place in places]
NAMES = {"server": "the Prefect server", "mlflow": "the MLflow server", "worker": "the worker of pool 'cpu'"}


@dataclass(frozen=True, kw_only=True)
class Operated:
    """A shop in operation, the release of its first run, and the looks at it: the first after runs without a fault."""

    shop: Shop
    released: dict[str, str]
    looks: list[dict[str, Any]]

    def begin(self, flow: str) -> str:
        """Start a run of prepare, or of train on the first release."""
        return self.shop.start(flow, **({"released": self.released} if flow == "train" else {}))

    def is_whole(self, *, reserved: int = 0, models: bool = False) -> None:
        """All is there that was there before; what is new is whole and as without a fault; nothing runs."""
        before, after = self.looks[-1], self.shop.look(models=models)
        self.looks.append(after)
        assert after["wrong"] == []
        assert before["sets"].items() <= after["sets"].items()
        known = {ref.rpartition("/")[0]: tables for ref, tables in self.looks[0]["sets"].items()}
        for ref, tables in after["sets"].items():
            if not ref.startswith("internal/"):
                assert tables == known[ref.rpartition("/")[0]], ref
        assert all(after["ledger"][entry] >= committed for entry, committed in before["ledger"].items())
        assert len(after["ledger"]) - len(before["ledger"]) == reserved
        assert after["log"] > before["log"]
        running = self.shop.counted_as_running
        within(
            60, lambda: running() == [], "a run without a process counts as running"
        )  # alerts are waited for


@pytest.mark.prove
def test_all_killed_at_once_leaves_nothing_half_published_and_nothing_running(tmp_path: Path) -> None:
    shop = new_shop(tmp_path)
    try:
        shop.up()
        shop.arm(PLACES["release verified, no manifest"])
        shop.start("prepare")
        run = shop.halted()
        for victim in NAMES:
            kill(shop.process_of(victim))
        assert _troubles(shop) == [f"{part} has died; `privet up` starts it again" for part in NAMES.values()]
        assert lives(run)
    finally:
        done = shop.house.privet("down")
    assert done.returncode == 0, done.stderr
    assert processes(shop.house) == []
    found = shop.look(models=False)
    assert found["wrong"] == []
    assert {ref.split("/")[0] for ref in found["sets"]} == {"raw", "quarantine", "curated"}


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    shop = new_shop(tmp_path_factory.mktemp("killed"))
    shop.up()
    try:
        shop.ends(shop.start("prepare"), "COMPLETED")
        (version,) = (shop.house.home / "zones" / "released" / "embedded-shop").iterdir()
        released = {"zone": "released", "name": "embedded-shop", "version": version.name}
        shop.ends(shop.start("train", released=released), "COMPLETED")
        yield Operated(shop=shop, released=released, looks=[shop.look(models=True)])
    finally:
        shop.let_go()
        down = shop.house.privet("down")
    assert down.returncode == 0, down.stderr
    assert processes(shop.house) == []


@pytest.mark.prove
@pytest.mark.parametrize(("victim", "place"), CASES, ids=[f"{victim}: {place}" for victim, place in CASES])
def test_killed_in_the_midst_of_a_run(operated: Operated, victim: str, place: str) -> None:
    shop, flow = operated.shop, "prepare" if place in PREPARE else "train"
    shop.arm(PLACES[place])
    run = operated.begin(flow)
    process = shop.halted()
    kill(process if victim == "run" else shop.process_of(victim))
    if victim != "run":
        assert f"{NAMES[victim]} has died; `privet up` starts it again" in _troubles(shop)
    shop.let_go()
    if victim == "server":
        shop.up()
    within(150, lambda: not lives(process), "the run's process does not end")
    if (
        victim != "run"
    ):  # without its process, a run is reported by the worker, or else declared crashed by `up`
        shop.up()
    ended = shop.ends(run, seconds=20)
    shop.ends(operated.begin(flow), "COMPLETED")
    operated.is_whole(reserved=2 * (flow == "train"), models=flow == "train")
    print(f"\n| {victim} | {place} | {ended} |")


@pytest.mark.prove
@pytest.mark.parametrize("victim", ["server", "worker"])
def test_killed_before_a_run_is_picked_up(operated: Operated, victim: str) -> None:
    shop = operated.shop
    worker = shop.process_of("worker")
    os.kill(worker, signal.SIGSTOP)
    run = shop.start("prepare")
    kill(shop.process_of(victim))
    if victim == "server":
        os.kill(worker, signal.SIGCONT)
    shop.up()
    shop.ends(run, "COMPLETED")
    operated.is_whole()


@pytest.mark.prove
def test_a_run_that_outlives_its_worker_and_was_given_up_publishes_nothing(operated: Operated) -> None:
    shop = operated.shop
    before = set(operated.looks[-1]["sets"])
    shop.arm(PLACES["landed files, no manifest"])
    run = shop.start("prepare")
    process = shop.halted()
    kill(shop.process_of("worker"))
    crashed = {"type": "CRASHED", "name": "Crashed"}
    shop.house.ask(f"flow_runs/{run}/set_state", state=crashed, force=True)
    shop.let_go()
    within(60, lambda: not lives(process), "the run's process does not end")
    assert shop.state(run)["type"] in ("CRASHED", "FAILED")
    shop.up()
    operated.is_whole()
    assert {ref.split("/")[0] for ref in operated.looks[-1]["sets"].keys() - before} <= {"raw"}


@pytest.mark.prove
def test_down_ends_what_killed_parts_left(operated: Operated) -> None:
    shop = operated.shop
    shop.arm(PLACES["after ten training steps"])
    operated.begin("train")
    process = shop.halted()
    for victim in ("worker", "mlflow"):
        kill(shop.process_of(victim))
    done = shop.house.privet("down")
    left = "runs that a dead worker of pool 'cpu' left"
    assert done.stdout == f"Stopped: {left}, MLflow server, Prefect server.\n", done.stderr
    assert not lives(process)
    assert processes(shop.house) == []
    shop.let_go()
    shop.up()
    operated.is_whole(reserved=1)


def _troubles(shop: Shop) -> list[str]:
    found: list[str] = json.loads(shop.house.privet("status", "--json").stdout)["troubles"]
    return found
