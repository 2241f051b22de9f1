"""Deploying: a shop's flows registered with Prefect, their pools, schedule and automations.

infra/prefect.yaml, infra/automations.yaml and infra/work_pools/ say what is registered; registering again updates it.
Everything goes through Prefect's client: its command line asks a foreign host when it makes a pool.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml

from infra.spec import read_spec
from models.values.base import Value
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from tasks.api import ask

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

PROJECT = Path(__file__).resolve().parent.parent
DEFAULT_CRON = "15 2 * * *"
OFF = "off"
Words = Mapping[str, object]


class BadSchedule(PrivetError, ValueError):
    """What was given is no cron schedule."""


class Deployed(Value):
    """What was registered: the deployments, and when the shop is prepared by itself (None: not by itself)."""

    names: tuple[str, ...]
    cron: str | None
    timezone: str


def deploy(spec: str, api: str, *, cron: str | None, gpu: bool) -> Deployed:
    """Register pools, deployments and automations of a shop with the server at `api`, which PREFECT_API_URL names.

    `cron` says when the shop is prepared by itself, in the shop's timezone; `off` stops that, and None leaves it
    as it is: at first, off. With `gpu` the trainings go to the pool `gpu`.

    Raises:
        BadSchedule: `cron` is neither five cron fields nor `off`.
        SpecError: the spec has a fault.
    """
    from prefect.client.orchestration import get_client

    shop = read_spec(Path(spec))
    with get_client(sync_client=True) as client:
        _pools(client)
        when, scheduled = _schedule(client, shop, cron)
        words: dict[str, object] = {
            "project": str(PROJECT),
            "spec": str(Path(spec).resolve()),
            "shop": shop.shop,
            "timezone": shop.timezone,
            "cron": when,
            "scheduled": scheduled,
            "training_pool": "gpu" if gpu else "cpu",
        }
        made = _deployments(client, shop, words)
        _automations(client, shop, words, made)
        # one run at a time for a data set, whichever deployment it comes from
        ask(api, "PATCH", f"work_pools/cpu/queues/{shop.shop}", {"concurrency_limit": 1})
    return Deployed(names=tuple(made), cron=when if scheduled else None, timezone=shop.timezone)


def filled(node: Any, words: Words) -> Any:
    """A piece of YAML with its dollar words filled in; a text that is one word becomes that word's value."""
    if isinstance(node, dict):
        return {filled(key, words): filled(value, words) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(part, words) for part in node]
    if not isinstance(node, str):
        return node
    return words[node[1:]] if node[1:] in words and node[0] == "$" else Template(node).substitute(words)


def entries(name: str, shop: ShopSpec, words: Words) -> Iterator[tuple[dict[str, Any], dict[str, object]]]:
    """The unfilled entries of an infra/*.yaml with their words; what names $use_case comes once for each of them."""
    content = yaml.safe_load((PROJECT / "infra" / f"{name}.yaml").read_text())
    listed = content
    if isinstance(content, dict):
        listed = [{"pull": content["pull"], **deployment} for deployment in content["deployments"]]
    for entry in listed:
        cases: list[dict[str, object]] = [{}]
        if "$use_case" in str(entry):
            cases = [{"use_case": use_case} for use_case in shop.use_cases]
        yield from ((entry, {**words, **case}) for case in cases)


def _pools(client: SyncPrefectClient) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.workers.process import ProcessWorker

    for path in sorted((PROJECT / "infra" / "work_pools").glob("*.yaml")):
        template = ProcessWorker.get_default_base_job_template()
        pool = WorkPoolCreate(**yaml.safe_load(path.read_text()), base_job_template=template)
        client.create_work_pool(pool, overwrite=True)


def _schedule(client: SyncPrefectClient, shop: ShopSpec, cron: str | None) -> tuple[str, bool]:
    """The cron fields and whether they are in force; without `cron`, what was registered before."""
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.exceptions import ObjectNotFound

    if cron is not None and cron != OFF:
        try:
            CronSchedule(cron=cron, timezone=shop.timezone)
        except ValueError:
            raise BadSchedule(
                f"{cron!r} is no cron schedule; give five fields such as {DEFAULT_CRON!r}, or {OFF!r}"
            ) from None
        return cron, True
    try:
        known = client.read_deployment_by_name(f"prepare/{shop.shop}").schedules
    except ObjectNotFound:
        known = []
    for before in known:
        if isinstance(before.schedule, CronSchedule):
            return before.schedule.cron, before.active and cron != OFF
    return DEFAULT_CRON, False


def _deployments(client: SyncPrefectClient, shop: ShopSpec, words: Words) -> dict[str, str]:
    """Register every deployment; returns `flow/name` -> identifier."""
    made = {}
    for entry, own_words in entries("prefect", shop, words):
        wanted = filled(entry, own_words)
        flow, identifier = _register(client, wanted)
        made[f"{flow}/{wanted['name']}"] = identifier
    return made


def _register(client: SyncPrefectClient, wanted: dict[str, Any]) -> tuple[str, str]:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import ConcurrencyOptions
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    flow: Any = load_flow_from_entrypoint(f"{PROJECT}/{wanted['entrypoint']}")
    limit = wanted.get("concurrency_limit", {})
    schedules = [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"]),
            active=schedule["active"],
            slug=schedule["slug"],
        )
        for schedule in wanted.get("schedules", [])
    ]
    identifier = client.create_deployment(
        flow_id=client.create_flow_from_name(flow.name),
        name=wanted["name"],
        description=wanted["description"],
        tags=wanted["tags"],
        entrypoint=wanted["entrypoint"],
        pull_steps=wanted["pull"],
        parameters=wanted.get("parameters", {}),
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        schedules=schedules,
        concurrency_limit=limit.get("limit"),
        concurrency_options=ConcurrencyOptions(collision_strategy=limit["collision_strategy"])
        if limit
        else None,
        work_pool_name=wanted["work_pool"]["name"],
        work_queue_name=wanted["work_pool"]["work_queue_name"],
    )
    return flow.name, str(identifier)


def _automations(client: SyncPrefectClient, shop: ShopSpec, words: Words, made: Mapping[str, str]) -> None:
    """Register every automation, replacing what had its name and differs."""
    from prefect.events.schemas.automations import AutomationCore

    for entry, own_words in entries("automations", shop, words):
        ids = {"alert": made["alert/privet"], "prepare": made[f"prepare/{shop.shop}"]}
        if "use_case" in own_words:
            ids["train"] = made[f"train/{shop.shop}-{own_words['use_case']}"]
        wanted = AutomationCore.model_validate(filled(entry, {**own_words, **ids}))
        known = client.read_automations_by_name(wanted.name)
        if not known:
            client.create_automation(wanted)
        elif AutomationCore.model_validate(known[0].model_dump(exclude={"id"})) != wanted:
            client.update_automation(known[0].id, wanted)  # it forgets which runs it watches
