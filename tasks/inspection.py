"""Inspection: what the privacy officer asks of a home. Budget, audit log, dossiers, state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.auditlog import verify
from infra.manifests import open_manifest
from infra.registry import Registry
from infra.report import notice
from infra.report.dossier import render
from infra.sealed import recall
from infra.settings import Settings
from infra.site import open_site
from infra.spec import read_spec
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.evidence import Evidence
from tasks import house, resolve
from tasks.budget import account
from tasks.gating import write_new_page
from tasks.release import EVIDENCE
from tasks.stage import scrubbed


class NoSuchRun(PrivetError, LookupError):
    """No run of this name left evidence in this home."""


@scrubbed
def show_budget(settings: Settings, spec: str | None, *, as_json: bool) -> int:
    """Print what trainings have spent of the shop's budget, entry by entry."""
    shop = read_spec(Path(spec) if spec else settings.home / "shop" / "shop.yaml")
    ledger = open_site(settings).ledger
    spent = ledger.spent(account(shop))
    left = max(0.0, shop.budget.epsilon - spent.epsilon)
    if as_json:
        entries = [entry.model_dump(mode="json") for entry in ledger.entries(account(shop))]
        facts = {"account": account(shop), "epsilon": spent.epsilon, "delta": spent.delta}
        print(json.dumps({**facts, "cap": shop.budget.model_dump(), "left": left, "entries": entries}))
        return 0
    for entry in ledger.entries(account(shop)):
        state = "committed" if entry.committed else "reserved"
        print(f"{entry.reserved_at:%Y-%m-%d %H:%M}  epsilon {entry.epsilon:g}  {state:<9}  {entry.what}")
    print(f"{shop.shop}: epsilon {spent.epsilon:g} of {shop.budget.epsilon:g} spent, {left:g} left")
    return 0


@scrubbed
def verify_log(settings: Settings, *, as_json: bool) -> int:
    """Verify the audit log's chain; 0 if it is whole, else 1 with the first bad place."""
    found = verify(settings.audit_path)
    if as_json:
        print(json.dumps(found._asdict()))
    elif found.ok:
        print(f"audit log: {found.entries} entries, unbroken")
    else:
        print(f"audit log: broken at entry {found.broken_at}: {found.reason}")
    return 0 if found.ok else 1


@scrubbed
def write_dossier(settings: Settings, run: str, output: str) -> int:
    """Write the full dossier of a run, internal numbers included, to a file that only its owner can read."""
    site = open_site(settings)
    for key in site.store.list("internal/"):
        zone, name, version, path = key.split("/", 3)
        if path != EVIDENCE:
            continue
        ref = DatasetRef.parse(f"{zone}/{name}/{version}")
        evidence = Evidence.model_validate_json(recall(site, resolve.OFFICER, ref, EVIDENCE))
        if evidence.run == run:
            write_new_page(output, render(evidence, internal=True))
            print(f"{output}: holds internal numbers; keep it as you keep the data")
            return 0
    raise NoSuchRun(f"no evidence of run {run!r} in {settings.home}; `privet status` lists the runs")


@scrubbed
def write_notice(spec: str, folder: str) -> int:
    """Write what a shop's customers are told, as one page of today in the shop's languages, into a folder."""
    shop, today = read_spec(Path(spec)), datetime.now(UTC).date()
    text = notice.render(shop, day=today)
    path = Path(folder) / f"notice-{shop.shop}-{today:%Y%m%d}-{shop.digest()[:12]}.html"
    if not path.exists() or path.read_text(encoding="utf-8") != text:  # one day and spec make one page
        write_new_page(str(path), text)
    print(f"{path}: for your customers; have it read by whoever answers for it")
    return 0


@scrubbed
def show_status(settings: Settings, *, as_json: bool) -> int:
    """Print what runs, the published data sets and the registered models of this home."""
    found = house.standing(settings)
    datasets = _datasets(settings)
    models = _models(settings)
    if as_json:
        facts = {"home": str(settings.home), "datasets": datasets, "models": models}
        print(json.dumps(facts | found.model_dump(mode="json")))
        return 0
    print(f"home     {settings.home}")
    for line in house.lines(found):
        print(line)
    for line in datasets:
        print(f"data     {line}")
    for model in models:
        print(f"model    {model['name']} version {model['version']} ({model['alias']}), run {model['run']}")
    return 0


def _datasets(settings: Settings) -> list[str]:
    store = open_site(settings).store
    keys = [
        key for key in store.list("") if key.endswith("/manifest.json") and not key.startswith("internal/")
    ]
    return [str(open_manifest(store, DatasetRef.parse(key.rsplit("/", 1)[0])).ref) for key in sorted(keys)]


def _models(settings: Settings) -> list[dict[str, Any]]:
    if not (settings.home / "mlflow" / "mlflow.db").exists():
        return []
    return Registry(settings.mlflow_uri, settings.mlflow_artifacts).listing()
