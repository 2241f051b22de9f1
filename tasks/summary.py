"""The summary of a run: a short table for people, one JSON object for programs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from prefect.context import FlowRunContext

from infra.report.card import summary_rows
from infra.settings import Settings
from infra.spec import read_spec
from models.values.dataset import GateCheck
from models.values.scope import Measure, disclose
from models.values.spec import ShopSpec
from models.values.stage import Prepared, ShopReport, StageReport, Trained
from tasks.stage import scrubbed


@scrubbed
def report(spec: str, prepared: Prepared, trained: list[Trained]) -> ShopReport:
    """What the running flow did, by reference and in counts."""
    shop, context = read_spec(Path(spec)), FlowRunContext.get()
    run, seconds = "", 0.0
    if context is not None and context.flow_run is not None:
        run = str(context.flow_run.id)
        seconds = time.time() - context.start_time.timestamp()
    return ShopReport(
        shop=shop.shop,
        synthetic=shop.synthetic,
        prepared=prepared,
        trained=tuple(trained),
        prefect_run=run,
        seconds=round(seconds, 1),
    )


@scrubbed
def show(done: ShopReport, spec: str, settings: Settings, api: str, *, as_json: bool) -> None:
    """Print the report: a table on a terminal, or one JSON object."""
    shop = read_spec(Path(spec))
    page = f"{api.removesuffix('/api')}/runs/flow-run/{done.prefect_run}"
    if as_json:
        print(json.dumps(as_object(done, shop, page), ensure_ascii=False, indent=2))
    else:
        _print_table(done, shop, settings, page)


def as_object(done: ShopReport, shop: ShopSpec, page: str) -> dict[str, Any]:
    """The report as plain data; counts of private data are disclosed only as the spec's minimum allows."""
    return {
        "shop": done.shop,
        "synthetic": done.synthetic,
        "released": str(done.prepared.released),
        "stages": [_stage(stage, shop) for stage in done.prepared.stages],
        "gate": {
            "passed": done.prepared.gate.passed,
            "page": done.prepared.gate_page,
            "checks": [_check(check, shop) for check in done.prepared.gate.checks],
        },
        "models": [_model(trained) for trained in done.trained],
        "prefect_run": page,
        "seconds": done.seconds,
    }


def _stage(stage: StageReport, shop: ShopSpec) -> dict[str, Any]:
    def shown(count: int) -> str | int:
        return count if shop.public_data else disclose(count, minimum=shop.minimum_count, public=False)

    return {
        "stage": stage.stage,
        "output": None if stage.output is None else str(stage.output),
        "rows_in": {table: shown(rows) for table, rows in stage.rows_in.items()},
        "rows_out": {table: shown(rows) for table, rows in stage.rows_out.items()},
        "rejected": [
            {"table": count.table, "rule": count.rule, "rows": shown(count.rows)} for count in stage.rejected
        ],
        "dropped_columns": list(stage.dropped_columns),
        "seconds": stage.seconds,
    }


def _check(check: GateCheck, shop: ShopSpec) -> dict[str, Any]:
    """A check of the gate; its detail may hold exact counts of customers."""
    return check.model_dump(exclude=None if shop.public_data else {"detail"})


def _model(trained: Trained) -> dict[str, Any]:
    evidence = trained.evidence
    shown = evidence.synthetic is not None
    measures = {
        "released": evidence.utility.released,
        "exact": evidence.utility.exact,
        "twin": evidence.utility.twin,
        "baseline": evidence.utility.baseline,
    }
    return {
        "use_case": evidence.use_case,
        "model": trained.model.name,
        "version": trained.model.version,
        "champion": trained.model.champion,
        "objections": list(trained.objections),
        "privacy": {
            "epsilon": evidence.claim.epsilon,
            "epsilon_target": evidence.target.epsilon,
            "delta": evidence.claim.delta,
            "unit": evidence.claim.unit,
            "neighbouring": evidence.claim.neighbouring,
            "household_epsilon": evidence.claim.group_epsilon,
        },
        "utility": {name: _measure(measure, shown) for name, measure in measures.items()},
        "audit": {
            "attack": evidence.audit.attack,
            "run": evidence.audit.run,
            "power": evidence.audit.power if shown else "internal",
            "epsilon_low": evidence.audit.epsilon_low if shown else "internal",
            "auc": _measure(evidence.audit.auc, shown),
            "holds": evidence.audit.epsilon_low <= evidence.claim.epsilon,
        },
        "risk": {
            "upper_bits": evidence.risk.upper_bits,
            "audits": [
                {"kind": each.kind, "run": each.audited, "holds": not each.broken}
                for each in evidence.risk.audits
            ],
        },
        "compliance": {"unmet": evidence.compliance.unmet, "packs": list(evidence.compliance.packs)},
        "front": None if evidence.position is None else evidence.position.front,
        "budget": {"spent": evidence.budget_spent, "left": evidence.budget_left},
        "run": evidence.run,
        "dossier": trained.dossier,
        "seconds": trained.seconds,
    }


def _measure(measure: Measure, shown: bool) -> dict[str, Any]:
    if measure.scope == "internal" and not shown:
        return {"scope": "internal"}
    return measure.model_dump(include={"name", "value", "low", "high", "scope", "confidence"})


def _print_table(done: ShopReport, shop: ShopSpec, settings: Settings, page: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    title = f"{done.shop}: {done.prepared.released}"
    for trained in done.trained:
        table = Table(title=title, caption=done.synthetic, show_header=False, box=None, pad_edge=False)
        table.add_row("model", f"{trained.model.name} version {trained.model.version}", "")
        for what, value, scope in summary_rows(trained.evidence):
            table.add_row(what, value, scope)
        console.print(table)
        console.print(f"dossier  {trained.dossier}", soft_wrap=True, highlight=False)
    local = settings.prefect_api_url is None
    login = (
        f"         log in with privet:PASSWORD, the password is in {settings.prefect_home / 'password'}",
    ) * local
    for line in (
        f"gate     {done.prepared.gate_page}",
        f"Prefect  {page}",
        *login,
        "MLflow   `privet up` starts its server; `privet ui` says where and how to log in",
        f"{done.seconds:.0f} s; `privet down` stops the local server",
    ):
        console.print(line, soft_wrap=True, highlight=False)
