"""Spelling: what is one value has one spelling, and phones have that of Google's library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ibis
import phonenumbers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from infra.engine import Engine, open_engine
from models.anonymity.phones import NUMBERING
from models.anonymity.spelling import characters, normalise
from models.values.region import REGIONS

FORMATS = (
    *(PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL),
    *(PhoneNumberFormat.E164, PhoneNumberFormat.RFC3966),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def spelt(engine: Engine, texts: list[str | None], kind: str, region: str | None = None) -> list[str | None]:
    table = ibis.memtable({"n": range(len(texts)), "t": texts}, schema={"n": "int64", "t": "string"})
    made = table.select("n", h=normalise(table.t, kind, region)).order_by("n")
    return [row["h"] for row in engine.rows(made)]


@pytest.mark.parametrize(
    ("kind", "raw", "normal"),
    [
        ("email", " Bob@X.COM ", "bob@x.com"),
        ("email", "ｂｏｂ＠ｘ．ｃｏｍ", "bob@x.com"),
        ("email", None, None),
        ("id", " C01 ", "C01"),
        ("id", "Ｃ０１", "C01"),
        ("id", "C\u200b01", "C01"),
        ("id", "\u3000", None),
        ("id", "張三", "張三"),
        ("name", "張 三", "张三"),
        ("name", "歐陽·娜娜", "欧阳娜娜"),
        ("name", "Zhang  San ", "zhang san"),
        ("name", "王小明", "王小明"),
        ("phone", "+1 (415) 555-0100", "+14155550100"),
        ("phone", "13812345678", "13812345678"),
        ("phone", "none", None),
    ],
)
def test_one_spelling(engine: Engine, kind: str, raw: str | None, normal: str | None) -> None:
    assert spelt(engine, [raw], kind) == [normal]


@pytest.mark.parametrize(
    "raw",
    [
        *("13812345678", "138 1234 5678", "138-1234-5678", "+86 138 1234 5678", "0086-13812345678"),
        *("8613812345678", "（+86）138 1234 5678", "１３８１２３４５６７８", "+86 (138) 1234-5678 转 12"),
    ],
)
def test_one_chinese_number(engine: Engine, raw: str) -> None:
    assert spelt(engine, [raw], "phone", "CN") == ["+8613812345678"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    region=st.sampled_from(sorted(NUMBERING)), last=st.lists(st.integers(0, 9999), min_size=1, max_size=20)
)
def test_phones_as_the_library_spells_them(engine: Engine, region: str, last: list[int]) -> None:
    numbers = [number for digits in last for number in _valid(region, digits)]
    spellings = [
        (text, phonenumbers.format_number(number, PhoneNumberFormat.E164))
        for number in numbers
        for text in _written(number, region)
    ]
    found = spelt(engine, [text for text, _ in spellings], "phone", region)
    assert found == [expected for _, expected in spellings]


def _valid(region: str, last: int) -> Iterator[PhoneNumber]:
    """Numbers of a country that the library holds valid, landlines and mobiles."""
    for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE):
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        changed = PhoneNumber(
            country_code=example.country_code,
            national_number=example.national_number // 10_000 * 10_000 + last,
            italian_leading_zero=example.italian_leading_zero,
        )
        if phonenumbers.is_valid_number(changed):
            yield changed


def _written(number: PhoneNumber, region: str) -> Iterator[str]:
    for form in FORMATS:
        text = phonenumbers.format_number(number, form)
        yield from (
            text,
            text.replace(" ", "").replace("-", ""),
            text.replace(" ", "\u3000"),
            f"{text} ext. 12",
        )
        yield "".join(chr(ord(letter) + 0xFEE0) if letter in "+0123456789" else letter for letter in text)
    yield phonenumbers.format_out_of_country_calling_number(number, region)


@pytest.mark.parametrize("region", sorted(NUMBERING))
def test_numbering_plans(region: str) -> None:
    known = phonenumbers.PhoneMetadata.metadata_for_region(region)
    plan = NUMBERING[region]
    assert (plan.code, plan.trunk) == (str(known.country_code), known.national_prefix or "")


def test_every_region_of_the_spec_has_a_plan() -> None:
    assert NUMBERING.keys() == REGIONS


def test_simplified_characters_stay() -> None:
    traditional, simplified = characters()
    assert len(traditional) == len(simplified) == len(set(traditional)) > 2900
    assert not set(traditional) & set(simplified)
