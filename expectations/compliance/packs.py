"""The packs: which rules of law a shop's runs are judged by, and the judgement.

A first pack of each law, to grow. It checks what a run's evidence can show and is no legal advice: that every rule is
met does not make a processing lawful.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from expectations.compliance.rules import Condition, Facts, Pack, Rule
from expectations.errors import ComplianceError
from models.values.balance import Compliance

FACTS: Final[dict[str, str]] = {
    "basis_gdpr": "the lawful basis that the purpose states under GDPR: consent, contract, legal_duty, "
    "legitimate_interest",
    "basis_pipl": "the same under PIPL, which knows no legitimate interest",
    "consent_filtered": "customers whose recorded choice does not allow the purpose were left out before any join; "
    "without a record, no choice is known",
    "gate_passed": "the gate held on the bytes of the release that were read back",
    "publishes_tables": "the release holds tables that are published",
    "k_least": "customers in the smallest class of the published tables",
    "k_required": "the least of the ks that the spec asks of them",
    "epsilon_claimed": "the epsilon of the run, from its log (for a trial: of its plan)",
    "epsilon_target": "the epsilon of the spec's target",
    "log_matches_plan": "what ran is what was planned and accounted for",
    "retention_days": "the longest time, in days, that any zone with customers' data keeps it",
    "notice_present": "the spec holds what customers must be told; that they were told is not known",
    "assessment_present": "the shop assessed the impact before, and that is on record; the dossier alone is none",
    "encrypted": "the files of the release are encrypted where they are stored",
    "pseudonymised": "keys of customers are pseudonymised before training",
    "personalised": "the use case shows or offers customers what fits them",
    "personalised_switch": "customers can turn that off, and the run reads nothing of those who did",
    "automated_decisions": "the use case marks or ranks customers or what they do, without a person",
    "decisions_explained": "what it says is given with its reasons, or the notice explains how it is found",
    "sensitive_columns": "columns with the role sensitive that the purpose reads; which are so by law is not known",
    "separate_consent": "customers consented separately and explicitly to the use of these columns",
    "children_rows": "customers under 14 among those whose data is used",
    "guardian_consent": "their guardians consented",
    "crosses_border": "customers' data is stored or processed outside the jurisdiction that it was collected in",
    "transfer_gdpr": "what allows that under GDPR: adequacy, standard_clauses, binding_rules, approved_code, "
    "approved_certification, authorised_clauses, derogation",
    "transfer_pipl": "what allows that under PIPL: security_assessment, certification, standard_contract, exemption",
    "transfer_consent": "customers consented separately to that crossing",
}
"""Every fact that a pack may read, by name, and what it means. Yes or no, a number, or a word; None if not known.

A fact that is not known meets no condition: a rule that asks for it is not met. What the spec has under `declared` is
the shop's own word.
"""

_HERE = Path(__file__).parent


def load(regimes: Iterable[str]) -> tuple[Pack, ...]:
    """The pack of each regime, in their order. A regime without one gets a pack whose only rule cannot be met."""
    return tuple(_pack(regime) for regime in dict.fromkeys(regimes))


def evaluate(packs: Sequence[Pack], facts: Facts) -> Compliance:
    """What `facts` say of every rule, and the share not met of those that apply, by weight.

    `facts` hold some of FACTS; what is left out or None is not known. Raises ComplianceError for a fact of another
    name, which would otherwise be overlooked.
    """
    if unknown := sorted(set(facts) - set(FACTS)):
        raise ComplianceError(f"no rule reads the fact {', '.join(unknown)}; the names are in FACTS")
    judged = [
        (rule.judged(facts, pack.regime), pack.weights[rule.severity])
        for pack in packs
        for rule in pack.rules
    ]
    applying = sum(weight for result, weight in judged if result.holds is not None)
    missed = sum(weight for result, weight in judged if result.holds is False)
    return Compliance(
        packs=tuple(pack.name for pack in packs),
        results=tuple(result for result, _ in judged),
        unmet=missed / applying if applying else 0.0,
    )


@cache
def _pack(regime: str) -> Pack:
    file = _HERE / f"{regime}.yaml"
    return read(file.read_text(encoding="utf-8")) if file.exists() else _none(regime)


def read(text: str) -> Pack:
    """A pack from YAML. Raises ComplianceError if it cannot be read or asks for a fact that no run has."""
    import yaml

    try:
        pack = Pack.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ComplianceError(f"the rule pack cannot be read: {error}") from error
    for rule in pack.rules:
        if unknown := sorted(rule.names() - set(FACTS)):
            raise ComplianceError(
                f"rule {rule.id!r} reads {', '.join(unknown)}, which no run tells; name one of FACTS"
            )
    return pack


def _none(regime: str) -> Pack:
    said = {
        "en": f"There is no rule pack for {regime} yet, so nothing of it was checked.",
        "zh": f"尚无 {regime} 的规则包，未作任何检查。",
    }
    fix = {
        "en": "Have this law checked by a person, or write a pack beside the others.",
        "zh": "请由专人审查该法的要求，或在其他规则包旁编写该法的规则包。",
    }
    rule = Rule(
        id=f"{regime}-pack",
        section="-",
        severity="high",
        holds=(Condition(fact="pack", equals=True),),
        met=said,
        unmet=said,
        fix=fix,
    )
    return Pack(
        regime=regime,
        version=0,
        law={"en": regime, "zh": regime},
        weights={"hard": 8, "high": 4, "medium": 2, "low": 1},
        rules=(rule,),
    )
