from __future__ import annotations

import pytest

from models.cases.support_text import is_chinese, sentences, spoken, without_placeholders


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        ("Where is my order [ORDER_2]?", False),
        ("我的订单[ORDER_1]还没有收到", True),
        ("Hello, this is 王 from Detroit", False),
        ("请问 iPhone 还有货吗", True),
        ("[NAME] [PHONE_1]", False),
        ("", False),
    ],
)
def test_the_script_decides_the_language(text: str, chinese: bool) -> None:
    assert is_chinese(text) is chinese


def test_placeholders_become_words_or_nothing() -> None:
    assert spoken("Call [PHONE_12] or [NAME].") == "Call phone or name."
    assert without_placeholders("订单[ORDER_1]") == "订单"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hi. Where is it? Thanks!", ("Hi.", "Where is it?", "Thanks!")),
        ("付款失败。请帮忙！谢谢", ("付款失败。", "请帮忙！", "谢谢")),
        ("version 1.5 is late", ("version 1.5 is late",)),
        ("", ("",)),
        ("a. " * 9, ("a.",) * 6),
    ],
)
def test_sentences(text: str, parts: tuple[str, ...]) -> None:
    assert sentences(text) == parts
