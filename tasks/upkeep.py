"""Upkeep: a shop put into operation, with servers, workers, deployments and a schedule."""

from __future__ import annotations

from pathlib import Path

from infra.settings import Settings
from infra.site import open_site
from infra.spec import read_spec
from tasks import house, servers, workers
from tasks.budget import account
from tasks.deploying import DEFAULT_CRON, Deployed, deploy
from tasks.progress import say
from tasks.stage import scrubbed


@scrubbed
def up(settings: Settings, spec: str, api: str, *, cron: str | None, gpu: bool) -> int:
    """Start MLflow and the workers beside the Prefect server at `api`, register the shop, print where to look."""
    mlflow = servers.start(settings)
    deployed = deploy(spec, api, cron=cron, gpu=gpu)
    say("MLflow server and workers: starting them")
    if not settings.prefect_api_url:  # a foreign server may have workers on other machines
        workers.mend(settings, api)
    pools = [pool for pool in workers.POOLS if pool == "cpu" or gpu or workers.died(settings, pool)]
    started = [workers.start(settings, api, pool) for pool in pools]
    servers.wait(mlflow, settings)
    for worker in started:
        workers.wait(worker, settings)
    _tell(settings, spec, deployed)
    return house.ui(settings, open_them=False)


@scrubbed
def register(settings: Settings, spec: str, api: str, *, cron: str | None, gpu: bool) -> int:
    """Register a shop's pools, deployments, schedule and automations with the server at `api`."""
    _tell(settings, spec, deploy(spec, api, cron=cron, gpu=gpu))
    if not workers.is_online(api, "cpu"):
        print("workers  none takes runs yet; `privet up` starts one")
    return 0


def _tell(settings: Settings, spec: str, deployed: Deployed) -> None:
    shop = read_spec(Path(spec))
    spent = open_site(settings).ledger.spent(account(shop)).epsilon
    each = sum(shop.target(use_case).epsilon for use_case in shop.use_cases)
    print(f"deployed {', '.join(deployed.names)}")
    if deployed.cron:
        print(f"schedule {shop.shop} is prepared at cron {deployed.cron!r}, {deployed.timezone}")
    else:
        print(f"schedule off; --cron {DEFAULT_CRON!r} sets it")
    if each:
        left = max(0.0, shop.budget.epsilon - spent)
        print(f"budget   epsilon {left:g} left; every scheduled release spends {each:g} on its trainings")
