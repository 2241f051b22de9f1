"""Labelled sentences: spans that fit, values that check, and test wording that training has not seen."""

from __future__ import annotations

import re

import pytest

from benchmarks._text_templates import CHINESE, ENGLISH
from models.anonymity.detect.checks import is_card, is_credit_code, is_iban, is_resident_id
from models.shop import labelled_templates as templates
from models.shop.labelled import Language, Part, sentences
from models.shop.labelled_held_out import CHINESE_HELD_OUT
from models.shop.labelled_values import CHINESE_VALUES, ENGLISH_VALUES

PARTS: tuple[tuple[Language, Part], ...] = (
    ("zh", "train"),
    ("zh", "test"),
    ("zh", "held_out"),
    ("en", "train"),
    ("en", "test"),
)


@pytest.mark.parametrize(("language", "part"), PARTS)
def test_spans_hold_values(language: Language, part: Part) -> None:
    made = list(sentences(400, language=language, part=part, seed=3))
    assert made == list(sentences(400, language=language, part=part, seed=3))
    for text, spans, template in made:
        rest = text
        for start, end, _ in reversed(spans):
            rest = rest[:start] + "{}" + rest[end:]
        assert rest == re.sub(r"\{\w+\}", "{}", template)


def test_no_template_of_the_test_is_trained_on() -> None:
    def bare(lines: tuple[str, ...]) -> set[str]:
        return {re.sub(r"\{\w+\}|\W", "", line) for line in lines} - {""}

    learnt = bare((*templates.CHINESE_TRAIN, *CHINESE))
    assert not bare(templates.CHINESE_TEST) & learnt
    assert not bare(CHINESE_HELD_OUT) & (learnt | bare(templates.CHINESE_TEST))
    assert not bare(templates.ENGLISH_TEST) & bare((*templates.ENGLISH_TRAIN, *ENGLISH))


def test_every_kind_is_asked_for() -> None:
    for language, values, templates_ in (
        ("zh", CHINESE_VALUES, templates.CHINESE_TEST),
        ("zh", CHINESE_VALUES, CHINESE_HELD_OUT),
        ("en", ENGLISH_VALUES, templates.ENGLISH_TEST),
    ):
        asked = set(re.findall(r"\{(\w+)\}", " ".join(templates_)))
        kinds = {values[slot][0] for slot in asked}
        assert kinds >= {"NAME", "ADDRESS", "PHONE", "CARD", "PASSPORT", "DEVICE", "ACCOUNT"}, language


CHECKED = {"card": is_card, "resident": is_resident_id, "iban": is_iban, "credit_code": is_credit_code}


@pytest.mark.parametrize("slot", CHECKED)
def test_values_pass_their_checks(slot: str) -> None:
    import random

    draw = CHINESE_VALUES[slot][1]
    assert all(CHECKED[slot](draw(random.Random(seed))) for seed in range(50))
