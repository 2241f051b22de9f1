"""The notice: all that a customer must be told, only what is true of the spec, or no notice at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from infra.report.notice import NoticeError, render
from infra.report.texts import catalogue
from infra.spec import read_spec
from models.values.language import LANGUAGES
from models.values.spec import ShopSpec
from models.values.transform import Transform

SHOP = Path("models/shop/shop.yaml")
DAY = date(2026, 11, 21)


def spec(**changes: Any) -> ShopSpec:
    """The embedded shop's spec with values at dotted places replaced; None removes."""
    raw = yaml.safe_load(SHOP.read_text())
    for place, value in changes.items():
        *way, last = place.split("__")
        part = raw
        for step in way:
            part = part[step]
        if value is None:
            del part[last]
        else:
            part[last] = value
    return ShopSpec.model_validate(raw)


@pytest.fixture(scope="module")
def page() -> str:
    return render(read_spec(SHOP), day=DAY)


@pytest.mark.parametrize(
    "told",
    [
        *("Embedded Shop (invented)", "privacy@embedded-shop.example", "officer@embedded-shop.example"),
        *(
            "date of birth",
            "as an age group, 10 years wide",
            "as a code that cannot be made without a secret",
        ),
        *("To recognise orders placed with stolen accounts", "your consent (GDPR)", "your consent (PIPL)"),
        *("Only if you agreed.", "at least 10 customers (k-anonymity)", "95.3", "1 in 500,000", "ε 120"),
        *("30 days", "90 days", "365 days", "Nobody outside the shop.", "No decision is made by a machine"),
        *("withdraw your consent at any time", "to complain to the supervisory authority", "2026-11-21"),
        *(
            "内嵌示例店铺（虚构）",
            "出生日期",
            "归入宽度为 10 岁的年龄段",
            "识别使用被盗账户提交的订单",
            "您的同意",
        ),
        *("30 天", "不向店铺以外的任何人提供", "随时撤回同意", "履行个人信息保护职责的部门投诉、举报"),
    ],
)
def test_a_customer_is_told(page: str, told: str) -> None:
    assert told in page


def test_a_notice_asks_nobody(page: str) -> None:
    assert not any(word in page for word in ("http:", "https:", "<script", "url(", "<img", "<link"))
    assert "default-src 'none'" in page


MISSING = [
    ({"notice": None}, "has no notice"),
    ({"notice__transfers": {"en": "None at all."}}, "notice.transfers says nothing in zh"),
    ({"purposes__support__reason_in": None}, "purposes.support.reason_in says nothing in zh"),
    ({"tables__orders__columns__mood": {"role": "attribute"}}, "notice.words.zh has no word for mood"),
    ({"tables__orders__columns__心情": {"role": "attribute"}}, "notice.words.en has no word for 心情"),
    (
        {"purposes__support__basis": {"gdpr": "consent", "pipl": "legitimate_interest"}},
        "under pipl, which knows no such basis",
    ),
]


@pytest.mark.parametrize(("changes", "said"), MISSING, ids=[said for _, said in MISSING])
def test_where_the_spec_says_too_little_no_notice_is_made(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NoticeError, match=said):
        render(spec(**changes), day=DAY)


def test_all_that_is_missing_is_named_at_once() -> None:
    changes = {"purposes__support__reason_in": None, "notice__authority": {"zh": "主管部门"}}
    with pytest.raises(NoticeError, match=r"authority.*en.*support"):
        render(spec(**changes), day=DAY)


def test_one_language_needs_the_words_of_one() -> None:
    changes = {"languages": ["en"], "purposes__support__reason_in": None}
    english = render(spec(**changes), day=DAY)
    assert '<html lang="en">' in english
    assert 'lang="zh' not in english


CHOICES = [
    ({"gdpr": "consent", "pipl": "consent"}, "Only if you agreed."),
    ({"gdpr": "legitimate_interest", "pipl": "contract"}, "Unless you said no."),
    ({"gdpr": "legal_duty", "pipl": "legal_duty"}, "Whatever your choice, because the law demands it."),
    ({"gdpr": "consent", "pipl": "legal_duty"}, "Only if you agreed."),
]


@pytest.mark.parametrize(("basis", "told"), CHOICES)
def test_the_choice_told_is_the_one_applied(basis: dict[str, str], told: str) -> None:
    page = render(spec(purposes__support__basis=basis, languages=["en"]), day=DAY)
    card = page[page.index("To answer letters faster") :]
    assert told in card[: card.index("</div>")]


def test_without_a_consent_table_no_filter_is_promised() -> None:
    basis = {"gdpr": "contract", "pipl": "contract"}
    changes: dict[str, Any] = {
        f"purposes__{name}__basis": basis
        for name in ("analytics", "fraud_detection", "support", "recommendation")
    }
    page = render(spec(consent=None, languages=["en"], **changes), day=DAY)
    assert "Unless you said no" not in page
    assert "your data is left out of every table" not in page
    assert "If you object, write to privacy@embedded-shop.example." in page
    assert "withdraw your consent" not in page


def test_what_never_leaves_is_not_in_any_release() -> None:
    page = render(spec(languages=["en"]), day=DAY)
    line = next(line for line in page.splitlines() if "never leave" in line)
    assert "e-mail address" in line
    assert "device number" not in line


def test_texts_of_the_shop_are_escaped() -> None:
    page = render(spec(notice__contact="<i>@x", languages=["en"]), day=DAY)
    assert "<i>" not in page
    assert "&lt;i&gt;@x" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_transform_but_drop_can_be_told(language: Any) -> None:
    kinds = TypeAdapter(Transform).json_schema()["discriminator"]["mapping"].keys() - {"drop", "truncate"}
    assert not {kind for kind in kinds if f"how.{kind}" not in catalogue("notice", language)}
