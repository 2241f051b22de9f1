"""Attacking: what attacks and audits find on one trained model."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from models.values.evidence import AuditResult, PrivacyClaim
from models.values.risk import OWN_PARTS, Curve, EpsilonAudit, Exposure, Risk
from models.values.scope import Measure

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.privacy.examples import CustomerExamples
    from models.privacy.plan import PrivacyPlan
    from models.privacy.runlog import RunLog
    from tasks.training import Restored

SEED = 20_260_101  # of attacks, bootstraps and twins, never of sampling or noise


class Ran(NamedTuple):
    """What a training did: its plan, its log, what follows from them, and whether they agree."""

    plan: PrivacyPlan
    log: RunLog
    claim: PrivacyClaim
    matches: bool


class Attacked(NamedTuple):
    """The loss threshold's result, which decides; its curve; and all that was found."""

    audit: AuditResult
    roc: Curve
    risk: Risk


def attacked(
    restored: Restored,
    train: CustomerExamples,
    holdout: CustomerExamples,
    ran: Ran,
    rows: ir.Table,
    *,
    run: str,
    standing: tuple[EpsilonAudit, ...],
    exposures: tuple[Exposure, ...] = (),
    seconds: float,
) -> Attacked:
    """Attack a model with its training customers and as many others, and audit the mechanism that trained it.

    `run` names what `ran`. `standing` are charged audits of the use case: with all of those the model's own two audits
    hold together, but not with the audits of other models. `exposures` are of sentences planted in such an audit.
    Reference models are trained for at most `seconds`.
    """
    from models.attacks.leakage import leakages
    from models.attacks.membership import customer_losses, equal_sample, left_over, membership_attack, roc
    from models.attacks.one_run import audit_one_run
    from models.attacks.references import also_on, attack_members, slices_of
    from models.privacy.bits import upper_bits_of
    from models.privacy.step_audit import audit_epsilon

    case, model, facts = restored
    members, others = equal_sample(train, holdout, seed=SEED)
    losses = [customer_losses(model, customers, loss=case.loss) for customers in (members, others)]
    delta = ran.plan.target.delta
    upper = upper_bits_of(ran.log)

    def fit(customers: CustomerExamples, number: int) -> object:
        return twin_of(restored, customers, seed=SEED + number)

    memberships = attack_members(
        model,
        members,
        others,
        loss=case.loss,
        fit=also_on(left_over(train, holdout, seed=SEED), fit),
        seconds=seconds,
        slices=slices_of(members, others),
        seed=SEED,
    )
    claimed = ran.claim.epsilon
    audits = (
        *standing,
        audit_one_run(ran.plan, audited=run, claimed=claimed, audits=OWN_PARTS),
        audit_epsilon(ran.plan, audited=run, claimed=claimed, audits=OWN_PARTS),
    )
    return Attacked(
        audit=membership_attack(losses[0], losses[1], run=run, delta=delta, seed=SEED),
        roc=roc(losses[0], losses[1]),
        risk=Risk(
            upper_bits=upper,
            memberships=memberships,
            leakages=leakages(
                case, model, members, others, facts=facts, upper=upper, seed=SEED, memberships=memberships
            ),
            audits=audits,
            exposures=exposures,
            others=_read_off(restored, rows),
        ),
    )


def _read_off(restored: Restored, rows: ir.Table) -> tuple[Measure, ...]:
    """What can be read off the vectors that a model makes; nothing where too few customers are there to tell."""
    from models.attacks.reconstruction import LEAST, reconstructions

    parts = rows.group_by("part").aggregate(people=rows.customer_id.nunique()).to_pyarrow().to_pylist()
    if len(parts) < 3 or min(int(part["people"]) for part in parts) < 2 * LEAST:
        return ()
    return reconstructions(restored.case, rows, restored.model, restored.facts, seed=SEED)


def twin_of(restored: Restored, train: CustomerExamples, *, seed: int) -> object:
    """The same training without clipping and noise; it is kept nowhere."""
    from models.privacy.twin import fit_twin

    case, _, facts = restored
    twin = case.build_model(facts)
    fit_twin(
        twin,
        train,
        loss=case.loss,
        optimizer=case.optimizer(),
        steps=case.recipe.steps,
        batch=max(1, round(case.recipe.sampling_rate * train.customers)),
        seed=seed,
        tables=case.embedding_tables(twin),
    )
    return twin
