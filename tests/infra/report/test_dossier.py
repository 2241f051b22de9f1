"""The dossier: readable, self-contained, and silent about what is internal."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from infra.report.card import card, summary_rows
from infra.report.dossier import as_json, render
from infra.report.texts import Texts
from infra.report.view import WITHHELD
from models.values.language import LANGUAGES
from models.values.risk import Exposure
from tests.infra.report import evidence_sample as sample

PRIVATE = sample.evidence()
PUBLIC = sample.evidence(synthetic=sample.LABEL)
VOID = {"meta", "path", "circle", "rect", "line", "polyline", "br", "input"}


class Checker(HTMLParser):
    """Collects what a page asks for, and that its tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def parsed(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    return checker


def shared_texts(evidence: Any) -> tuple[str, ...]:
    rows = str(summary_rows(evidence))
    pages = (render(evidence, internal=False, languages=[language]) for language in LANGUAGES)
    return *pages, as_json(evidence, internal=False), card(evidence), rows


@pytest.mark.parametrize("word", [*sample.TAINT, *sample.TAINT_MORE])
def test_internal_numbers_are_only_in_the_internal_copy(word: str) -> None:
    assert not any(word in text for text in shared_texts(PRIVATE))


@pytest.mark.parametrize("word", ["0.71829", "0.73191", "0.53717", "7713", "power 4242", "hidden 17 rows"])
def test_the_internal_copy_holds_them(word: str) -> None:
    assert word in as_json(PRIVATE, internal=True)
    assert word in as_json(PUBLIC, internal=False)


def test_shared_texts_do_not_depend_on_internal_numbers() -> None:
    assert shared_texts(PRIVATE) == shared_texts(sample.evidence(**sample.other_world()))


def test_the_withheld_is_said() -> None:
    english, chinese, *others = shared_texts(PRIVATE)
    assert all(WITHHELD in each for each in (english, *others))
    for language, page in (("en", english), ("zh", chinese)):
        say: Any = Texts("dossier", language)
        assert page.count(say("withheld")) >= 12
        assert say("banner.secret") not in page
        assert say("banner.secret") in render(PRIVATE, internal=True, languages=[language])


@pytest.mark.parametrize("opened", [False, True])
def test_planted_sentences_are_shown_to_whom_they_may_be_or_why_there_are_none(opened: bool) -> None:
    page = render(PRIVATE, internal=opened, languages=["en"])
    part = page[page.index("Sentences learnt by heart") :]
    assert ("<b>1.923</b>" in part) == ("12 of 100 sentences known by heart" in part) == opened
    none = sample.evidence(risk=sample.risk(exposures=(Exposure(missing="no sentences were planted"),)))
    assert "no sentences were planted" in render(none, internal=opened, languages=["en"])
    without = sample.evidence(risk=sample.risk(exposures=()))
    assert "Sentences learnt by heart" not in render(without, internal=opened, languages=["en"])


def test_an_internal_label_hides_the_released_number_too() -> None:
    utility = sample.utility(released=sample.measure("auc", 0.68123, "internal", "exact"))
    assert not any("0.681" in text for text in shared_texts(sample.evidence(utility=utility)))


@pytest.mark.parametrize("kind", ["exact", "twin"])
def test_what_is_internal_by_kind_is_withheld_whatever_its_label(kind: str) -> None:
    mislabelled = sample.measure("auc", 0.68123, "public", "exact")
    texts = shared_texts(sample.evidence(utility=sample.utility(**{kind: mislabelled})))
    assert not any("0.681" in text for text in texts)


@pytest.mark.parametrize("evidence", [PRIVATE, PUBLIC])
@pytest.mark.parametrize("internal", [False, True])
def test_the_page_parses_and_asks_nobody(evidence: Any, internal: bool) -> None:
    page = render(evidence, internal=internal)
    checker = parsed(page)
    assert checker.open == []
    assert not checker.seen & {"script", "link", "iframe", "img", "object", "form", "base"}
    assert all(link.startswith("#") for link in checker.links)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", page)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_texts_of_the_shop_are_escaped() -> None:
    nasty = sample.evidence(shop="<script>alert(1)</script>", statement="a < b & c", synthetic="<img src=x>")
    page = render(nasty, internal=True)
    assert "script" not in parsed(page).seen
    assert "a &lt; b &amp; c" in page
    assert "\\<script\\>" in card(nasty)


def test_the_verdict_comes_first() -> None:
    refused = sample.evidence(gate=sample.gate(passed=False), budget_committed=False)
    page = render(refused, internal=False)
    assert page.index("This model may not be used.") < page.index("What it promises")
    assert all(f"<li>{objection}</li>" in page for objection in refused.objections())
    assert "This model may be used." in render(PRIVATE, internal=False)


def test_public_data_is_labelled_wherever_numbers_are() -> None:
    page = render(PUBLIC, internal=False, languages=["en"])
    assert sample.LABEL in page
    captions = re.findall(r"<(?:caption|figcaption)>(.*?)</(?:caption|figcaption)>", page, re.DOTALL)
    assert captions
    assert all("synthetic data" in caption for caption in captions)
    chinese = render(PUBLIC, internal=False, languages=["zh"])
    assert chinese.count("合成数据</span>") == page.count("synthetic data</span>")
    assert sample.LABEL in card(PUBLIC).replace("\\", "")


def test_every_number_of_the_json_has_a_scope() -> None:
    def check(part: Any) -> None:
        if isinstance(part, list):
            for item in part:
                check(item)
        elif isinstance(part, dict):
            assert not ({"value", "withheld", "points"} & part.keys()) or "scope" in part
            for item in part.values():
                check(item)

    check(json.loads(as_json(PRIVATE, internal=True)))


@pytest.mark.parametrize(
    "changes",
    [
        {"roc": (), "training_curve": (), "feature_names": (), "bases": (), "statement": ""},
        {"claim": sample.claim(epsilon_unamplified=float("inf"), group_epsilon=None, known_limits=())},
        {"audit": sample.audit(epsilon_low=0.0)},
        {"budget_spent": 0.0, "budget_left": 0.0},
        {"training_curve": (0.5,), "roc": ((0.0, 0.0), (1.0, 1.0))},
        {"gate": sample.gate().model_copy(update={"checks": ()})},
    ],
)
def test_missing_and_extreme_numbers_still_make_a_page(changes: dict[str, Any]) -> None:
    evidence = sample.evidence(**changes)
    assert parsed(render(evidence, internal=True)).open == []
    json.loads(as_json(evidence, internal=True))


def test_the_card_starts_with_a_sentence() -> None:
    first = card(PRIVATE).splitlines()[0]
    assert first[0].isalpha()
    assert first.endswith(".")


def test_the_card_says_it_in_chinese_as_well() -> None:
    second = card(PRIVATE).splitlines()[2]
    assert "每位客户的 ε 不超过 2.88：可以使用。" in second
    assert "500,000 分之一" in second
    assert card(sample.evidence(budget_committed=False)).splitlines()[2].startswith("Nordlicht")


def test_a_page_of_two_languages_has_a_switch_and_opens_in_the_first() -> None:
    page = render(PRIVATE, internal=False, languages=["zh", "en"])
    assert '<html lang="zh-Hans">' in page
    assert re.findall(r'id="in-(..)"[^>]* checked', page) == ["zh"]
    assert re.findall(r'<article class="page" id="(..)" lang="([\w-]+)"', page) == [
        ("zh", "zh-Hans"),
        ("en", "en"),
    ]
    assert 'class="switch"' not in render(PRIVATE, internal=False, languages=["zh"])


def test_ids_are_unique_and_links_find_them() -> None:
    page = render(PUBLIC, internal=False)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in parsed(page).links} <= set(ids)


def test_both_languages_show_the_same_numbers() -> None:
    english, chinese = (
        sorted(re.findall(r"\d+\.\d{2,}", render(PUBLIC, internal=False, languages=[language])))
        for language in LANGUAGES
    )
    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_further_metrics_are_internal_and_statistics_are_named(language: str) -> None:
    utility = sample.utility(others=(sample.measure("NDCG@20", 0.61237, "internal", "bootstrap"),))
    claim = sample.claim(statistics=("popularity",))
    private, public = (
        render(
            sample.evidence(utility=utility, claim=claim, synthetic=label),
            internal=False,
            languages=[language],
        )
        for label in (None, sample.LABEL)
    )
    assert "0.612" in public
    assert "0.612" not in private
    assert all("NDCG@20" in page and "popularity" in page for page in (private, public))
