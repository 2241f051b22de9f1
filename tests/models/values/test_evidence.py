"""The evidence's objections: each alone keeps a model from being champion."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from models.values.balance import Compliance, RuleResult
from models.values.dataset import DatasetRef, GateCheck, GateResult
from models.values.evidence import AuditResult, Evidence, PrivacyClaim, Utility
from models.values.risk import EpsilonAudit, Risk
from models.values.scope import Measure
from models.values.target import PrivacyTarget


def _measure(value, spread=0.0):
    return Measure(
        name="auc", value=value, low=value - spread, high=value + spread, scope="dp_released", how="test"
    )


def _audited(**changes):
    fields = {
        "kind": "one run",
        "audited": "a1",
        "claimed": 3.0,
        "epsilon_low": 0.3,
        "confidence": 0.99,
        "audits": 1,
        "canaries": 5000,
        "guesses": 100,
        "correct": 60,
        "power": "epsilon 9 would have been shown",
        "seconds": 2.0,
    }
    return Risk(upper_bits=0.3, audits=(EpsilonAudit(**{**fields, **changes}),))


def _ruled(*, severity="hard", holds=True):
    rule = RuleResult(
        rule="gdpr.lawful_basis",
        regime="gdpr",
        section="art. 6",
        severity=severity,
        holds=holds,
        because="test",
    )
    return Compliance(packs=("gdpr 1",), results=(rule,), unmet=0.0 if holds else 1.0)


def _evidence(*, epsilon=2.9, audited=0.4, released=(0.7, 0.02), baseline=0.5, gate=True, **changes):
    claim = PrivacyClaim(
        epsilon=epsilon,
        epsilon_rdp=3.1,
        epsilon_unamplified=28,
        delta=1e-6,
        unit="customer",
        neighbouring="add_or_remove_one",
        sampler="Poisson",
        noise_source="test",
        steps=10,
        sampling_rate=0.1,
        noise_multiplier=1,
        clipping_norm=1,
    )
    audit = AuditResult(
        attack="membership",
        run="r1",
        members=9,
        non_members=9,
        auc=_measure(0.5),
        tpr_at_1_percent_fpr=_measure(0.01),
        epsilon_low=audited,
        confidence=0.95,
        power="none",
    )
    fields = {
        "shop": "s",
        "synthetic": None,
        "use_case": "fraud",
        "run": "r1",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
        "released": DatasetRef(zone="released", name="s", version="v1"),
        "policy_hash": "0" * 64,
        "target": PrivacyTarget(epsilon=3, delta=1e-6, n_public=1000),
        "claim": claim,
        "run_log_matches_plan": True,
        "evaluation_epsilon": 3,
        "utility": Utility(
            metric="AUC",
            released=_measure(*released),
            exact=_measure(0.7),
            twin=_measure(0.7),
            baseline=_measure(baseline),
        ),
        "audit": audit,
        "risk": _audited(),
        "compliance": _ruled(),
        "gate": GateResult(checks=(GateCheck(table="t", rule="r", passed=gate),)),
        "bases": (),
        "budget_spent": 3,
        "budget_left": 3,
        "budget_committed": True,
        "feature_names": ("a",),
    }
    return Evidence(**{**fields, **changes})


OBJECTIONS = [
    ({"gate": False}, "the gate did not pass"),
    ({"run_log_matches_plan": False}, "the run log differs from the plan"),
    ({"epsilon": 3.001}, "the claimed epsilon is above the target"),
    ({"audited": 2.95}, "the audit proves more leakage than claimed"),
    ({"released": (0.7, 0.2)}, "the utility is not clearly above the baseline"),
    ({"released": (0.5, 0.0)}, "the utility is not clearly above the baseline"),
    ({"budget_committed": False}, "the budget was not committed"),
    ({"risk": Risk(upper_bits=0.3)}, "no run of the mechanism was audited"),
    (
        {"risk": _audited(epsilon_low=3.1)},
        "the audit of run a1 shows more than the claimed epsilon",
    ),
    (
        {"risk": _audited(claimed=20.0, epsilon_low=2.95)},
        "the audit of run a1 shows more than the claimed epsilon",
    ),
    (
        {"risk": _audited(contradictions=("the noise was less than planned",))},
        "the audit of run a1 contradicts the plan: the noise was less than planned",
    ),
    ({"compliance": _ruled(holds=False)}, "a hard rule of law is not met: gdpr.lawful_basis"),
    ({"unkept": ("upper_bits at most 1",)}, "a constraint of the spec is not kept: upper_bits at most 1"),
    ({"epsilon": float("nan")}, "the claimed epsilon is above the target"),
]


def test_nothing_speaks_against_a_good_model():
    assert _evidence().objections() == ()
    assert _evidence(epsilon=3.0, audited=3.0).objections() == ()
    assert _evidence(compliance=_ruled(severity="medium", holds=False)).objections() == ()


@pytest.mark.parametrize(("change", "objection"), OBJECTIONS)
def test_each_flaw_is_an_objection(change, objection):
    assert objection in _evidence(**change).objections()


def test_several_flaws_are_all_named():
    flaws = {"gate": False, "budget_committed": False, "audited": 9.0}
    assert len(_evidence(**flaws).objections()) == len(flaws)


REASON = "published at this delta"


def test_there_is_no_evidence_of_an_exception():
    """What is registered needs evidence, so such a run is never registered, by its target or by its claim."""
    excepted = PrivacyTarget(epsilon=3, delta=2e-4, n_public=1000, delta_exception=REASON)
    claim = _evidence().claim.model_copy(update={"delta_exception": REASON})
    for change in ({"target": excepted}, {"claim": claim}):
        with pytest.raises(ValidationError, match="train again under a target that keeps the rule"):
            _evidence(**change)
