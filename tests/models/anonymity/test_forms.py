"""Forms of whole columns: columns that identify have one, clean columns that look a little like it do not."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest

from models.anonymity.forms import LEAST, NUMBER_FORMS, TEXT_FORMS
from models.shop.labelled_values import CHINESE_VALUES, resident_id

RNG = random.Random(11)
DRAWS = range(200)


def of(values: Sequence[str], *, numbers: bool = False) -> set[str]:
    """The kinds of form that a column of these values has."""
    different = set(values)
    counted = {
        form.kind: (sum(re.fullmatch(form.pattern, value) is not None for value in different), form.share)
        for form in (NUMBER_FORMS if numbers else TEXT_FORMS)
    }
    return {kind for kind, (n, share) in counted.items() if n >= LEAST and n > share * len(different)}


IDENTIFYING = {
    "names of people": [CHINESE_VALUES["name"][1](RNG) for _ in DRAWS],
    "dates of birth": [
        f"{RNG.randrange(1950, 2012)}-{RNG.randrange(1, 13):02}-{RNG.randrange(1, 29):02}" for _ in DRAWS
    ],
    "vehicle plates": [f"AB{RNG.randrange(10, 99)} {RNG.choice('CDEF')}{RNG.choice('GHJK')}L" for _ in DRAWS],
    "passport numbers": [f"C01X{RNG.randrange(10_000, 99_999)}" for _ in DRAWS],
    "unkeyed digests or device ids": [f"{RNG.getrandbits(128):032x}" for _ in DRAWS],
    "coordinates": [f"{RNG.uniform(-90, 90):.4f}, {RNG.uniform(-180, 180):.4f}" for _ in DRAWS],
}
IDENTIFYING_NUMBERS = {
    "mobile numbers": [f"138{RNG.randrange(10**7, 10**8)}" for _ in DRAWS],
    "resident identity numbers": [resident_id(RNG)[:17] + "1" for _ in DRAWS],
    "card numbers": [f"622202{RNG.randrange(10**12, 10**13)}" for _ in DRAWS],
}
CLEAN = {
    "postcodes": [f"{RNG.randrange(10_000, 99_999)}" for _ in DRAWS],
    "British postcodes": [f"SW{RNG.randrange(1, 20)} {RNG.randrange(1, 9)}AB" for _ in DRAWS],
    "articles": [f"{RNG.randrange(10_000, 99_999)}{RNG.choice('ABC')}" for _ in DRAWS],
    "days of orders": [f"2025-{RNG.randrange(1, 13):02}-{RNG.randrange(1, 29):02}" for _ in DRAWS],
    "towns": ["New York", "Los Angeles", "San Diego", "Paris", "Lyon", "Nantes", "Den Haag"] * 10,
    "goods": [
        *"茶酒包鞋帽伞笔灯表锅",
        *(
            "毛衣",
            "高压锅",
            "时装",
            "牛奶",
            "金饰",
            "白酒",
            "黄瓜",
            "童装",
            "茶叶",
            "手机",
            "电脑",
            "耳机",
            "相机",
        ),
        *("书包", "台灯", "沙发", "椅子", "毛巾", "牙刷", "面膜", "口红", "积木", "方便面", "洪湖藕", "石榴"),
    ],
    "few names": ["王伟", "李娜", "张敏"] * 50,
}
CLEAN_NUMBERS = {
    "amounts": [str(RNG.randrange(1, 10**9)) for _ in DRAWS],
    "milliseconds": [str(1_767_225_600_000 + RNG.randrange(10**9)) for _ in DRAWS],
    "microseconds": [str(1_767_225_600_000_000 + RNG.randrange(10**12)) for _ in DRAWS],
}


@pytest.mark.parametrize("kind", IDENTIFYING)
def test_identifying_texts(kind: str) -> None:
    assert of(IDENTIFYING[kind]) == {kind}


@pytest.mark.parametrize("kind", IDENTIFYING_NUMBERS)
def test_identifying_numbers(kind: str) -> None:
    assert of(IDENTIFYING_NUMBERS[kind], numbers=True) == {kind}


@pytest.mark.parametrize("what", CLEAN)
def test_clean_texts(what: str) -> None:
    assert of(CLEAN[what]) == set()


@pytest.mark.parametrize("what", CLEAN_NUMBERS)
def test_clean_numbers(what: str) -> None:
    assert of(CLEAN_NUMBERS[what], numbers=True) == set()
