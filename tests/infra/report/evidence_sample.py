"""A realistic evidence for the tests of the dossier and of the registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models.values.dataset import DatasetRef, GateCheck, GateResult, LawfulBasis
from models.values.evidence import AuditResult, Evidence, PrivacyClaim, Utility
from models.values.scope import Measure, Scope
from models.values.target import PrivacyTarget

LABEL = "Purchases are resampled from a public study of 2,500 households; names and addresses are invented."
# Internal numbers with digits that occur nowhere else, in every rounding that a page could choose.
LONG_TAINT = ("0.71829", "0.73191", "0.53717", "0.01937", "0.41731")
TAINT = (*LONG_TAINT, "0.718", "0.732", "0.537", "0.019", "0.41")
TAINT_MORE = ("7713", "7717", "6.9317", "0.66173", "0.31719", "hidden 17 rows", "power 4242", "how 5353")


def measure(name: str, value: float, scope: Scope, how: str, spread: float = 0.01) -> Measure:
    return Measure(name=name, value=value, low=value - spread, high=value + spread, scope=scope, how=how)


def utility(**changes: Any) -> Utility:
    fields: dict[str, Any] = {
        "metric": "ROC AUC",
        "released": measure("auc", 0.692, "dp_released", "noisy histogram of scores, ε 0.50", 0.021),
        "exact": measure("auc", 0.71829, "internal", "bootstrap by customer, how 5353", 0.00613),
        "twin": measure("auc", 0.73191, "internal", "same model, no clipping, no noise", 0.00619),
        "baseline": measure("auc", 0.5, "public", "guessing", 0.0),
    }
    return Utility(**(fields | changes))


def audit(**changes: Any) -> AuditResult:
    fields: dict[str, Any] = {
        "attack": "membership by customer's loss threshold",
        "run": "train-7f3a",
        "members": 7713,
        "non_members": 7717,
        "auc": measure("auc", 0.53717, "internal", "bootstrap", 0.00611),
        "tpr_at_1_percent_fpr": measure("tpr", 0.01937, "internal", "Clopper-Pearson", 0.00317),
        "epsilon_low": 0.41731,
        "confidence": 0.95,
        "power": "power 4242: would have seen ε above 0.62 in 9 of 10 runs",
    }
    return AuditResult(**(fields | changes))


def claim(**changes: Any) -> PrivacyClaim:
    fields: dict[str, Any] = {
        "epsilon": 2.8731,
        "epsilon_rdp": 3.1402,
        "epsilon_unamplified": 28.44,
        "delta": 2e-6,
        "unit": "customer",
        "neighbouring": "add_or_remove_one",
        "sampler": "Poisson, from the operating system's entropy",
        "noise_source": "AES-256-CTR keystream, keyed by the operating system",
        "steps": 800,
        "sampling_rate": 0.0256,
        "noise_multiplier": 0.97,
        "clipping_norm": 1.0,
        "group_size": 4,
        "group_epsilon": 9.3127,
        "known_limits": ("Noise is drawn in 32-bit floating point; the discrete Gaussian is not used.",),
    }
    return PrivacyClaim(**(fields | changes))


def gate(*, passed: bool = True) -> GateResult:
    checks = (
        ("customers", "every class of quasi-identifiers has at least 10 customers (k)", "smallest class 12"),
        ("customers", "every class has at least 2 values of loyalty_tier (l)", "fewest values 2"),
        ("events", "customer is a pseudonym: 32 hexadecimal digits", "hidden 17 rows checked"),
        ("tickets", "no e-mail, phone, card, IP, URL or identity number in text", "0 rows"),
        ("events", "no column that the policy does not name", ""),
        ("events", "rows agree with the parent data set", ""),
    )
    return GateResult(
        checks=tuple(
            GateCheck(table=table, rule=rule, detail=detail, passed=passed or table != "tickets")
            for table, rule, detail in checks
        )
    )


def evidence(**changes: Any) -> Evidence:
    """Evidence of a private shop; `synthetic=LABEL` makes it public."""
    bases = (
        LawfulBasis(
            purpose="fraud_detection",
            regime="gdpr",
            basis="legitimate_interest",
            reason="preventing fraud at our customers' cost; objections are honoured",
        ),
        LawfulBasis(
            purpose="fraud_detection",
            regime="pipl",
            basis="consent",
            reason="asked at registration, separate from the terms of sale",
        ),
    )
    curve = tuple(0.66173 - 0.0004 * step + 0.02 * ((step * 37) % 11) / 11 for step in range(80))
    roc = tuple((f / 400, min(1.0, (f / 400) ** 0.9317 * 1.0001)) for f in range(1, 401))
    fields: dict[str, Any] = {
        "shop": "Nordlicht",
        "synthetic": None,
        "use_case": "fraud",
        "run": "train-7f3a",
        "created_at": datetime(2026, 11, 21, 20, 55, tzinfo=UTC),
        "released": DatasetRef(zone="released", name="fraud", version="20261121t205500-6a1f3c"),
        "policy_hash": "9f2c4b1d" * 8,
        "target": PrivacyTarget(epsilon=3.0, delta=2e-6, n_public=50_000),
        "claim": claim(),
        "run_log_matches_plan": True,
        "evaluation_epsilon": 0.5,
        "utility": utility(),
        "audit": audit(),
        "gate": gate(),
        "bases": bases,
        "budget_spent": 3.5,
        "budget_left": 6.5,
        "budget_committed": True,
        "feature_names": ("orders_30d", "amount_30d", "amount_max_90d", "new_device", "ship_elsewhere"),
        "training_curve": (*curve, 0.31719),
        "roc": roc,
        "statement": "DP-SGD with Poisson sampling: (2.88, 2e-06)-DP per customer, add or remove one.",
    }
    return Evidence(**(fields | changes))


def other_world() -> dict[str, Any]:
    """Changes every internal number and text, and nothing else."""
    exact, twin = (measure("auc", value, "internal", "another way") for value in (0.61, 0.62))
    first = gate().checks[0].model_copy(update={"detail": "smallest class 99"})
    return {
        "utility": utility(exact=exact, twin=twin),
        "audit": audit(
            members=11,
            non_members=12,
            auc=measure("auc", 0.51, "internal", "x"),
            tpr_at_1_percent_fpr=measure("tpr", 0.02, "internal", "x"),
            epsilon_low=1.1,
            power="none",
        ),
        "gate": GateResult(checks=(first, *gate().checks[1:])),
        "training_curve": (0.9, 0.8),
        "roc": ((0.1, 0.2), (1.0, 1.0)),
    }
