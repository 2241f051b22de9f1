"""A realistic evidence for the tests of the dossier and of the registry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from models.values.balance import Compliance, Position, RuleResult
from models.values.dataset import DatasetRef, GateCheck, GateResult, LawfulBasis
from models.values.evidence import AuditResult, Evidence, PrivacyClaim, Utility
from models.values.risk import EpsilonAudit, Exposure, Leakage, Membership, Risk
from models.values.scope import Measure, Scope
from models.values.target import PrivacyTarget

LABEL = "Purchases are resampled from a public study of 2,500 households; names and addresses are invented."
# Internal numbers with digits that occur nowhere else, in every rounding that a page could choose.
LONG_TAINT = ("0.71829", "0.73191", "0.53717", "0.01937", "0.41731")
TAINT = (*LONG_TAINT, "0.718", "0.732", "0.537", "0.019", "0.41")
TAINT_MORE = (
    "8841",
    "8842",
    "0.0613",
    "0.9123",
    "0.8517",
    "0.0611",
    "0.0713",
    "0.5413",
    "how 6161",
    "7713",
    "7717",
    "6.9317",
    "0.66173",
    "0.31719",
    "hidden 17 rows",
    "power 4242",
    "how 5353",
    "1.9231",
    "1.923",
    "7.7661",
    "7.766",
)


def measure(name: str, value: float, scope: Scope, how: str, spread: float = 0.01) -> Measure:
    return Measure(name=name, value=value, low=value - spread, high=value + spread, scope=scope, how=how)


def utility(**changes: Any) -> Utility:
    fields: dict[str, Any] = {
        "metric": "ROC AUC",
        "released": measure(
            "auc",
            0.692,
            "dp_released",
            "noised histograms of scores of test customers, epsilon 0.5, delta 2e-06",
            0.021,
        ),
        "exact": measure("auc", 0.71829, "internal", "bootstrap by customer, how 5353", 0.00613),
        "twin": measure("auc", 0.73191, "internal", "same model, no clipping, no noise", 0.00619),
        "baseline": measure("auc", 0.5, "public", "the same score for every example", 0.0),
    }
    return Utility(**(fields | changes))


def audit(**changes: Any) -> AuditResult:
    fields: dict[str, Any] = {
        "attack": "loss threshold per customer",
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


def risk(**changes: Any) -> Risk:
    """An audit of canaries alone, which is public, and attacks on customers, which are internal."""

    def internal(name: str, value: float) -> Measure:
        return measure(name, value, "internal", "how 6161", 0.0007)

    leakage = Leakage(
        attribute="payment method",
        values=5,
        prior=internal("prior", 0.9123),
        left=internal("left", 0.8517),
        bits=internal("bits", 0.0613),
        advantage=internal("advantage", 0.0611),
        upper=0.25,
        how="how 6161",
    )
    membership = Membership(
        attack="RMIA, online",
        members=8841,
        others=8842,
        auc=internal("auc", 0.5413),
        tpr_at_01_percent=internal("tpr", 0.0713),
        tpr_at_1_percent=internal("tpr", 0.0713),
        seconds=3.0,
        roc=((0.001, 0.0713), (1.0, 1.0)),
    )
    audited = EpsilonAudit(
        kind="one run",
        audited="train-7f3a",
        claimed=2.8731,
        epsilon_low=1.21,
        confidence=0.99,
        audits=1,
        canaries=5000,
        guesses=100,
        correct=71,
        power="an epsilon above 4.1 would have been shown with a chance of 0.9",
        seconds=2.0,
        scope="public",
    )
    exposed = Exposure(
        audited="train-5c1d",
        language="zh",
        planted=100,
        others=1023,
        bits=internal("exposure", 1.9231),
        chance=1.4365,
        twin=internal("exposure", 7.7661),
        power="12 of 100 sentences known by heart would have been found with a chance of 0.9",
    )
    fields: dict[str, Any] = {
        "upper_bits": 0.25,
        "memberships": (membership,),
        "leakages": (leakage, leakage.model_copy(update={"attribute": "all"})),
        "audits": (audited,),
        "exposures": (exposed,),
    }
    return Risk(**(fields | changes))


def compliance(**changes: Any) -> Compliance:
    rules = (
        RuleResult(
            rule="gdpr.lawful_basis",
            regime="gdpr",
            section="art. 6(1)",
            severity="hard",
            holds=True,
            because="every purpose names its basis",
            translated={"zh": ("各处理目的均已说明基础。", "")},
        ),
        RuleResult(
            rule="pipl.transparency",
            regime="pipl",
            section="art. 24",
            severity="medium",
            holds=False,
            because="no notice in Chinese",
            fix="add zh to the spec's languages",
            translated={"zh": ("没有中文告知书。", "请在规格中加入中文。")},
        ),
    )
    return Compliance(**({"packs": ("gdpr 1", "pipl 1"), "results": rules, "unmet": 0.2} | changes))


def position(**changes: Any) -> Position:
    fields = {"front": "internal/nordlicht-fraud-balance/1", "nearest": 4, "chosen": 4}
    return Position(**(fields | changes))


def claim(**changes: Any) -> PrivacyClaim:
    fields: dict[str, Any] = {
        "epsilon": 2.8731,
        "epsilon_rdp": 3.1402,
        "epsilon_unamplified": 28.44,
        "delta": 2e-6,
        "unit": "customer",
        "neighbouring": "add_or_remove_one",
        "sampler": "poisson",
        "noise_source": "AES-256-CTR keystream, key from os.urandom",
        "steps": 800,
        "sampling_rate": 0.0256,
        "noise_multiplier": 0.97,
        "clipping_norm": 1.0,
        "group_size": 4,
        "group_epsilon": 9.3127,
        "known_limits": ("The time that a step takes depends on how many customers were sampled.",),
    }
    return PrivacyClaim(**(fields | changes))


def gate(*, passed: bool = True) -> GateResult:
    checks = (
        (
            "people",
            "k-anonymity: every class of equal quasi-identifiers is large enough",
            "smallest class 12",
        ),
        ("people", "l-diversity: every class has enough different values of column tier", "needs l >= 2"),
        ("events", "pseudonym form: column customer has the type UUID", "hidden 17 rows checked"),
        ("tickets", "identifier patterns: nothing in column text looks like an identifier", ""),
        ("events", "columns: exactly the planned columns, of plain types", ""),
        ("events", "rows: every row that is allowed arrived, and no other", ""),
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
        "risk": risk(),
        "compliance": compliance(),
        "position": position(),
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
        "risk": _another_risk(),
        "gate": GateResult(checks=(first, *gate().checks[1:])),
        "training_curve": (0.9, 0.8),
        "roc": ((0.1, 0.2), (1.0, 1.0)),
    }


def _another_risk() -> Risk:
    other = measure("auc", 0.52, "internal", "another way")
    (found,) = risk().memberships
    member = {"members": 21, "others": 22, "auc": other, "roc": (), "seconds": 4.0}
    leak = {"prior": other, "left": other, "bits": other, "advantage": other, "how": "another way"}
    leaks = tuple(each.model_copy(update=leak) for each in risk().leakages)
    tpr = {"tpr_at_1_percent": other, "tpr_at_01_percent": other}
    (exposed,) = risk().exposures
    return risk(
        memberships=(found.model_copy(update=member | tpr),),
        leakages=leaks,
        exposures=(exposed.model_copy(update={"bits": other, "twin": None}),),
    )


def plain_gate(*, passed: bool = True) -> GateResult:
    """The gate with the details that the code writes."""
    checks = gate(passed=passed).checks
    return GateResult(checks=tuple(check.model_copy(update={"detail": "needs k >= 10"}) for check in checks))


def in_words_of_the_code() -> dict[str, Any]:
    """Changes that put the code's own sentences where the sample has words to search for."""
    exact = measure(
        "auc", 0.7, "internal", "exact on test customers, bootstrap over customers (households where known)"
    )
    (audited,), (leakage, *_) = risk().audits, risk().leakages
    power = (
        "a noise multiplier below 0.95 of the planned one and a customer who counts for more than 1.10 times the "
        "clipping norm would have been found with a chance of 0.9, shuffled batches with a chance above 0.999 (at "
        "sampling rate 0.05); from guesses alone an epsilon above 4.10 (0.3 of the noise) would have been shown to be "
        "above the claim with a chance of 0.9"
    )
    leaks = (leakage.model_copy(update={"attribute": name}) for name in ("payment method of an order", "all"))
    return {
        "risk": risk(leakages=tuple(leaks), audits=(audited.model_copy(update={"power": power}),)),
        "utility": utility(exact=exact, twin=exact),
        "audit": audit(
            power="With 900 members and 900 non-members judged, a perfect attack would have shown epsilon "
            "5.12 at 95% confidence; nothing above that can be seen by this audit."
        ),
        "statement": "",
    }
