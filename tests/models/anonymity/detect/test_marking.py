"""Marking: no value stays in a marked text, and one value has one number."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.detect.marking import ALONE, CLOSE, OPEN, marked, marked_texts, numbered
from models.anonymity.detect.structured import patterns

CANARIES = ["13812345678", "vera.canary@example.com", "11010519491231002X", "4111111111111111", "E12345678"]
AROUND = [
    "{}",
    "{} is mine",
    "我的{}，谢谢",
    '{{"deep": {{"list": ["{}"]}}}}',
    "a;b;{};c",
    "?x={}&y=1",
    "<td>{}</td>",
    "line\n{}\nline",
    "[NAME_1] {}",
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_stays(around: str, canary: str) -> None:
    [text] = marked_texts([around.format(canary)])
    assert canary not in text
    assert OPEN in text


def test_missing_stays_missing_and_numbers_follow_the_customer() -> None:
    texts = pa.array(["a@b.co or c@d.co", None, "all is well"], pa.string())
    first = marked(texts)
    assert numbered(first, pa.array([ALONE] * 3)).to_pylist() == [
        "[EMAIL_1] or [EMAIL_2]",
        None,
        "all is well",
    ]
    second = first[0].as_py().split(CLOSE)[0] + CLOSE
    assert numbered(first, pa.array([f"{second}=7"] * 3)).to_pylist()[0] == "[EMAIL_7] or [EMAIL_1]"


def test_one_value_in_many_writings_is_one_mark() -> None:
    [text] = marked_texts(["call 138-1234-5678, 138 1234 5678, 13812345678, mail ab@X.com or ab@x.com"])
    assert numbered(pa.array([text]), pa.array([ALONE]))[0].as_py() == (
        "call [PHONE_1], [PHONE_1], [PHONE_1], mail [EMAIL_1] or [EMAIL_1]"
    )


def test_what_only_a_mark_makes_a_match_goes_too() -> None:
    """In "Smith@bobby99" is no handle; in "[NAME_1]@bobby99" is one, and the gate would stop the release."""
    [text] = marked_texts(["My name is John Smith@bobby99"])
    shown = numbered(pa.array([text]), pa.array([ALONE]))[0].as_py()
    assert shown == "My name is [NAME_1][ACCOUNT_1]"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="0123456789 -.:/@+()[]xXO京Aa微信QQ号月born_", max_size=40))
def test_nothing_that_the_gate_searches_is_left(text: str) -> None:
    shown = numbered(pa.array(marked_texts([text])), pa.array([ALONE]))[0].as_py()
    assert not any(pattern.search(shown) for _, pattern in patterns())
