"""The gate's page: readable, escaped, and alone in the world."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from expectations.gates.page import MEND, render
from models.values.dataset import GateCheck, GateResult


def check(rule: str, *, passed: bool, table: str = "people") -> GateCheck:
    return GateCheck(table=table, rule=rule, passed=passed, detail="needs k >= 10")


GOOD = check("k-anonymity: every class is large enough", passed=True)
BAD = check("rows: every row arrived", passed=False, table="events")


def words(page: str) -> str:
    parts: list[str] = []
    parser = HTMLParser()
    parser.handle_data = parts.append  # type: ignore[assignment]
    parser.feed(page.split("</style>")[1])
    return " ".join(" ".join(parts).split())


def test_page_asks_no_other_host() -> None:
    page = render(GateResult(checks=(GOOD, BAD)), title="Gate", synthetic="made up")
    assert not re.search(
        r"https?:|//|@import|url\(|<(script|img|link|iframe|form|base)\b|\son\w+=|src=", page
    )
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((GOOD,), "The gate passed"),
        ((GOOD, BAD), "1 of 2 checks did not hold. Nothing was published."),
        ((), "There was nothing to check"),
    ],
)
def test_page_says_the_verdict(checks: tuple[GateCheck, ...], verdict: str) -> None:
    text = words(render(GateResult(checks=checks), title="Gate of spring", synthetic="Synthetic: made up"))
    assert verdict in text
    assert "Gate of spring" in text
    assert "Synthetic: made up" in text


def test_only_failed_rules_say_how_to_mend() -> None:
    text = words(render(GateResult(checks=(GOOD, BAD)), title="Gate", synthetic=None))
    assert MEND["rows"] in text
    assert MEND["k-anonymity"] not in text
    assert "Every class is large enough." in text
    assert "needs k >= 10" in text
    assert "Synthetic" not in text


def test_everything_is_escaped() -> None:
    evil = "<b>&x"
    odd = GateCheck(table=evil, rule=f"{evil}: {evil}", passed=False, detail=evil)
    page = render(GateResult(checks=(odd,)), title=evil, synthetic=evil)
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;x" in page
