"""The house: all servers and workers of a home, looked at and taken down together.

Nothing here imports Prefect, which takes seconds: a house can be taken down whatever became of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from infra.settings import Settings
from models.values.base import Value
from tasks import operate, servers, workers
from tasks.api import ask

LOOK_BACK = timedelta(days=7)
_ENDED_BADLY = ["FAILED", "CRASHED"]


class Standing(Value):
    """What runs for a home. Empty lists and None: nothing of it."""

    prefect: str | None = None
    mlflow: str | None = None
    workers: dict[str, str] = Field(default_factory=dict)
    pools: dict[str, int | None] = Field(default_factory=dict)
    scheduled: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def down(settings: Settings, *, as_json: bool) -> int:
    """Stop workers with their runs, then MLflow, then Prefect, and say what was stopped."""
    stopped = list(workers.stop(settings))
    server = operate.running_server(settings)
    if stopped and server is not None and operate.answers(server.api):
        workers.give_up_runs(server.api, at_pick_up=False)
    stopped += ["MLflow server"] if servers.stop(settings) else []
    stopped += ["Prefect server"] if operate.stop_server(settings) else []
    if as_json:
        import json

        print(json.dumps({"stopped": stopped}))
    else:
        print(f"Stopped: {', '.join(stopped)}." if stopped else "No local Prefect server was running.")
    return 0


def ui(settings: Settings, *, open_them: bool) -> int:
    """Print, and on request open, the addresses of the Prefect and MLflow UIs and of the newest pages."""
    places = dict(_places(settings))
    for name, (place, note) in places.items():
        print(f"{name:<8} {place}" + (f"  ({note})" if note else ""))
    if not places:
        print("nothing to look at yet; `privet up` or `privet run` makes it")
    if open_them:
        import webbrowser

        for place, _ in places.values():
            webbrowser.open(place)
    return 0


def standing(settings: Settings) -> Standing:
    """What runs for this home, and what Prefect knows of pools, next runs and recent failures."""
    mlflow, server = servers.running(settings), operate.running_server(settings)
    api = settings.prefect_api_url or (server.api if server else None)
    dead = tuple(_deaths(settings))
    prefect = api and api.removesuffix("/api")
    found = Standing(prefect=prefect, mlflow=mlflow.url if mlflow else None, troubles=dead)
    if api is None or not operate.answers(api):
        return found
    now = datetime.now(UTC)
    pools = {
        str(pool["name"]): pool["concurrency_limit"] for pool in ask(api, "POST", "work_pools/filter", {})
    }
    return found.model_copy(
        update={
            "pools": pools,
            "workers": {pool: state for pool in pools if (state := _worker(settings, api, pool))},
            "scheduled": tuple(_scheduled(api, now)),
            "troubles": (*dead, *_troubles(api, now - LOOK_BACK)),
        }
    )


def lines(found: Standing) -> list[str]:
    """The standing in lines for a terminal."""
    shown = [
        f"Prefect  {found.prefect or 'not running; `privet run` starts it'}",
        f"MLflow   {found.mlflow or 'not running; `privet up` starts it'}",
    ]
    for pool, limit in found.pools.items():
        state = found.workers.get(pool, "no worker")
        shown.append(f"pool     {pool}: {state}, at most {limit} runs at once")
    shown += [f"next     {line}" for line in found.scheduled]
    return shown + [f"TROUBLE  {line}" for line in found.troubles]


def _places(settings: Settings) -> Iterator[tuple[str, tuple[str, str]]]:
    server, mlflow = operate.running_server(settings), servers.running(settings)
    if server:
        yield (
            "Prefect",
            (server.url, f"login: the text in {settings.prefect_home / 'password'} after 'privet:'"),
        )
    if mlflow:
        yield "MLflow", (mlflow.url, f"login: {servers.USER}, password in {servers.password_file(settings)}")
    for name, pattern in (("dossier", "dossier-*.html"), ("gate", "gate-*.html")):
        pages = sorted(settings.reports_dir.glob(pattern), key=lambda page: page.stat().st_mtime)
        if pages:
            yield name, (pages[-1].as_uri(), "")


def _deaths(settings: Settings) -> Iterator[str]:
    """What of this home ended without `privet down`: killed, out of memory, or the machine was started anew."""
    ended = {
        "the Prefect server": operate.died(settings) and not settings.prefect_api_url,
        "the MLflow server": servers.died(settings),
        **{f"the worker of pool '{pool}'": workers.died(settings, pool) for pool in workers.POOLS},
    }
    return (f"{part} has died; `privet up` starts it again" for part, dead in ended.items() if dead)


def _worker(settings: Settings, api: str, pool: str) -> str | None:
    """Whether a worker takes runs from a pool. The server takes a dead one for alive for over a minute."""
    if workers.died(settings, pool):
        return "its worker has died"
    return "online" if workers.is_online(api, pool) else None


def _scheduled(api: str, now: datetime) -> list[str]:
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": ["SCHEDULED"]}},
            "expected_start_time": {"after_": now.isoformat()},
        },
        "sort": "EXPECTED_START_TIME_ASC",
        "limit": 5,
    }
    runs = ask(api, "POST", "flow_runs/filter", wanted)
    names = _flow_names(api, runs)
    return [f"{run['expected_start_time'][:16]}Z  {names[run['flow_id']]}" for run in runs]


def _troubles(api: str, since: datetime) -> list[str]:
    """Runs that failed or crashed, newest first, without those that a run above them already tells of."""
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": _ENDED_BADLY}},
            "end_time": {"after_": since.isoformat()},
            "parent_task_run_id": {"is_null_": True},
        },
        "sort": "END_TIME_DESC",
        "limit": 5,
    }
    runs = ask(api, "POST", "flow_runs/filter", wanted)
    names, page = _flow_names(api, runs), api.removesuffix("/api")
    return [
        f"{run['end_time'][:16]}Z  {names[run['flow_id']]} {run['state']['name'].lower()}: "
        f"{page}/runs/flow-run/{run['id']}"
        for run in runs
    ]


def _flow_names(api: str, runs: list[dict[str, Any]]) -> dict[str, str]:
    wanted = {"flows": {"id": {"any_": sorted({run["flow_id"] for run in runs})}}}
    return {flow["id"]: flow["name"] for flow in ask(api, "POST", "flows/filter", wanted)} if runs else {}
