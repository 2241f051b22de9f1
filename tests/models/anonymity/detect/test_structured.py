"""Structured identifiers: found in both languages, named rightly, and nothing else taken for one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.anonymity.detect import checks
from models.anonymity.detect.structured import may_match, structured
from models.anonymity.patterns import PATTERNS
from models.anonymity.suspicion import NUMBERS
from models.shop.labelled_values import credit_code, iban, resident_id, with_luhn

FOUND = [
    ("我的身份证是11010519491231002X。", "ID", "11010519491231002X"),
    ("身份证号码：110105194912310021", "ID", "110105194912310021"),
    ("SSN 123-45-6789 on file", "ID", "123-45-6789"),
    ("ITIN 912-71-1234", "ID", "912-71-1234"),
    ("card 4111 1111 1111 1111 declined", "CARD", "4111 1111 1111 1111"),
    ("my credit card 501864667909 is lost", "CARD", "501864667909"),
    ("卡号6222021234567890123", "CARD", "6222021234567890123"),
    ("护照号码E12345678", "PASSPORT", "E12345678"),
    ("Passport number is 123456789", "PASSPORT", "123456789"),
    ("my driver's license number is 6940579", "LICENCE", "6940579"),
    ("license number 2270-66-1551", "LICENCE", "2270-66-1551"),
    ("车牌粤BD12345，新能源", "PLATE", "粤BD12345"),
    ("车牌京A·12345", "PLATE", "京A·12345"),
    ("from 192.168.10.254", "IP", "192.168.10.254"),
    ("from 2001:db8::ff00:42:8329", "IP", "2001:db8::ff00:42:8329"),
    ("MAC 00:1A:2B:3C:4D:5E", "DEVICE", "00:1A:2B:3C:4D:5E"),
    ("IMEI 490154203237518", "DEVICE", "490154203237518"),
    ("id 6D92078A-8246-4BA4-AE5B-76104861E7DC", "DEVICE", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("订单号：202611220012345678", "ORDER", "202611220012345678"),
    ("order O0001234 is late", "ORDER", "O0001234"),
    ("顺丰SF1234567890123没动", "WAYBILL", "SF1234567890123"),
    ("运单号78123456789012", "WAYBILL", "78123456789012"),
    ("tracking 1Z999AA10123456784", "WAYBILL", "1Z999AA10123456784"),
    ("加我微信：ming_2008", "ACCOUNT", "ming_2008"),
    ("微信号 wangxiaoming 在线", "ACCOUNT", "wangxiaoming"),
    ("退到微信tom_99x吧", "ACCOUNT", "tom_99x"),
    ("abcd123加我微信", "ACCOUNT", "abcd123"),
    ("我的 wxid_abcdefghijklmn", "ACCOUNT", "wxid_abcdefghijklmn"),
    ("QQ12345678", "ACCOUNT", "12345678"),
    ("支付宝账号13812345678", "ACCOUNT", "13812345678"),
    ("WeChat: bob_smith77", "ACCOUNT", "bob_smith77"),
    ("follow @bob_smith", "ACCOUNT", "@bob_smith"),
    ("IBAN DE89 3704 0044 0532 0130 00", "IBAN", "DE89 3704 0044 0532 0130 00"),
    ("信用代码91350100M000100Y43", "COMPANY", "91350100M000100Y43"),
    ("我1990年5月1日出生", "BIRTHDATE", "1990年5月1日"),
    ("1990-05-01生，男", "BIRTHDATE", "1990-05-01"),
    ("She was born on 2/8/1935.", "BIRTHDATE", "2/8/1935"),
    ("date of birth: 12 March 1980", "BIRTHDATE", "12 March 1980"),
    ("手机138-1234-5678", "PHONE", "138-1234-5678"),
    ("座机010-62345678", "PHONE", "010-62345678"),
    ("一三八零零一三八零零零", "PHONE", "一三八零零一三八零零零"),
    ("call 07700 063 966", "PHONE", "07700 063 966"),
    ("tel 03.93.92.16.85", "PHONE", "03.93.92.16.85"),
    ("ring +46 (0)8 928 571 38", "PHONE", "+46 (0)8 928 571 38"),
    ("Phone:\n467 3395", "PHONE", "467 3395"),
    ("phone 345-899-3560x4587", "PHONE", "345-899-3560x4587"),
    ("mail bob.o'neil+x@mail.example.co.uk", "EMAIL", "bob.o'neil+x@mail.example.co.uk"),
    ("邮箱zhang@qq.com，谢谢", "EMAIL", "zhang@qq.com"),
    ("bob (at) mail.com", "EMAIL", "bob (at) mail.com"),
    ("see https://shop.example/u/77", "URL", "https://shop.example/u/77"),
    ("my zip code is 3520", "ADDRESS", "3520"),
    ('{"user": {"mobile": "13812345678"}}', "PHONE", "13812345678"),
]
NOTHING = [
    "I paid 1,234.56 on 2026-11-21 at 23:45:06 for 3 shirts in size 42",
    "一共花了299元，打了8折，2025年11月11日下单",
    "open from 9:00 to 17:30, ratio 16:9",
    "between 2019-2020 and 2021",
    "原价1299，活动价899，值了",
    "我用微信支付付了199.00元",
    "refund of $1 200 500 and 12 345 678.90 in sum",
    "version 1.2.3 of the app, 50% off, 5 x 10 cm",
    "a birthday cake for 12 people",
    "支付宝花呗分12期",
    "2026年1月2日生产，抖音直播2场，淘宝88VIP会员",
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_found_and_named(text: str, kind: str, value: str) -> None:
    assert [(span.kind, text[span.start : span.end]) for span in structured(text)] == [(kind, value)]
    assert re.search(NUMBERS, text, re.ASCII), "the sweep must send this text to the analysis"


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_else(text: str) -> None:
    assert structured(text) == []
    assert not any(re.search(pattern, text, re.ASCII) for pattern in PATTERNS.values())


MADE = {
    "resident": (resident_id, checks.is_resident_id),
    "iban": (iban, checks.is_iban),
    "credit code": (credit_code, checks.is_credit_code),
    "card": (lambda rng: with_luhn(f"4{rng.randrange(10**14):014}"), checks.is_card),
    "imei": (lambda rng: with_luhn(f"86{rng.randrange(10**12):012}"), checks.is_imei),
}


@pytest.mark.parametrize("name", MADE)
@given(rng=st.randoms(use_true_random=False), place=st.integers(0, 40), step=st.integers(1, 8))
def test_one_wrong_digit_breaks_a_check(name: str, rng: object, place: int, step: int) -> None:
    """Every one of these checks sees every single wrong digit (Luhn and the moduli by their theory)."""
    make, check = MADE[name]
    value = make(rng)  # type: ignore[arg-type]
    assert check(value)
    digits = [i for i, mark in enumerate(value) if mark.isdigit() and i > 1]
    at = digits[place % len(digits)]
    wrong = value[:at] + str((int(value[at]) + step) % 10) + value[at + 1 :]
    assert not check(wrong)


@given(st.text(alphabet="0123456789 -.:/@+()xXO京Aa微信QQ号月日年born生", max_size=40))
def test_whatever_a_pattern_matches_is_swept(text: str) -> None:
    """The one search of the sweep finds all that any pattern does, and the analysis leaves nothing of it."""
    hit = any(re.search(pattern, text, re.ASCII) for pattern in PATTERNS.values())
    assert not hit or re.search(NUMBERS, text, re.ASCII)
    assert not hit or (structured(text) and may_match(text))
