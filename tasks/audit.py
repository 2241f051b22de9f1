"""Audit: the evidence of a trained model, from its run log, its test customers and an attack on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infra.manifests import open_manifest
from infra.report.pictures import attack, training_curve
from infra.sealed import recall
from models.values.balance import Compliance
from models.values.errors import PrivetError
from models.values.evidence import Evidence, Utility
from models.values.spec import ShopSpec
from models.values.stage import Fitted, SpecRef
from models.values.target import PrivacyTarget
from tasks import resolve
from tasks.artifacts import publish_markdown
from tasks.attacking import SEED, Attacked, Ran, attacked, twin_of
from tasks.auditing import standing_audits, standing_exposures
from tasks.budget import account
from tasks.placing import placed
from tasks.ruling import compliance_of
from tasks.stage import stage
from tasks.training import LOG, LOSSES, PLAN, Restored, case_of, choices_of, restored, tables_of

if TYPE_CHECKING:
    from models.privacy.examples import CustomerExamples


class NoBaseline(PrivetError, ValueError):
    """A case without anything that its model could be better than."""


@stage(timeout_seconds=3 * 3600, tags={"privet", "train"})
def assess(pinned: SpecRef, use_case: str, fitted: Fitted) -> Evidence:
    """Account for what ran, measure utility on test customers, attack the model, and close the reservation."""
    shop = resolve.spec(pinned)
    with resolve.bench(f"assess {use_case}", 5) as bench:
        held = tables_of(bench, shop, use_case, fitted.released)
        made = restored(bench, shop, use_case, fitted)
        case, _, facts = made
        rows = bench.engine.materialise(case.features(*held), f"features_{use_case}")
        ran = _ran(bench, shop, fitted)
        bench.advance(1, "privacy accounted")
        train, test, holdout = (case.examples(rows, part, facts) for part in ("train", "test", "holdout"))
        utility = _utility(ran.plan.target, made, train, test)
        bench.site.ledger.commit(fitted.reservation)
        bench.advance(2, "utility measured")
        found = attacked(
            made,
            train,
            holdout,
            ran,
            rows,
            run=fitted.output.version,
            standing=standing_audits(bench.site, shop, use_case, ran.plan),
            exposures=standing_exposures(bench.site, shop, use_case, ran.plan),
            seconds=shop.use_cases[use_case].balance.attack_seconds,
        )
        bench.advance(4, "model attacked")
        rules = compliance_of(
            bench.site,
            shop,
            use_case,
            fitted.released,
            epsilon=ran.claim.epsilon,
            log_matches_plan=ran.matches,
        )
        evidence = _evidence(bench, shop, use_case, fitted, ran, utility, found, rules)
        evidence = placed(bench, shop, evidence, choices_of(made, ran.plan.target), fitted.seconds)
        bench.advance(5, "compared with rules and front")
        publish_markdown(f"training-{use_case}", training_curve(evidence), f"training of {evidence.run}")
        publish_markdown(f"audit-{use_case}", attack(evidence), f"attack on {evidence.run}")
        return evidence


def _ran(bench: resolve.Bench, shop: ShopSpec, fitted: Fitted) -> Ran:
    from models.privacy.accounting import claim
    from models.privacy.plan import PrivacyPlan
    from models.privacy.runlog import RunLog, differences

    plan = PrivacyPlan.model_validate_json(recall(bench.site, resolve.TRAINER, fitted.output, PLAN))
    log = RunLog.model_validate_json(recall(bench.site, resolve.TRAINER, fitted.output, LOG))
    return Ran(
        plan, log, claim(plan, log, group_size=shop.customers.group_copies), not differences(plan, log)
    )


def _utility(
    target: PrivacyTarget, made: Restored, train: CustomerExamples, test: CustomerExamples
) -> Utility:
    """How good a model is, and its twin. A baseline that must be measured costs half of the evaluation's budget."""
    case, model, facts = made
    first, *others = case.metrics
    said = case.outputs(model, test, facts)
    simple = None if case.baseline is None else case.baseline(test, facts)
    parts = 1 if simple is None else 2
    spend = {"epsilon": target.epsilon / parts, "delta": target.delta / parts}
    baseline = first.chance if simple is None else first.released(simple, test, **spend)
    if baseline is None:
        raise NoBaseline(
            f"case {case.name!r} has no baseline and its metric {first.name!r} no chance; give one"
        )
    return Utility(
        metric=first.name,
        released=first.released(said, test, **spend),
        exact=first.exact(said, test, seed=SEED),
        twin=first.exact(case.outputs(twin_of(made, train, seed=SEED), test, facts), test, seed=SEED),
        baseline=baseline,
        others=tuple(metric.exact(said, test, seed=SEED) for metric in others),
    )


def _evidence(
    bench: resolve.Bench,
    shop: ShopSpec,
    use_case: str,
    fitted: Fitted,
    ran: Ran,
    utility: Utility,
    found: Attacked,
    rules: Compliance,
) -> Evidence:
    released, target = open_manifest(bench.site.store, fitted.released), ran.plan.target
    losses = json.loads(recall(bench.site, resolve.TRAINER, fitted.output, LOSSES))
    assert released.gate is not None
    spent = bench.site.ledger.spent(account(shop))
    return Evidence(
        shop=shop.shop,
        synthetic=shop.synthetic,
        use_case=use_case,
        run=fitted.output.version,
        created_at=bench.now,
        released=fitted.released,
        policy_hash=released.policy_hash,
        target=target,
        claim=ran.claim,
        run_log_matches_plan=ran.matches,
        evaluation_epsilon=target.epsilon,
        utility=utility,
        audit=found.audit,
        risk=found.risk,
        compliance=rules,
        gate=released.gate,
        bases=tuple(basis for basis in released.bases if basis.purpose == shop.use_cases[use_case].purpose),
        budget_spent=spent.epsilon,
        budget_left=max(0.0, shop.budget.epsilon - spent.epsilon),
        budget_committed=bench.site.ledger.is_committed(fitted.reservation),
        feature_names=case_of(shop, use_case).inputs,
        training_curve=tuple(losses),
        roc=found.roc,
    )
