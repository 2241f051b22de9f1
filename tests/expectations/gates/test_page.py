"""The gate's page: readable in every language, escaped, and alone in the world."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from expectations.gates.page import render, words
from models.values.dataset import GateCheck, GateResult
from models.values.language import LANGUAGES
from models.values.phrases import rule_in, said_in


def check(rule: str, *, passed: bool, table: str = "people") -> GateCheck:
    return GateCheck(table=table, rule=rule, passed=passed, detail="needs k >= 10")


GOOD = check("k-anonymity: every class of equal quasi-identifiers is large enough", passed=True)
BAD = check("rows: every row that is allowed arrived, and no other", passed=False, table="events")
BOTH = GateResult(checks=(GOOD, BAD))


def shown(page: str) -> str:
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append  # type: ignore[assignment]
    parser.feed(page.split("</style>")[1])
    return " ".join(" ".join(parts).split())


def in_one(result: GateResult, language: Any, synthetic: str | None = None) -> str:
    return shown(render(result, release="spring", synthetic=synthetic, languages=[language]))


def test_page_asks_no_other_host() -> None:
    page = render(BOTH, release="spring", synthetic="made up")
    assert not re.search(
        r"https?:|//|@import|url\(|<(script|img|link|iframe|form|base)\b|\son\w+=|src=", page
    )
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


@pytest.mark.parametrize(
    ("checks", "verdict", "in_chinese"),
    [
        ((GOOD,), "The gate passed", "门禁已通过"),
        (
            (GOOD, BAD),
            "1 of 2 checks did not hold. Nothing was published.",
            "共 2 项检查，其中 1 项不成立。没有发布任何数据。",
        ),
        ((), "There was nothing to check", "没有可执行的检查"),
    ],
)
def test_page_says_the_verdict(checks: tuple[GateCheck, ...], verdict: str, in_chinese: str) -> None:
    text = shown(render(GateResult(checks=checks), release="spring", synthetic="Synthetic: made up"))
    assert verdict in text
    assert in_chinese in text
    assert "Gate of spring" in text
    assert text.count("Synthetic: made up") == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_failed_rules_say_how_to_mend(language: Any) -> None:
    text, mend = in_one(BOTH, language), words(language)["mend"]
    assert mend["rows"] in text
    assert mend["k-anonymity"] not in text


def test_rules_are_said_with_their_thresholds() -> None:
    english, chinese = in_one(BOTH, "en"), in_one(BOTH, "zh")
    assert "Every class of equal quasi-identifiers is large enough." in english
    assert "needs k >= 10" in english
    assert "Synthetic" not in english
    assert "准标识符取值相同的每个等价类都足够大。" in chinese
    assert "要求 k ≥ 10" in chinese


def test_the_chinese_page_holds_no_english_but_names() -> None:
    assert re.findall(r"[A-Za-z]{2,}", in_one(BOTH, "zh")) == ["spring", "people", "events"]


def test_a_rule_that_is_not_known_stays_and_is_marked_as_english() -> None:
    page = render(
        GateResult(checks=(check("new: a rule of tomorrow", passed=True),)),
        release="spring",
        synthetic=None,
        languages=["zh"],
    )
    assert '<span lang="en">A rule of tomorrow' in page


def test_the_first_language_is_the_one_that_opens() -> None:
    page = render(BOTH, release="spring", synthetic=None, languages=["zh", "en"])
    assert '<html lang="zh-Hans">' in page
    assert re.findall(r'id="in-(..)"[^>]* checked', page) == ["zh"]
    assert '<main id="en" lang="en">' in page


def test_the_catalogues_have_equal_keys() -> None:
    first, *others = ({**words(language), **words(language)["mend"]} for language in LANGUAGES)
    for other in others:
        assert first.keys() == other.keys()
        places = [re.findall(r"{\w+}", str(text)) for text in first.values()]
        assert [sorted(p) for p in places] == [sorted(re.findall(r"{\w+}", str(other[key]))) for key in first]


def test_every_rule_of_the_gate_is_known_in_chinese() -> None:
    from pathlib import Path

    from expectations.gates.gate import UNEVALUATED
    from expectations.gates.plan import planned_checks
    from expectations.gates.subject import Subject
    from infra.spec import read_spec
    from models.anonymity.patterns import residual_patterns
    from models.anonymity.policy import plan_release
    from models.values.anonymity import Anonymity

    spec = read_spec(Path("models/shop/shop.yaml"))
    plans = [plan_release(spec, name) for name in spec.releases]
    asked = [{"diversity": "entropy"}, {"diversity": "recursive", "c": 2.5}, {"distance": "ordered"}]
    for more in asked:
        wanted = {
            "k": 5,
            "l": 2,
            "t": 0.2,
            "beta": 1.5,
            "presence": (0.1, 0.9),
            "population": "customers",
        } | more
        plans.append(plans[0].model_copy(update={"anonymity": Anonymity.model_validate(wanted)}))
    found = []
    for plan in plans:
        for parent, suppressed in ((None, None), (9, None), (9, 1)):
            subject = Subject(
                spec=spec,
                plan=plan,
                types={
                    column.name: "TIMESTAMP" if column.role == "time" else "VARCHAR"
                    for column in plan.columns
                },
                samples=dict.fromkeys((column.name for column in plan.columns), "raw"),
                parent_rows=parent,
                suppressed_rows=suppressed,
                raw_views=("raw",),
                raw_values=None,
                patterns=residual_patterns(),
            )
            found += list(planned_checks(subject))
    assert [each.rule for each in found if None in rule_in(each.rule, "zh")] == []
    details = {each.detail for each in found if each.detail} | {UNEVALUATED}
    assert [detail for detail in details if said_in(detail, "zh") is None] == []
    assert {each.rule.partition(": ")[0] for each in found} <= words("en")["mend"].keys()


def test_everything_is_escaped() -> None:
    evil = "<b>&x"
    odd = GateCheck(table=evil, rule=f"{evil}: {evil}", passed=False, detail=evil)
    page = render(GateResult(checks=(odd,)), release=evil, synthetic=evil)
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;x" in page
