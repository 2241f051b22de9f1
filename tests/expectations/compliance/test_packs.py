from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from expectations.compliance.packs import FACTS, evaluate, load, read
from expectations.compliance.rules import Condition, Fact, Rule
from expectations.errors import ComplianceError

PACKS = load(["gdpr", "pipl"])
RULES = [(pack, rule) for pack in PACKS for rule in pack.rules]
GOOD: dict[str, Fact] = {
    "basis_gdpr": "consent",
    "basis_pipl": "consent",
    "consent_filtered": True,
    "gate_passed": True,
    "publishes_tables": True,
    "k_least": 12,
    "k_required": 10,
    "epsilon_claimed": 2.99,
    "epsilon_target": 3.0,
    "log_matches_plan": True,
    "retention_days": 365,
    "notice_present": True,
    "assessment_present": True,
    "encrypted": True,
    "pseudonymised": True,
    "personalised": True,
    "personalised_switch": True,
    "automated_decisions": True,
    "decisions_explained": True,
    "sensitive_columns": 2,
    "separate_consent": True,
    "children_rows": 3,
    "guardian_consent": True,
    "crosses_border": True,
    "transfer_gdpr": "standard_clauses",
    "transfer_pipl": "standard_contract",
    "transfer_consent": True,
}


def facts(**changes: Fact) -> dict[str, Fact]:
    return GOOD | changes


def opposite(condition: Condition) -> dict[str, Fact]:
    """Facts that do not meet a condition."""
    if condition.one_of is not None:
        return {condition.fact: "nothing known"}
    if condition.equals is not None:
        return {condition.fact: not condition.equals if isinstance(condition.equals, bool) else "other"}
    return {condition.fact: -1 if condition.at_least is not None else 1e9}


def test_the_first_packs_have_rules_of_every_weight() -> None:
    assert len(RULES) >= 10
    assert {rule.severity for _, rule in RULES} == {"hard", "high", "medium"}
    assert set(GOOD) == set(FACTS)
    assert {name for _, rule in RULES for name in rule.names()} == set(FACTS)


@pytest.mark.parametrize(("pack", "rule"), RULES, ids=[rule.id for _, rule in RULES])
def test_every_rule_can_hold_and_can_fail(pack: Any, rule: Rule) -> None:
    good = facts()
    held = rule.judged(good, pack.regime)
    assert (held.holds, held.fix) == (True, "")
    for condition in rule.holds:
        for bad in (opposite(condition), {condition.fact: None}):
            failed = rule.judged(good | bad, pack.regime)
            assert failed.holds is False
            assert failed.fix
            assert failed.translated["zh"][1]
            assert ("Not known" in failed.because) == (None in bad.values())
    left_out = {name: value for name, value in good.items() if name not in rule.names()}
    assert rule.judged(left_out, pack.regime).holds is False


@pytest.mark.parametrize(
    ("pack", "rule"), [each for each in RULES if each[1].when], ids=lambda each: getattr(each, "id", "")
)
def test_a_rule_is_not_asked_only_where_it_is_known_not_to_apply(pack: Any, rule: Rule) -> None:
    good = facts()
    for condition in rule.when:
        assert rule.judged(good | opposite(condition), pack.regime).holds is None
        unknown = good | {condition.fact: None} | opposite(rule.holds[0])
        assert rule.judged(unknown, pack.regime).holds is False


@pytest.mark.parametrize(
    ("condition", "fact", "met"),
    [
        ({"equals": True}, True, True),
        ({"equals": True}, 1, False),  # true is not 1
        ({"equals": True}, "true", False),
        ({"equals": False}, False, True),
        ({"equals": False}, None, False),
        ({"one_of": ["a", "b"]}, "b", True),
        ({"one_of": ["a", "b"]}, "ab", False),
        ({"at_least": 5}, 5, True),
        ({"at_least": 5}, 4.9, False),
        ({"at_most": 5}, 5.0, True),
        ({"at_most": 5}, True, False),  # true is no number
        ({"at_most": 5}, float("nan"), False),
        ({"at_most": 5}, "3", False),
        ({"at_least": 5}, float("inf"), True),
        ({"at_most": "epsilon_target"}, 3.0, True),
        ({"at_most": "epsilon_target"}, 3.01, False),
        ({"at_most": "k_required"}, 3.0, False),  # the other fact is not known
    ],
)
def test_comparisons_are_strict_about_kinds(condition: dict[str, Any], fact: Fact, met: bool) -> None:
    made = Condition.model_validate({"fact": "epsilon_claimed", **condition})
    assert made.met({"epsilon_claimed": fact, "epsilon_target": 3.0}) is met


@pytest.mark.parametrize(
    "asked", [{}, {"equals": True, "at_most": 3}, {"matches": "a.*"}, {"equals": "x", "code": "1"}]
)
def test_a_condition_is_one_of_a_closed_set(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate({"fact": "encrypted", **asked})


def test_the_share_not_met_is_weighed_by_severity() -> None:
    gdpr = PACKS[:1]
    weights = {"hard": 8, "high": 4, "medium": 2, "low": 1}
    whole = sum(weights[rule.severity] for rule in gdpr[0].rules)
    assert evaluate(gdpr, facts()).unmet == 0
    assert evaluate(gdpr, facts(notice_present=False)).unmet == pytest.approx(2 / whole)
    assert evaluate(gdpr, facts(basis_gdpr=None)).unmet == pytest.approx(8 / whole)
    here = facts(crosses_border=False, notice_present=False)
    assert evaluate(gdpr, here).unmet == pytest.approx(2 / (whole - 8))
    assert evaluate(PACKS, {}).unmet == 1


def test_hard_rules_are_named_as_broken() -> None:
    found = evaluate(PACKS[:1], facts(basis_gdpr="because", notice_present=False))
    assert [result.rule for result in found.broken] == ["gdpr-basis"]


def test_legitimate_interest_is_a_basis_under_gdpr_alone() -> None:
    found = evaluate(PACKS, GOOD | {"basis_gdpr": "legitimate_interest", "basis_pipl": "legitimate_interest"})
    assert {result.rule: result.holds for result in found.results}["gdpr-basis"] is True
    assert "pipl-basis" in {result.rule for result in found.broken}


@pytest.mark.parametrize("rule", ["pipl-sensitive", "pipl-transfer-consent"])
@pytest.mark.parametrize(
    ("basis", "holds"), [("consent", False), ("contract", None), ("legal_duty", None), (None, False)]
)
def test_separate_consent_is_asked_only_where_consent_is_the_basis(
    rule: str, basis: str | None, holds: bool | None
) -> None:
    """PIPL, article 13, paragraph 2."""
    unasked = facts(basis_pipl=basis, separate_consent=False, transfer_consent=False)
    assert {result.rule: result.holds for result in evaluate(PACKS, unasked).results}[rule] is holds


def test_one_shop_can_keep_all_laws_at_once() -> None:
    found = evaluate(PACKS, GOOD)
    assert [result.rule for result in found.results if not result.holds] == []


@pytest.mark.parametrize(
    ("regime", "mechanism", "holds"),
    [
        ("gdpr", "approved_certification", True),  # article 46(2)(f)
        ("gdpr", "exemption", False),
        ("gdpr", "security_assessment", False),
        ("pipl", "exemption", True),  # article 38, paragraph 1(4)
        ("pipl", "adequacy", False),  # a list of good countries is unknown to this law
    ],
)
def test_each_law_has_its_own_ways_across_the_border(regime: str, mechanism: str, holds: bool) -> None:
    found = evaluate(PACKS, GOOD | {f"transfer_{regime}": mechanism})
    assert {result.rule: result.holds for result in found.results}[f"{regime}-transfer"] is holds


def test_a_fact_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ComplianceError, match="encyrpted"):
        evaluate(PACKS, {"encyrpted": True})


def test_a_law_without_a_pack_is_not_taken_to_be_kept() -> None:
    found = evaluate(load(["gdpr", "ccpa"]), facts())
    assert [(result.rule, result.holds) for result in found.results if not result.holds] == [
        ("ccpa-pack", False)
    ]
    assert 0 < found.unmet < 1


def text(**changes: Any) -> str:
    words = {"en": "yes it does", "zh": "是的"}
    rule = {
        "id": "gdpr-one",
        "section": "art. 1",
        "severity": "low",
        "met": words,
        "unmet": words,
        "fix": words,
    }
    rule |= {"holds": [{"fact": "encrypted", "equals": True}], **changes}
    weights = {"hard": 8, "high": 4, "medium": 2, "low": 1}
    return yaml.safe_dump(
        {"regime": "gdpr", "version": 1, "law": words, "weights": weights, "rules": [rule]},
        allow_unicode=True,
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"holds": [{"fact": "encyrpted", "equals": True}]}, "no run tells"),
        ({"holds": [{"fact": "k_least", "at_least": "k_wanted"}]}, "no run tells"),
        ({"holds": []}, "cannot be read"),
        ({"fix": {"en": "do it"}}, "in en and zh"),
        ({"severity": "fatal"}, "cannot be read"),
        ({"id": "pipl-one"}, "begin with its own"),
        ({"python": "__import__('os')"}, "cannot be read"),
    ],
)
def test_a_pack_that_asks_what_cannot_be_told_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ComplianceError, match=why):
        read(text(**changes))


def test_a_pack_is_data_and_yaml_that_runs_code_is_refused() -> None:
    with pytest.raises(ComplianceError, match="cannot be read"):
        read("!!python/object/apply:os.system ['true']")


def test_another_text_is_another_pack() -> None:
    one, other = read(text()), read(text(section="art. 2"))
    assert one.name.startswith("gdpr 1 (")
    assert one.name == read(text()).name != other.name
