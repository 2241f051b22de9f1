"""Answers to questions that nobody saw when thresholds were set, by the embedded shop's answer base."""

from __future__ import annotations

import ibis
import numpy as np
import pytest

from models.cases.answers import answer_base, search
from models.cases.case import CaseError, Facts
from models.cases.encoder import Encoder
from models.cases.support_reader import Reader
from models.shop.specification import ANSWERS

READER = Reader(encoder=Encoder(), buckets=1024)
ASKED = [
    ("delivery_status", "When is my order going to arrive?"),
    ("return_item", "Hello! What do I have to do to return these shoes? Kind regards, [NAME]"),
    ("refund_status", "Have you already refunded me?"),
    ("payment_failed", "You took the money for my order twice"),
    ("account_access", "The login page does not accept my password"),
    ("product_question", "Are there nuts in it?"),
    ("delivery_status", "请问我的订单到哪里了"),
    ("return_item", "您好，我想退货，怎么申请？谢谢"),
    ("refund_status", "退款什么时候可以到账"),
    ("payment_failed", "订单重复扣款怎么办"),
    ("account_access", "收不到重置密码的邮件"),
]
OFF = [
    "Can you recommend a good film?",
    "My neighbour plays the trumpet at night.",
    "How tall is the Eiffel tower?",
    "I would like to apply as an accountant.",
    "推荐一部好看的电影吧",
    "我邻居晚上太吵了",
    "这座塔有多高",
    "",
]


@pytest.fixture(scope="module")
def facts() -> Facts:
    return answer_base(ibis.read_csv(str(ANSWERS)), READER)


def _sure(facts: Facts, intents: list[str]) -> np.ndarray:
    return np.eye(len(facts["intents"]))[np.searchsorted(facts["intents"], intents)]


def test_unseen_questions_get_an_approved_answer_of_their_intent(facts: Facts) -> None:
    intents, texts = [intent for intent, _ in ASKED], [text for _, text in ASKED]
    found = search(texts, _sure(facts, intents), READER, facts)
    assert [text for text, human in zip(texts, found.to_human, strict=True) if human] == []
    assert list(facts["intents"][facts["entry_intent"][found.place]]) == intents
    languages = ["zh" if ord(text[0]) > 255 else "en" for text in texts]
    assert list(facts["entry_language"][found.place]) == languages


def test_what_nobody_wrote_an_answer_for_goes_to_a_human(facts: Facts) -> None:
    """Whatever intent the model is sure of."""
    for intent in facts["intents"]:
        found = search(OFF, _sure(facts, [intent] * len(OFF)), READER, facts)
        assert found.to_human.all()


def test_a_model_that_is_not_sure_hands_over(facts: Facts) -> None:
    unsure = 0.59 * _sure(facts, [ASKED[0][0]])
    assert search([ASKED[0][1]], unsure, READER, facts).to_human.all()


def test_a_model_that_is_wrong_hands_over(facts: Facts) -> None:
    wrong = _sure(facts, ["damaged_item"])
    assert search(["How can I return an item?"], wrong, READER, facts).to_human.all()


def test_every_intent_has_an_answer_in_both_languages(facts: Facts) -> None:
    for language in ("en", "zh"):
        held = facts["entry_intent"][facts["entry_language"] == language]
        assert set(held) == set(range(len(facts["intents"])))


def test_an_empty_answer_base_is_refused() -> None:
    with pytest.raises(CaseError, match="the answer base has no entry"):
        answer_base(ibis.read_csv(str(ANSWERS)).filter(ibis.literal(False)), READER)
