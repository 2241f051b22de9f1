"""The catalogues: the same keys and places in every language, and no English sentence in a Chinese page."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from infra.report import dossier, notice
from infra.report.texts import Texts, catalogue
from infra.spec import read_spec
from models.values.language import LANGUAGES
from tests.infra.report import evidence_sample as sample

PAGES = ("dossier", "notice")
# Names, units and codes that a Chinese page keeps.
NAMES = {
    *("Privet", "Nordlicht", "fraud", "champion", "UTC", "ROC", "AUC", "PLD", "RDP", "Rényi", "TPR", "FPR"),
    *("DeLong", "Clopper-Pearson", "Ganesh", "Mironov", "NIST", "SP", "AES", "CTR", "os", "urandom", "float"),
    *("GDPR", "PIPL", "UUID", "IP", "people", "events", "tickets", "customer", "text", "tier", "k", "l", "e"),
    *("RMIA", "LiRA", "privacy", "officer", "embedded-shop", "example", "SHA", "x"),
}


class Words(HTMLParser):
    """The text of a page, without code, styles and what is the shop's own (class words) or a cited title."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: list[str] = []
        self.english: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        skip = (
            tag in ("style", "title", "code", "cite", "label")
            or ("class", "words") in attrs
            or ("class", "chips") in attrs
        )
        if self.skipped or skip:
            self.skipped += [tag] if tag not in ("input", "br", "meta") else []
        elif ("lang", "en") in attrs:
            self.english.append(tag)
        else:
            self.text += [value or "" for name, value in attrs if name == "aria-label"]

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            self.skipped.pop()

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.text.append(data)


def latin(words: Words) -> set[str]:
    return set(re.findall(r"[A-Za-zé]+(?:-[A-Za-z]+)*", " ".join(words.text)))


def read(page: str) -> Words:
    words = Words()
    words.feed(page)
    return words


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_catalogues_have_equal_keys_and_places(page: str, language: Any) -> None:
    first, other = catalogue(page, "en"), catalogue(page, language)
    assert first.keys() == other.keys()
    places = re.compile(r"{\w+}|</?b>|</?code>")
    ours = {key: sorted(set(re.findall(r"{\w+}", text))) for key, text in first.items()}
    assert ours == {key: sorted(set(re.findall(r"{\w+}", text))) for key, text in other.items()}
    assert all(text.count("<b>") == text.count("</b>") for text in other.values() if places.search(text))


@pytest.mark.parametrize("page", PAGES)
def test_every_text_of_a_catalogue_is_text(page: str) -> None:
    for language in LANGUAGES:
        assert all(isinstance(text, str) and text for text in catalogue(page, language).values())


@pytest.mark.parametrize("page", PAGES)
def test_templates_hold_no_words_of_their_own(page: str) -> None:
    template = Path(f"infra/report/{page}.html.j2").read_text()
    bare = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}|<[^>]*>|&\w+;", " ", template, flags=re.DOTALL)
    assert set(re.findall(r"[A-Za-z]{2,}", bare)) <= {"UTC"}


def test_values_are_escaped() -> None:
    assert "&lt;i&gt;" in Texts("dossier", "zh")("heading", use_case="<i>", shop="{x}")


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize("synthetic", [None, sample.LABEL])
def test_a_chinese_dossier_holds_no_english_sentence(passed: bool, synthetic: str | None) -> None:
    evidence = sample.evidence(
        **sample.in_words_of_the_code(), gate=sample.plain_gate(passed=passed), synthetic=synthetic
    )
    words = read(dossier.render(evidence, internal=False, languages=["zh"]))
    assert words.english == []
    assert latin(words) <= NAMES


def test_a_chinese_notice_holds_no_english_sentence() -> None:
    spec = read_spec(Path("models/shop/shop.yaml"))
    page = notice.render(spec, day=date(2026, 11, 21))
    chinese = page[page.index('<article class="page" id="zh"') :]
    words = read(chinese)
    assert words.english == []
    assert latin(words) <= NAMES
