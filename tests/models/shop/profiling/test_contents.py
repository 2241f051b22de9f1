"""Contents: what values prove to be under a harmless name, and what does not count."""

import pytest

from models.shop.profiling.checksums import is_card, is_iban, is_resident_id
from models.shop.profiling.contents import content_kind, looks_like_data, traces

RESIDENT = ["11010519491231002X", "440524188001010014"]
KINDS = [
    ("email", ["ann@shop.example", "li.wei@例子.公司", "b+c@mail.example"]),
    ("phone", ["13812345678", "+86 139 1234 5678", "15912345678"]),
    ("phone", ["+44 20 7946 0018", "(017)893-9493", "670.664.8168x94985"]),
    ("card", ["4111111111111111", "5500 0000 0000 0004", "340000000000009"]),
    ("resident_id", RESIDENT),
    ("iban", ["DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"]),
    ("ip", ["10.0.0.1", "fe80::1", "192.168.7.7"]),
    ("device", ["00:1A:2B:3C:4D:5E", "aa-bb-cc-dd-ee-ff"]),
    ("name", ["王芳", "李秀英", "欧阳明", "张伟", "刘洋"]),
    ("name", ["Emma Smith", "Noah Brown", "Ava Jones", "Liam O'Connor", "Grace Unknownson"]),
    ("address", ["北京市朝阳区建国路88号", "上海市浦东新区世纪大道100号"]),
    ("address", ["5493 Jones Islands\nBrownside, CA 51896", "12 High Street, Leeds"]),
    ("unknown", ["card", "wallet", "invoice"]),
    ("unknown", ["12.50", "3.99", "1250.00"]),
    ("unknown", ["2026-01-31", "2025-12-01"]),
    ("unknown", ["536365", "536366", "1234567"]),
    ("unknown", ["红色", "蓝色", "绿色", "白色", "黑色"]),
]


@pytest.mark.parametrize(("kind", "values"), KINDS)
def test_the_kind_of_values(kind, values):
    assert content_kind(values) == kind


@pytest.mark.parametrize("test", [is_card, is_iban, is_resident_id])
def test_a_wrong_check_digit_is_refused(test):
    good = {is_card: "4111111111111111", is_iban: "GB29NWBK60161331926819", is_resident_id: RESIDENT[1]}[test]
    assert test(good)
    assert not test(good[:-1] + str((int(good[-1]) + 1) % 10))


def test_a_few_identifiers_in_words_are_noticed():
    assert traces(["gift wrap"] * 50 + ["call 13812345678"])
    assert not traces(["gift wrap", "no bag", "leave at door"])


@pytest.mark.parametrize(
    "header", ["ann@shop.example", "13812345678", "42", "2026-01-31", "4111111111111111"]
)
def test_a_value_in_the_place_of_a_header(header):
    assert looks_like_data(header)


@pytest.mark.parametrize("header", ["email", "客户编号", "Order No", "address1", "V1"])
def test_a_header_is_no_value(header):
    assert not looks_like_data(header)
