"""Redaction: personal values go, the sentence stays."""

from __future__ import annotations

import re
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity import text as redaction
from models.anonymity.text import Known, redact, residual_patterns

ME: dict[str, str | None] = {
    "name": "Ana María Großmann",
    "email": "Ana.G@Example.com",
    "phone": "+1 (415) 555-2671",
    "address": "12B Oak-Hill Gate, Springfield",
    "id": "device-XY.7",
}
WANG: dict[str, str | None] = {
    "name": "王小明",
    "email": None,
    "phone": "138 1234 5678",
    "address": "北京市朝阳区幸福里三号院",
    "id": " ",
}

BY_PATTERN = [
    ("write to bob.o'neil+x@mail.example.co.uk today", "write to [EMAIL_1] today"),
    ("邮箱zhang@qq.com，谢谢", "邮箱[EMAIL_1]，谢谢"),
    ("ＢＯＢ＠ｍａｉｌ．ｃｏｍ", "[EMAIL_1]"),
    ("bob (at) mail.com", "[EMAIL_1]"),
    ("see https://shop.example/u/77?e=bob@x.com now", "see [URL_1] now"),
    ("from 192.168.10.254 or 2001:db8::ff00:42:8329", "from [IP_1] or [IP_2]"),
    ("card 4111 1111 1111 1111 declined", "card [CARD_1] declined"),
    ("card 4111-1111-1111-1111, 378282246310005.", "card [CARD_1], [CARD_2]."),
    ("卡号6222021234567890123请查", "卡号[CARD_1]请查"),
    ("my id 11010519491231002X", "my id [ID_1]"),
    ("身份证110105194912310021。", "身份证[ID_1]。"),
    ("ssn 123-45-6789 and customer C0000001", "ssn [ID_1] and customer [ID_2]"),
    ("order O0001234 is late", "order [ORDER_1] is late"),
    ("call +44 20 7946 0958 or 415-555-2671 or (415) 555-2671", "call [PHONE_1] or [PHONE_2] or [PHONE_2]"),
    ("手机１３８１２３４５６７８或138-1234-5678", "手机[PHONE_1]或[PHONE_1]"),
    ("+86 138 1234 5678 / 010-62345678", "[PHONE_1] / [PHONE_2]"),
    ("138\u200b1234\u200b5678", "[PHONE_1]"),
    ("138–1234–5678", "[PHONE_1]"),
    ("𝟏𝟑𝟖𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "[PHONE_1]"),
    ("1 3 8 1 2 3 4 5 6 7 8", "[PHONE_1]"),
    ("вob@mаil.com", "[EMAIL_1]"),
    ("车牌京A12345停了，粤BD12345也是", "车牌[PLATE_1]停了，[PLATE_2]也是"),
    ("车牌京ABCDEF", "车牌[PLATE_1]"),
    ("IBAN DE89 3704 0044 0532 0130 00 please", "IBAN [IBAN_1] please"),
    ("gb29nwbk60161331926819", "[IBAN_1]"),
    ("sent to 742 Evergreen Terrace, not here", "sent to [ADDRESS_1], not here"),
    ("送到中山路123号5栋2单元601室", "送到[ADDRESS_1]"),
    ('{"a": {"b": ["13812345678", "x@y.com"]}}', '{"a": {"b": ["[PHONE_1]", "[EMAIL_1]"]}}'),
]
UNTOUCHED = [
    "I paid 1,234.56 on 2026-11-21 at 23:45:06 for 3 shirts in size 42",
    "where is my refund of $49.99? it has been 14 days",
    "退款什么时候到账？我等了3天了",
    "",
    None,
]
BY_KNOWLEDGE: list[tuple[dict[str, str | None], str, str]] = [
    (
        ME,
        "hi, ANA here, maría GROSSMANN? no, ana maría großmann",
        "hi, [NAME] here, [NAME] GROSSMANN? no, [NAME]",
    ),
    (ME, "analysis of the bananas", "analysis of the bananas"),
    (ME, "mail ANA.G@EXAMPLE.COM", "mail [EMAIL]"),
    (ME, "call 415.555/2671 (home)", "call [PHONE] (home)"),
    (ME, "at 12b oak-hill  gate springfield or 12B OAK-HILL GATE.", "at [ADDRESS] or [ADDRESS]."),
    (ME, "my DEVICE-xy.7 broke", "my [ID] broke"),
    (WANG, "我是王小明，叫我小明就好，电话138-1234-5678", "我是[NAME]，叫我[NAME]就好，电话[PHONE]"),
    (WANG, "寄到北京市朝阳区幸福里三号院吧", "寄到[ADDRESS]吧"),
]
KNOWN = {name: "string" for name in ("t", *ME)}


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def redacted(connection: Any, rows: list[dict[str, str | None]]) -> list[str | None]:
    schema = ibis.schema({"n": "int64", **KNOWN}).to_pyarrow()
    table = ibis.memtable(
        pa.Table.from_pylist([{"n": n, **row} for n, row in enumerate(rows)], schema=schema)
    )
    known = [Known(kind, table[kind]) for kind in ME]  # type: ignore[arg-type]
    made = table.select("n", r=redact(table.t, known)).order_by("n")
    found: list[str | None] = connection.to_pyarrow(made)["r"].to_pylist()
    return found


def test_patterns(connection: Any) -> None:
    found = redacted(connection, [{"t": text} for text, _ in BY_PATTERN])
    assert found == [expected for _, expected in BY_PATTERN]


def test_useful_text_stays(connection: Any) -> None:
    assert redacted(connection, [{"t": text, **ME} for text in UNTOUCHED]) == UNTOUCHED


def test_known_values(connection: Any) -> None:
    found = redacted(connection, [{"t": text, **who} for who, text, _ in BY_KNOWLEDGE])
    assert found == [expected for *_, expected in BY_KNOWLEDGE]


def test_a_name_with_signs_of_a_pattern_is_taken_literally(connection: Any) -> None:
    odd = {"name": "(.*) [a", "email": "+", "phone": "((", "address": "[[[[[[", "id": "\\Q.."}
    assert redacted(connection, [{"t": "all is well \\Q..", **odd}]) == ["all is well [ID]"]


TEXTS_OF = [
    ("a", "call 138 1234 5678 or 139 1234 5678"),
    ("a", "139-1234-5678 again, mail x@y.com"),
    ("b", "139 1234 5678"),
    ("b", "all is well"),
    ("a", None),
    (None, "p@q.com, r@s.com, p@q.com"),
    (None, "r@s.com"),
]


def numbered_by_customer(connection: Any, rows: list[tuple[str | None, str | None]]) -> list[str | None]:
    table = ibis.memtable(
        pa.table({"n": range(len(rows)), "c": [c for c, _ in rows], "t": [t for _, t in rows]}),
    )
    made, names = redaction.redacted(table, ["t"], "c")
    found: list[str | None] = connection.to_pyarrow(made.order_by("n"))[names["t"]].to_pylist()
    return found


def test_a_value_has_one_number_in_all_texts_of_a_customer(connection: Any) -> None:
    first, second, *others = numbered_by_customer(connection, TEXTS_OF)
    assert first in ("call [PHONE_1] or [PHONE_2]", "call [PHONE_2] or [PHONE_1]")
    assert second == f"{first.split(' or ')[1]} again, mail [EMAIL_1]"
    assert others[:3] == ["[PHONE_1]", "all is well", None]
    assert others[3:] == ["[EMAIL_1], [EMAIL_2], [EMAIL_1]", "[EMAIL_1]"]


def test_no_customer_decides_the_numbers_of_another(connection: Any) -> None:
    """Two worlds: without customer a, the texts of b and of nobody are as they were (docs/privacy.md, rule 1)."""
    with_a = dict(zip(TEXTS_OF, numbered_by_customer(connection, TEXTS_OF), strict=True))
    world = [row for row in TEXTS_OF if row[0] != "a"]
    assert numbered_by_customer(connection, world) == [with_a[row] for row in world]


PIECES = [
    "Ana",
    "415 555 2671",
    "a@b.co",
    "@",
    "1",
    "23",
    "4567",
    "-",
    " ",
    "+",
    ".",
    "www.",
    "::",
    "O",
    "京A",
    "[",
    "]",
    "x",
]


@settings(max_examples=12, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=20), max_size=20
    )
)
def test_nothing_that_the_gate_searches_is_left(connection: Any, texts: list[str]) -> None:
    """After one pass no pattern matches."""
    texts = [text.replace("\0", "") for text in texts]
    found = redacted(connection, [{"t": text} for text in texts])
    table = ibis.memtable(pa.table({"t": pa.array(found, pa.string())}))
    any_left = [table.t.re_search(pattern) for pattern in residual_patterns().values()]
    assert connection.to_pyarrow(table.filter(ibis.or_(*any_left))).num_rows == 0


def test_placeholders_stay(connection: Any) -> None:
    """What was replaced before is no name, neither by the known values of this pass nor in an earlier one."""
    texts = [
        "MY NAME IS [NAME] AND I WAIT",
        "[NAME_2] wrote to [EMAIL_1] from [ADDRESS_1]",
        "我是[NAME]，住[ADDRESS_3]",
    ]
    assert redacted(connection, [{"t": text} for text in texts]) == texts


def test_residual_patterns_are_valid_in_python_too() -> None:
    assert all(re.compile(pattern) for pattern in residual_patterns().values())
