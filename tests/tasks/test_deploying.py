"""Deploying: what infra/*.yaml says is what Prefect understands, filled with one shop's paths and names only."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from infra.spec import read_spec
from tasks import deploying

WORDS: dict[str, object] = {
    "project": "/project",
    "spec": "/my shop/$hop: {a}.yaml",
    "shop": "embedded-shop",
    "timezone": "UTC",
    "cron": "15 2 * * *",
    "scheduled": False,
    "training_pool": "gpu",
}
FILLED = [
    ("$scheduled", False),
    ("$shop-x", "embedded-shop-x"),
    ("x:$shop", "x:embedded-shop"),
    ({"a": ["$spec", 1, None, True]}, {"a": [WORDS["spec"], 1, None, True]}),
    ("no words", "no words"),
    ("", ""),
]


@pytest.mark.parametrize(("node", "wanted"), FILLED)
def test_words_are_filled_in(node, wanted):
    assert deploying.filled(node, WORDS) == wanted


def test_an_unknown_word_is_a_fault():
    with pytest.raises(KeyError, match="nobody"):
        deploying.filled({"a": "x $nobody"}, WORDS)


@pytest.fixture(scope="module")
def deployments(small_shop) -> list[dict[str, Any]]:
    shop = read_spec(small_shop / "shop.yaml")
    return [deploying.filled(entry, words) for entry, words in deploying.entries("prefect", shop, WORDS)]


def test_prefect_understands_every_deployment(deployments):
    from prefect.cli.deploy._models import DeploymentConfig

    for wanted in deployments:
        understood = DeploymentConfig.model_validate(wanted)
        assert understood.work_pool
        assert understood.work_pool.name in {"cpu", "gpu"}


def test_every_use_case_has_its_training_and_one_run_at_a_time(deployments):
    flows = [wanted["entrypoint"].split(":")[1] for wanted in deployments]
    assert flows == ["prepare", "shop", "train", "balance", "alert"]
    limits = {wanted.get("concurrency_limit", {}).get("limit") for wanted in deployments[:4]}
    assert limits == {1}


def test_no_parameter_is_more_than_a_path_or_a_name(deployments):
    for wanted in deployments:
        assert set(wanted.get("parameters", {})) <= {"spec", "use_case"}
        assert "env" not in str(wanted["work_pool"])


def test_entrypoints_are_flows_that_prefect_loads_as_files(deployments):
    from prefect.flows import load_flow_from_entrypoint

    for wanted in deployments:
        path, _, name = wanted["entrypoint"].partition(":")
        flow = load_flow_from_entrypoint(f"{deploying.PROJECT}/{path}:{name}")
        assert flow.name == name
        assert not flow.persist_result
        assert set(wanted.get("parameters", {})) <= {parameter for parameter in flow.parameters.properties}


def test_prefect_understands_every_automation(small_shop):
    from prefect.events.schemas.automations import AutomationCore

    ids = dict.fromkeys(("alert", "prepare", "train"), "00000000-0000-0000-0000-000000000000")
    shop = read_spec(small_shop / "shop.yaml")
    names = [
        AutomationCore.model_validate(deploying.filled(entry, {**words, **ids})).name
        for entry, words in deploying.entries("automations", shop, WORDS)
    ]
    assert names[-1] == "privet: a release of embedded-shop trains fraud"
    assert len(names) == 3


def test_pools_are_two_and_the_accelerator_takes_one_run():
    folder = deploying.PROJECT / "infra" / "work_pools"
    pools = {path.stem: yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")}
    assert {name: pool["name"] for name, pool in pools.items()} == {"cpu": "cpu", "gpu": "gpu"}
    assert pools["gpu"]["concurrency_limit"] == 1


@pytest.mark.parametrize("cron", ["", "daily", "61 * * * *", "* * * *", "15 2 * * * * * *"])
def test_what_is_no_cron_is_refused(small_shop, cron):
    shop = read_spec(small_shop / "shop.yaml")
    with pytest.raises(deploying.BadSchedule, match="is no cron schedule; give five fields such as"):
        deploying._schedule(None, shop, cron)
