"""The view: what one reader may see of an evidence, as plain data.

The page, its JSON, the model card and the registry are made from a view and never from the evidence,
so a number that the view withholds cannot reach them (docs/privacy.md, rule 3).
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from infra.report.promise import best_accuracy, likelihood_ratio, posterior
from models.values.balance import Compliance
from models.values.evidence import AuditResult, Evidence, PrivacyClaim
from models.values.risk import EpsilonAudit, Exposure, Leakage, Membership, Risk
from models.values.scope import Measure, Scope

Plain = dict[str, Any]
WITHHELD = "internal: kept encrypted, see privet dossier"
_PRIORS = (0.01, 0.10, 0.50)


def shareable(measure: Measure, evidence: Evidence) -> bool:
    """True if `measure` may leave the internal scope: by its scope, or because the data is public."""
    return evidence.synthetic is not None or measure.scope != "internal"


def view(evidence: Evidence, *, internal: bool) -> Plain:
    """What may be shown of `evidence`: to its owner (`internal`) or to everybody.

    Every number is `{"scope", "value", ...}`; one that this reader may not see is `{"scope", "withheld"}`.
    Evidence on public data (`evidence.synthetic`) is shown in full to everybody.
    """
    opened = internal or evidence.synthetic is not None
    objections = evidence.objections()
    return {
        "format": "privet dossier 1",
        "reader": "internal" if internal else "shared",
        "synthetic": evidence.synthetic,
        "shop": evidence.shop,
        "use_case": evidence.use_case,
        "run": evidence.run,
        "created_at": evidence.created_at.isoformat(timespec="seconds"),
        "verdict": {"usable": not objections, "objections": list(objections)},
        "promise": _promise(evidence),
        "utility": _utility(evidence, opened),
        "audit": _audit(evidence.audit, opened),
        "risk": _risk(evidence.risk, opened),
        "compliance": _compliance(evidence.compliance),
        "position": _position(evidence, opened),
        "gate": _gate(evidence, opened),
        "bases": [basis.model_dump() for basis in evidence.bases],
        "budget": {
            "spent": _number(evidence.budget_spent),
            "left": _number(evidence.budget_left),
            "committed": evidence.budget_committed,
        },
        "lineage": _lineage(evidence),
        "known_limits": list(evidence.claim.known_limits),
        "training_curve": _series(evidence.training_curve, opened),
        "roc": _series(evidence.roc, opened),
    }


def _number(value: float | None, scope: Scope = "public", **more: str | float) -> Plain:
    finite = value if value is None or isfinite(value) else str(value)
    return {"scope": scope, "value": finite, **more}


def _withheld() -> Plain:
    return {"scope": "internal", "withheld": WITHHELD}


def _measure(measure: Measure, opened: bool, *, always_internal: bool = False) -> Plain:
    """A measure as this reader may see it. Some are internal by their kind, whatever their label says."""
    scope: Scope = "internal" if always_internal else measure.scope
    if scope == "internal" and not opened:
        return _withheld()
    return {**measure.model_dump(exclude={"scope"}), "scope": scope}


def _series(points: tuple[Any, ...], opened: bool) -> Plain:
    return {"scope": "internal", "points": [*points]} if opened else _withheld()


def _promise(evidence: Evidence) -> Plain:
    claim, target = evidence.claim, evidence.target
    return {
        "statement": evidence.statement,
        "unit": claim.unit,
        "neighbouring": claim.neighbouring,
        "epsilon": _number(claim.epsilon, how="accountant on the run's log, privacy loss distribution"),
        "epsilon_rdp": _number(claim.epsilon_rdp, how="the same log, Rényi accountant: a check"),
        "epsilon_unamplified": _number(claim.epsilon_unamplified, how="the same log, without subsampling"),
        "delta": _number(claim.delta),
        "target_epsilon": _number(target.epsilon),
        "target_delta": _number(target.delta),
        "n_public": _number(target.n_public, how="public upper bound of the number of customers"),
        "evaluation_epsilon": _number(evidence.evaluation_epsilon, how="spent on test customers only"),
        "group": _group(claim),
        "posterior": [
            {"prior": prior, "posterior": _number(posterior(prior, claim.epsilon))} for prior in _PRIORS
        ],
        "likelihood_ratio": _number(likelihood_ratio(claim.epsilon)),
        "best_accuracy": _number(best_accuracy(claim.epsilon, claim.delta)),
        "mechanism": {
            "sampler": claim.sampler,
            "noise_source": claim.noise_source,
            "steps": _number(claim.steps),
            "sampling_rate": _number(claim.sampling_rate),
            "noise_multiplier": _number(claim.noise_multiplier),
            "clipping_norm": _number(claim.clipping_norm),
            "statistics": list(claim.statistics),
        },
        "run_log_matches_plan": evidence.run_log_matches_plan,
    }


def _group(claim: PrivacyClaim) -> Plain:
    how = "mixture of Gaussians over how many of the group are drawn (Ganesh 2024)"
    return {"size": claim.group_size, "epsilon": _number(claim.group_epsilon, how=how)}


def _utility(evidence: Evidence, opened: bool) -> Plain:
    utility = evidence.utility
    return {
        "metric": utility.metric,
        "released": _measure(utility.released, opened),
        "baseline": _measure(utility.baseline, opened),
        "exact": _measure(utility.exact, opened, always_internal=True),
        "twin": _measure(utility.twin, opened, always_internal=True),
        "others": [
            {**_measure(other, opened, always_internal=True), "metric": other.name}
            for other in utility.others
        ],
    }


def _audit(audit: AuditResult, opened: bool) -> Plain:
    def count(value: float) -> Plain:
        return _number(value, "internal") if opened else _withheld()

    return {
        "attack": audit.attack,
        "run": audit.run,
        "confidence": _number(audit.confidence),
        "members": count(audit.members),
        "non_members": count(audit.non_members),
        "auc": _measure(audit.auc, opened, always_internal=True),
        "tpr_at_1_percent_fpr": _measure(audit.tpr_at_1_percent_fpr, opened, always_internal=True),
        "epsilon_low": count(audit.epsilon_low),
        "power": {"scope": "internal", "text": audit.power} if opened else _withheld(),
    }


def _risk(risk: Risk, opened: bool) -> Plain:
    how = "the accountant's bound of what the model tells of one customer, Renyi DP at order 1"
    return {
        "upper_bits": _number(risk.upper_bits, how=how),
        "memberships": [_membership(each) for each in risk.memberships] if opened else _withheld(),
        "leakages": [_leakage(each) for each in risk.leakages] if opened else _withheld(),
        "audits": [_epsilon_audit(each, opened or each.scope != "internal") for each in risk.audits],
        "exposures": [_exposure(each, opened) for each in risk.exposures],
        "others": [{**_measure(each, True), "measure": each.name} for each in risk.others]
        if opened
        else _withheld(),
    }


def _membership(found: Membership) -> Plain:
    rates = ("auc", "tpr_at_01_percent", "tpr_at_1_percent")
    return {
        "attack": found.attack,
        "group": found.group,
        "members": found.members,
        "others": found.others,
        "roc": [*found.roc],
        **{name: _measure(getattr(found, name), True, always_internal=True) for name in rates},
    }


def _leakage(found: Leakage) -> Plain:
    sides = ("prior", "left", "bits", "advantage")
    return {
        "attribute": found.attribute,
        "values": found.values,
        "how": found.how,
        "upper": _number(found.upper),
        **{name: _measure(getattr(found, name), True, always_internal=True) for name in sides},
    }


def _epsilon_audit(audit: EpsilonAudit, opened: bool) -> Plain:
    if not opened:
        return {"kind": audit.kind, "audited": audit.audited, "broken": audit.broken, **_withheld()}
    fields = audit.model_dump(exclude={"seconds"})
    return {**fields, "broken": audit.broken, "contradictions": list(audit.contradictions)}


def _exposure(found: Exposure, opened: bool) -> Plain:
    """Of planted sentences; why there are none is public."""
    public = {name: getattr(found, name) for name in ("audited", "language", "missing")}
    if found.bits is None:
        return public
    if not opened:
        return {**public, **_withheld()}
    return {
        **public,
        **{name: getattr(found, name) for name in ("planted", "others", "power")},
        "chance": _number(found.chance),
        "bits": _measure(found.bits, True, always_internal=True),
        "twin": None if found.twin is None else _measure(found.twin, True, always_internal=True),
    }


def _compliance(compliance: Compliance) -> Plain:
    return {
        "packs": list(compliance.packs),
        "unmet": _number(compliance.unmet, how="share of the applicable rules, weighted by severity"),
        "rules": [rule.model_dump() for rule in compliance.results],
    }


def _position(evidence: Evidence, opened: bool) -> Plain | None:
    """Where the model stands against the last front; why it drifted may tell internal numbers."""
    if (position := evidence.position) is None:
        return None
    hidden = {"drifted", "reason"}
    shown = position.model_dump(exclude=hidden)
    return shown | (position.model_dump(include=hidden) if opened else _withheld())


def _gate(evidence: Evidence, opened: bool) -> Plain:
    """All checks. Their details may hold exact counts of customers, so they are internal."""
    checks = [
        {
            "table": check.table,
            "rule": check.rule,
            "passed": check.passed,
            "detail": {"scope": "internal", "text": check.detail} if opened else _withheld(),
        }
        for check in evidence.gate.checks
    ]
    passed = sum(check.passed for check in evidence.gate.checks)
    return {"passed": evidence.gate.passed, "held": passed, "total": len(checks), "checks": checks}


def _lineage(evidence: Evidence) -> Plain:
    return {
        "released": str(evidence.released),
        "policy_hash": evidence.policy_hash,
        "run": evidence.run,
        "feature_names": list(evidence.feature_names),
    }
