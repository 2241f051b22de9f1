"""Release of a model: registered with its evidence, champion only if nothing speaks against it."""

from __future__ import annotations

import time
from collections.abc import Callable

from infra.quiet import hushed
from infra.registry import ModelRef, Registry, broken_claims
from infra.report.card import card
from infra.report.dossier import as_json, render
from infra.sealed import recall
from infra.served import Service
from models.cases.facts import packed
from models.values.evidence import Evidence
from models.values.risk import EpsilonAudit
from models.values.stage import Fitted, RegisteredModel, SpecRef, Trained
from tasks import resolve
from tasks.artifacts import publish_markdown
from tasks.auditing import standing_audits
from tasks.fencing import still_wanted
from tasks.gating import write_new_page
from tasks.sealing import keep_internal, named
from tasks.stage import stage
from tasks.training import PLAN, restored

EVIDENCE = "evidence.json"


@stage(timeout_seconds=1200, tags={"privet", "train"})
def publish(pinned: SpecRef, use_case: str, fitted: Fitted, evidence: Evidence) -> Trained:
    """Register the model as candidate, make it champion if its evidence allows, and write its dossier."""
    with hushed():
        from models.privacy.plan import PrivacyPlan

    shop, started = resolve.spec(pinned), time.monotonic()
    with resolve.bench(f"register {use_case}", 3) as bench:
        settings = bench.site.settings
        registry = Registry(settings.mlflow_uri, settings.mlflow_artifacts)
        plan = recall(bench.site, resolve.TRAINER, fitted.output, PLAN).decode()
        case, model, facts = restored(bench, shop, use_case, fitted)
        bench.advance(1, "saving the model")
        still_wanted()
        version = registry.register(
            f"{shop.shop}-{use_case}",
            model,
            evidence,
            plan,
            service=Service(case=case.name, facts=packed(facts)),
        )
        kept = {EVIDENCE: evidence.model_dump_json().encode()}
        keep_internal(bench, shop, named(bench, shop, use_case), kept, fitted.released)
        bench.advance(2, "writing the dossier")
        dossier = f"{settings.reports_dir}/dossier-{use_case}-{evidence.run}.html"
        write_new_page(dossier, render(evidence, internal=False, languages=shop.languages))
        write_new_page(dossier.replace(".html", ".json"), as_json(evidence, internal=False))
        publish_markdown(f"dossier-{use_case}", card(evidence), f"model {version}")
        still_wanted()
        claimed = PrivacyPlan.model_validate_json(plan)
        objections = _promoted(  # last: no champion without dossier
            registry, version, evidence, lambda: standing_audits(bench.site, shop, use_case, claimed)
        )
        return Trained(
            model=RegisteredModel(name=version.name, version=version.version, champion=not objections),
            evidence=evidence,
            objections=objections,
            dossier=dossier,
            seconds=round(fitted.seconds + time.monotonic() - started, 2),
        )


def _promoted(
    registry: Registry,
    version: ModelRef,
    evidence: Evidence,
    standing: Callable[[], tuple[EpsilonAudit, ...]],
) -> tuple[str, ...]:
    """Make a version champion; what speaks against it if it is none.

    `standing` is asked again afterwards: an audit that broke in between withdrew the champion before.
    """
    objections = registry.promote(version, evidence, standing=standing())
    if not objections and (objections := broken_claims(standing())):
        registry.withdraw(version.name)
    return objections
