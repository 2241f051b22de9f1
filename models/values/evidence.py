"""Evidence: what is known of one trained model, every number with its scope."""

from __future__ import annotations

from datetime import datetime

from pydantic import model_validator

from models.values.balance import Compliance, Position
from models.values.base import Value
from models.values.dataset import DatasetRef, GateResult, LawfulBasis
from models.values.risk import Risk
from models.values.scope import Measure
from models.values.target import PrivacyTarget


class PrivacyClaim(Value):
    """The epsilon of a run, computed from its log.

    `epsilon` is the claim (privacy loss distribution), `epsilon_rdp` the check, `epsilon_unamplified` what
    would hold without subsampling. `group_epsilon` protects all `group_size` customers of one household.
    On a stream, where nobody is sampled, a customer took part in at most `participations` steps.
    `delta_exception` is why delta exceeds 1/(10 N), None where it does not. `clipping` is flat, per-layer in
    `clipping_groups` groups, or adaptive to `clipping_quantile`; then `clipping_norm` is the largest. `cap` of
    examples, if chosen from data, aimed at `cap_quantile` and cost `cap_epsilon`, which is within `epsilon`, as are the
    noised `statistics` of the same customers, here by name.
    """

    epsilon: float
    epsilon_rdp: float
    epsilon_unamplified: float
    delta: float
    unit: str
    neighbouring: str
    sampler: str
    noise_source: str
    steps: int
    sampling_rate: float
    noise_multiplier: float
    clipping_norm: float
    group_size: int = 1
    group_epsilon: float | None = None
    known_limits: tuple[str, ...] = ()
    delta_exception: str | None = None
    clipping: str = "flat"
    clipping_groups: int = 1
    clipping_quantile: float | None = None
    participations: int | None = None
    cap: int | None = None
    cap_quantile: float | None = None
    cap_epsilon: float | None = None
    statistics: tuple[str, ...] = ()


class AuditResult(Value):
    """What an attack on the trained model could prove. `epsilon_low` is a lower bound at `confidence`."""

    attack: str
    run: str
    members: int
    non_members: int
    auc: Measure
    tpr_at_1_percent_fpr: Measure
    epsilon_low: float
    confidence: float
    power: str


class Utility(Value):
    """How good the model is on test customers: privately released, exact, its twin and its baseline.

    `others` are further metrics of the model, exact.
    """

    metric: str
    released: Measure
    exact: Measure
    twin: Measure
    baseline: Measure
    others: tuple[Measure, ...] = ()


class Evidence(Value):
    """All that decides whether a model may be used, and all that its dossier shows.

    There is none of a run whose delta is an exception: such a run is for comparison and is never registered. `unkept`
    names the spec's constraints on public numbers that the model does not keep, `position` where it stands against the
    last front, if there is one.
    """

    shop: str
    synthetic: str | None
    use_case: str
    run: str
    created_at: datetime
    released: DatasetRef
    policy_hash: str
    target: PrivacyTarget
    claim: PrivacyClaim
    run_log_matches_plan: bool
    evaluation_epsilon: float
    utility: Utility
    audit: AuditResult
    risk: Risk
    compliance: Compliance
    unkept: tuple[str, ...] = ()
    position: Position | None = None
    gate: GateResult
    bases: tuple[LawfulBasis, ...]
    budget_spent: float
    budget_left: float
    budget_committed: bool
    feature_names: tuple[str, ...]
    training_curve: tuple[float, ...] = ()
    roc: tuple[tuple[float, float], ...] = ()
    statement: str = ""

    @model_validator(mode="after")
    def _delta_is_no_exception(self) -> Evidence:
        if self.target.delta_exception is not None or self.claim.delta_exception is not None:
            raise ValueError(
                "delta exceeds 1/(10 N) by an exception, which is for comparisons only; train again under a target "
                "that keeps the rule"
            )
        return self

    def objections(self) -> tuple[str, ...]:
        """Why this model may not be champion, each in a sentence; empty if nothing speaks against it."""
        rules = {
            "the gate did not pass": self.gate.passed,
            "the run log differs from the plan": self.run_log_matches_plan,
            "the claimed epsilon is above the target": self.claim.epsilon <= self.target.epsilon,
            "the audit proves more leakage than claimed": self.audit.epsilon_low <= self.claim.epsilon,
            "no run of the mechanism was audited": bool(self.risk.audits),
            "the utility is not clearly above the baseline": self.utility.released.low
            > self.utility.baseline.high,
            "the budget was not committed": self.budget_committed,
        }
        found = [reason for reason, holds in rules.items() if not holds]
        for audit in self.risk.audits:
            if audit.epsilon_low > min(audit.claimed, self.claim.epsilon):
                found.append(f"the audit of run {audit.audited} shows more than the claimed epsilon")
            found += [
                f"the audit of run {audit.audited} contradicts the plan: {why}"
                for why in audit.contradictions
            ]
        found += [f"a hard rule of law is not met: {rule.rule}" for rule in self.compliance.broken]
        found += [f"a constraint of the spec is not kept: {bound}" for bound in self.unkept]
        return tuple(found)
