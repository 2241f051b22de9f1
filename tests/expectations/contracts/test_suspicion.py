"""Suspicion: identifiers under a harmless name are refused, and the refusal does not quote them."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from expectations.contracts.suspicion import refuse_suspicious, suspicious_columns
from expectations.errors import ContractError
from models.values.spec import ShopSpec


def orders(column: str, values: list[str | None]) -> ibis.Table:
    texts = {name: ["fine"] * len(values) for name in ("order_id", "customer_id", "channel", "remark")}
    kinds = pa.schema([(name, pa.string()) for name in texts])
    return ibis.memtable(pa.table(texts | {column: values}, schema=kinds))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("ann@example.org", "e-mail addresses"),
        ("+86 138 0013 8000", "phone numbers"),
        ("4111 1111 1111 1111", "card numbers"),
        ("11010519491231002X", "identity numbers"),
    ],
)
def test_identifiers_under_a_harmless_name_are_refused(spec: ShopSpec, value: str, kind: str) -> None:
    table = orders("remark", [value, value, *["fine"] * 98, *[None] * 500])
    assert ("remark", kind) in suspicious_columns(spec, "orders", table)
    with pytest.raises(ContractError, match=rf"tables\.orders\.columns\.remark looks like {kind}") as caught:
        refuse_suspicious(spec, "orders", table)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("remark", ["ann@example.org", *["fine"] * 99]),
        ("remark", ["gift wrap", "size 42", "2 of 3", None]),
        ("remark", [None, None]),
        ("order_id", ["ann@example.org"] * 5),
    ],
)
def test_harmless_and_protected_columns_pass(spec: ShopSpec, column: str, values: list[str | None]) -> None:
    table = orders(column, values)
    assert suspicious_columns(spec, "orders", table) == ()
    refuse_suspicious(spec, "orders", table)
