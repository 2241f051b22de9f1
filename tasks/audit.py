"""Audit: the evidence of a trained model, from its run log, its test customers and an attack on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.manifests import open_manifest
from infra.report.pictures import attack, training_curve
from infra.sealed import recall
from models.values.errors import PrivetError
from models.values.evidence import AuditResult, Evidence, PrivacyClaim, Utility
from models.values.spec import ShopSpec
from models.values.stage import Fitted, SpecRef
from models.values.target import PrivacyTarget
from tasks import resolve
from tasks.artifacts import publish_markdown
from tasks.budget import account
from tasks.stage import stage
from tasks.training import LOG, LOSSES, PLAN, case_of, restored, tables_of

if TYPE_CHECKING:
    from models.cases.case import Facts, UseCase
    from models.privacy.examples import CustomerExamples

SEED = 20_260_101  # of resampling and of the twin, never of sampling or noise


class NoBaseline(PrivetError, ValueError):
    """A case without anything that its model could be better than."""


@stage(timeout_seconds=3 * 3600, tags={"privet", "train"})
def assess(pinned: SpecRef, use_case: str, fitted: Fitted) -> Evidence:
    """Account for what ran, measure utility on test customers, attack the model, and close the reservation."""
    shop = resolve.spec(pinned)
    case = case_of(shop, use_case)
    with resolve.bench(f"assess {use_case}", 4) as bench:
        held = tables_of(bench, shop, use_case, fitted.released)
        rows = bench.engine.materialise(case.features(*held), f"features_{use_case}")
        model, facts = restored(bench, case, fitted)
        claim, matches = _claim(bench, shop, fitted)
        bench.advance(1, "privacy accounted")
        train, test, holdout = (case.examples(rows, part, facts) for part in ("train", "test", "holdout"))
        utility = _utility(shop.target(use_case), case, model, facts, train, test)
        bench.site.ledger.commit(fitted.reservation)
        bench.advance(2, "utility measured")
        audit, roc = _attack(case, model, train, holdout, fitted, claim.delta)
        bench.advance(4, "model attacked")
        evidence = _evidence(bench, shop, use_case, fitted, claim, matches, utility, audit, roc)
        publish_markdown(f"training-{use_case}", training_curve(evidence), f"training of {evidence.run}")
        publish_markdown(f"audit-{use_case}", attack(evidence), f"attack on {evidence.run}")
        return evidence


def _claim(bench: resolve.Bench, shop: ShopSpec, fitted: Fitted) -> tuple[PrivacyClaim, bool]:
    from models.privacy.accounting import claim
    from models.privacy.plan import PrivacyPlan
    from models.privacy.runlog import RunLog, differences

    plan = PrivacyPlan.model_validate_json(recall(bench.site, resolve.TRAINER, fitted.output, PLAN))
    log = RunLog.model_validate_json(recall(bench.site, resolve.TRAINER, fitted.output, LOG))
    return claim(plan, log, group_size=shop.customers.group_copies), not differences(plan, log)


def _utility(
    target: PrivacyTarget,
    case: UseCase,
    model: Any,
    facts: Facts,
    train: CustomerExamples,
    test: CustomerExamples,
) -> Utility:
    """How good a model is, and its twin. A baseline that must be measured costs half of the evaluation's budget."""
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
        twin=first.exact(case.outputs(_twin(case, facts, train), test, facts), test, seed=SEED),
        baseline=baseline,
        others=tuple(metric.exact(said, test, seed=SEED) for metric in others),
    )


def _twin(case: UseCase, facts: Facts, train: CustomerExamples) -> Any:
    """The same training without clipping and noise; it is kept nowhere."""
    from models.privacy.twin import fit_twin

    twin = case.build_model(facts)
    fit_twin(
        twin,
        train,
        loss=case.loss,
        optimizer=case.optimizer(),
        steps=case.recipe.steps,
        batch=max(1, round(case.recipe.sampling_rate * train.customers)),
        seed=SEED,
        tables=case.embedding_tables(twin),
    )
    return twin


def _attack(
    case: UseCase,
    model: Any,
    train: CustomerExamples,
    holdout: CustomerExamples,
    fitted: Fitted,
    delta: float,
) -> tuple[AuditResult, tuple[tuple[float, float], ...]]:
    from models.attacks.membership import customer_losses, equal_sample, membership_attack, roc

    members, others = equal_sample(train, holdout, seed=SEED)
    losses = [customer_losses(model, customers, loss=case.loss) for customers in (members, others)]
    result = membership_attack(losses[0], losses[1], run=fitted.output.version, delta=delta, seed=SEED)
    return result, roc(losses[0], losses[1])


def _evidence(
    bench: resolve.Bench,
    shop: ShopSpec,
    use_case: str,
    fitted: Fitted,
    claim: PrivacyClaim,
    matches: bool,
    utility: Utility,
    audit: AuditResult,
    roc: tuple[tuple[float, float], ...],
) -> Evidence:
    released, target = open_manifest(bench.site.store, fitted.released), shop.target(use_case)
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
        claim=claim,
        run_log_matches_plan=matches,
        evaluation_epsilon=target.epsilon,
        utility=utility,
        audit=audit,
        gate=released.gate,
        bases=tuple(basis for basis in released.bases if basis.purpose == shop.use_cases[use_case].purpose),
        budget_spent=spent.epsilon,
        budget_left=max(0.0, shop.budget.epsilon - spent.epsilon),
        budget_committed=bench.site.ledger.is_committed(fitted.reservation),
        feature_names=case_of(shop, use_case).inputs,
        training_curve=tuple(losses),
        roc=roc,
    )
