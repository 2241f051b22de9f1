"""A search on a worker pool: its run killed (kill -9) between two trials, and the deployment started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.killing import Shop, kill, new_shop, processes

pytestmark = [pytest.mark.server, pytest.mark.prove]
TRIALS = 4
ASKED = {"trials": TRIALS}


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Shop]:
    """A shop in operation with a release."""
    shop = new_shop(tmp_path)
    shop.up()
    try:
        shop.ends(shop.start("prepare"), "COMPLETED")
        yield shop
    finally:
        shop.let_go()
        down = shop.house.privet("down")
    assert down.returncode == 0, down.stderr
    assert processes(shop.house) == []


def test_a_killed_search_goes_on_where_it_was(prepared: Shop) -> None:
    prepared.arm("models.balance.search:Search.tell 3 ")
    first = prepared.start("balance", **ASKED)
    kill(prepared.halted())
    prepared.let_go()
    prepared.ends(first, "CRASHED", "FAILED")
    before = _record(prepared)
    assert [len(entry["points"]) for entry in before.values()] == [1, 1, 0]
    prepared.ends(prepared.start("balance", **ASKED), "COMPLETED", seconds=300)
    after = _record(prepared)
    assert list(after) == list(range(TRIALS))
    for number, entry in before.items():
        assert after[number]["choices"] == entry["choices"]
        assert after[number]["points"][: len(entry["points"])] == entry["points"]
    pool = prepared.house.ask("flow_runs/filter", flow_runs={"id": {"any_": [first]}})[0]["work_pool_name"]
    assert pool == "cpu"
    sealed = (prepared.house.home / "zones" / "internal").glob("*front*/*/*")
    assert any(sealed)


def _record(shop: Shop) -> dict[int, dict[str, Any]]:
    """What a search recorded of each trial, the last line of each."""
    (path,) = (shop.house.home / "balance").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["number"]: line for line in lines if "number" in line}
