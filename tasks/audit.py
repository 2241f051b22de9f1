"""Audit: the evidence of a trained model, from its run log, its test customers and an attack on it."""

from __future__ import annotations

import json
from typing import Any

from infra.manifests import open_manifest
from infra.report.pictures import attack, training_curve
from infra.sealed import recall
from models.values.evidence import AuditResult, Evidence, PrivacyClaim, Utility
from models.values.spec import ShopSpec
from models.values.stage import Fitted, SpecRef
from tasks import resolve
from tasks.artifacts import publish_markdown
from tasks.budget import account
from tasks.stage import stage
from tasks.training import LOG, LOSSES, PLAN, case_of, features_of, restored

SEED = 20_260_101  # of resampling and of the twin, never of sampling or noise


@stage(timeout_seconds=3 * 3600, tags={"privet", "train"})
def assess(pinned: SpecRef, use_case: str, fitted: Fitted) -> Evidence:
    """Account for what ran, measure utility on test customers, attack the model, and close the reservation."""
    shop = resolve.spec(pinned)
    case = case_of(shop, use_case)
    with resolve.bench(f"assess {use_case}", 4) as bench:
        features = features_of(bench, shop, use_case, fitted.released)
        model = restored(bench, case, fitted)
        claim, matches = _claim(bench, shop, fitted)
        bench.advance(1, "privacy accounted")
        test = case.examples(features, "test")
        train = case.examples(features, "train")
        utility = _utility(shop, use_case, case, model, train, test)
        bench.site.ledger.commit(fitted.reservation)
        bench.advance(2, "utility measured")
        audit, roc = _attack(case, model, train, case.examples(features, "holdout"), fitted, claim.delta)
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


def _utility(shop: ShopSpec, use_case: str, case: Any, model: Any, train: Any, test: Any) -> Utility:
    from models.privacy.auc import exact_auc
    from models.privacy.evaluation import released_auc
    from models.privacy.twin import fit_twin, predict

    target, scores = shop.target(use_case), predict(model, test)
    twin = case.build_model()
    batch = max(1, round(case.recipe.sampling_rate * train.customers))
    steps = case.recipe.steps
    fit_twin(twin, train, loss=case.loss, optimizer=case.optimizer(), steps=steps, batch=batch, seed=SEED)
    return Utility(
        metric=case.metric,
        released=released_auc(scores, test, epsilon=target.epsilon, delta=target.delta),
        exact=exact_auc(scores, test, seed=SEED),
        twin=exact_auc(predict(twin, test), test, seed=SEED),
        baseline=case.baseline,
    )


def _attack(
    case: Any, model: Any, train: Any, holdout: Any, fitted: Fitted, delta: float
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
        feature_names=case_of(shop, use_case).feature_names,
        training_curve=tuple(losses),
        roc=roc,
    )
