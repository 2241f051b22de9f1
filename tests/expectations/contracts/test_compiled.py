"""Compiled contracts: the right rule for each fault, agreement with pandera, and no data in what is said."""

from __future__ import annotations

import logging
import math
import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.contracts.compiled import (
    CheckedTable,
    accepted,
    compile_rules,
    count_broken,
    dropped_columns,
    rejected,
)
from expectations.contracts.order import contract_order
from expectations.contracts.schema import table_schema
from expectations.errors import ContractError
from models.values.spec import ShopSpec

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CANARY = "CANARY7531"
GOOD = {
    "order_id": "O1",
    "customer_id": "C1",
    "ordered_at": "2026-01-02 10:00:00",
    "amount": "1.50",
    "items": "3",
    "channel": "web",
    "remark": "fine",
    "is_fraud": "no",
}
KNOWN = ibis.memtable(pa.table({"customer_id": ["C1", "C2", None]}))


def raw(rows: list[dict[str, Any]]) -> ir.Table:
    kinds = pa.schema([(name, pa.string()) for name in GOOD])
    return ibis.memtable(pa.Table.from_pylist(rows, kinds))


def stored(rows: list[dict[str, Any]], schema: pa.Schema, folder: Path) -> ir.Table:
    pq.write_table(pa.Table.from_pylist(rows, schema), folder / "raw.parquet")
    return ibis.read_parquet(folder / "raw.parquet")


def check(spec: ShopSpec, rows: list[dict[str, Any]] | ir.Table) -> CheckedTable:
    table = raw(rows) if isinstance(rows, list) else rows
    return compile_rules(spec, "orders", table, {"customers": KNOWN}, now=NOW)


def counts(checked: CheckedTable) -> dict[str, int]:
    return {count.rule: count.rows for count in count_broken(checked)}


FAULTS = [
    ("order_id", "", "order_id: missing"),
    ("order_id", "X1", "order_id: not of the stated pattern"),
    ("order_id", "O1\nO2", "order_id: not clean text"),
    ("customer_id", None, "customer_id: missing"),
    ("customer_id", "C9", "customer_id: no such customers.customer_id"),
    ("ordered_at", "yesterday", "ordered_at: not a time"),
    ("ordered_at", "2026-02-30", "ordered_at: not a time"),
    ("ordered_at", "1899-12-30", "ordered_at: outside 1900-01-01..tomorrow"),
    ("ordered_at", "2026-11-24", "ordered_at: outside 1900-01-01..tomorrow"),
    ("amount", "1,50", "amount: a number with separators that formats does not say"),
    ("amount", "nan", "amount: not a number"),
    ("amount", "-inf", "amount: not a number"),
    ("amount", "1e400", "amount: not a number"),
    ("amount", "2e9", "amount: outside -1000000000..1000000000"),
    ("items", "1.5", "items: not a whole number"),
    ("items", "1_0", "items: not a whole number"),
    ("items", "51", "items: outside 1..50"),
    ("channel", "fax", "channel: not one of the listed values"),
    ("remark", "so very long", "remark: longer than 8 characters"),
    ("remark", "a\x07b", "remark: not clean text"),
    ("remark", "caf\ufffd", "remark: not clean text"),
    ("is_fraud", "maybe", "is_fraud: not true or false"),
]


@pytest.mark.parametrize(("column", "value", "rule"), FAULTS)
def test_fault_is_counted_under_its_rule(spec: ShopSpec, column: str, value: str | None, rule: str) -> None:
    checked = check(spec, [GOOD, GOOD | {"order_id": "O2"} | {column: value}])
    assert counts(checked) == {rule: 1}
    assert accepted(checked).count().execute() == 1
    assert rejected(checked).count().execute() == 1


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("ordered_at", "2026-01-02 10:00", datetime(2026, 1, 2, 2)),
        ("ordered_at", "2026-01-02", datetime(2026, 1, 1, 16)),
        ("ordered_at", "2026-01-02T10:00:00Z", datetime(2026, 1, 2, 10)),
        ("ordered_at", "2026-01-02 10:00:00.5+02:00", datetime(2026, 1, 2, 8, 0, 0, 500000)),
        ("amount", " +.5e1 ", 5.0),
        ("items", "12.0", 12),
        ("items", "", None),
        ("is_fraud", "YES", True),
        ("is_fraud", "0", False),
        ("remark", "  a b\t", "a b"),
    ],
)
def test_text_is_parsed(spec: ShopSpec, column: str, text: str, value: object) -> None:
    checked = check(spec, [GOOD | {column: text}])
    assert accepted(checked)[column].to_pyarrow().to_pylist() == [value]


NATIVE = pa.schema(
    [
        ("order_id", pa.string()),
        ("customer_id", pa.string()),
        ("ordered_at", pa.timestamp("ns")),
        ("amount", pa.float32()),
        ("items", pa.float64()),
        ("channel", pa.dictionary(pa.int8(), pa.string())),
        ("remark", pa.int64()),
        ("is_fraud", pa.bool_()),
    ]
)
ROW = GOOD | {
    "ordered_at": datetime(2026, 1, 2, 10),
    "amount": 1.5,
    "items": 3.0,
    "remark": 7,
    "is_fraud": False,
}


def test_native_types_arrive(spec: ShopSpec, tmp_path: Path) -> None:
    broken = [ROW | {"order_id": "O2", "amount": math.nan}, ROW | {"order_id": "O3", "items": 2.5}]
    checked = check(spec, stored([ROW, *broken], NATIVE, tmp_path))
    assert counts(checked) == {"amount: not a number": 1, "items: not a whole number": 1}
    (row,) = accepted(checked).to_pyarrow().to_pylist()
    assert row == ROW | {"ordered_at": datetime(2026, 1, 2, 2), "remark": "7", "items": 3}


def test_moments_with_offset_ignore_the_shops_timezone(spec: ShopSpec, tmp_path: Path) -> None:
    schema = NATIVE.set(2, pa.field("ordered_at", pa.timestamp("us", "Europe/Paris")))
    moment = datetime(2026, 1, 2, 10, tzinfo=timezone(timedelta(hours=1)))
    checked = check(spec, stored([ROW | {"ordered_at": moment}], schema, tmp_path))
    assert accepted(checked).ordered_at.to_pyarrow().to_pylist() == [datetime(2026, 1, 2, 9)]


def test_nested_data_is_refused(spec: ShopSpec, tmp_path: Path) -> None:
    schema = NATIVE.set(6, pa.field("remark", pa.list_(pa.string())))
    with pytest.raises(ContractError, match=r"orders\.columns\.remark: the data is of a nested"):
        check(spec, stored([], schema, tmp_path))


def test_of_equal_rows_one_is_kept_and_differing_rows_go(spec: ShopSpec) -> None:
    same, differ = GOOD, GOOD | {"order_id": "O2"}
    checked = check(spec, [same, same | {"remark": " fine "}, same, differ, differ | {"amount": "9"}])
    assert counts(checked) == {"duplicate row": 2, "order_id: used by rows that differ": 2}
    assert accepted(checked).order_id.to_pyarrow().to_pylist() == ["O1"]


def test_no_customers_row_decides_over_anothers(spec: ShopSpec) -> None:
    """Two worlds: the rows that are kept of one customer are the same with and without the other customer."""
    own, other = GOOD, GOOD | {"customer_id": "C2", "amount": "9.00"}
    with_other = accepted(check(spec, [own, other])).execute()
    alone = accepted(check(spec, [own])).execute()
    kept = with_other[with_other.customer_id == "C1"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, alone)


def test_unreadable_value_is_not_a_copy_of_a_missing_one(spec: ShopSpec) -> None:
    checked = check(spec, [GOOD | {"items": ""}, GOOD | {"items": "x"}])
    assert accepted(checked).count().execute() == 0


def test_missing_column_names_the_way_out(spec: ShopSpec) -> None:
    table = raw([GOOD]).drop("amount")
    with pytest.raises(ContractError, match=r"tables\.orders: orders\.csv has no column 'amount'; add it"):
        compile_rules(spec, "orders", table, {"customers": KNOWN}, now=NOW)


def test_reference_needs_its_table_first(spec: ShopSpec) -> None:
    assert contract_order(spec) == ("customers", "orders")
    with pytest.raises(ContractError, match="contract_order"):
        compile_rules(spec, "orders", raw([GOOD]), {}, now=NOW)


def test_dropped_columns_hide_headers_that_may_be_data(spec: ShopSpec) -> None:
    table = raw([GOOD]).mutate(**{"internal_code": 1, "ann@example.org": 2, "13800138000": 3})
    assert dropped_columns(spec, "orders", table) == ("internal_code", "column 10", "column 11")


CELLS: dict[str, st.SearchStrategy[str | None]] = {
    "order_id": st.one_of(
        st.sampled_from(["O1", "x", "", " O1", "O1\n"]), st.integers(0, 99).map(lambda n: f"O{n}")
    ),
    "customer_id": st.sampled_from(["C1", "C2"]),
    "ordered_at": st.sampled_from(
        [
            "2026-01-02",
            "2026-01-02 10:00:00",
            "1900-01-01",
            "1899-12-31",
            "2026-11-22T19:59:59",
            "2026-11-22 20:00",
            "x",
        ]
    ),
    "amount": st.sampled_from(["1", "0", "-1e9", "1000000000.01", "x", "nan", ""]),
    "items": st.sampled_from(["0", "1", "50", "51", "1.0", "1.1", "", None]),
    "channel": st.sampled_from(["web", "app", "Web", " web", "", None]),
    "remark": st.one_of(st.none(), st.text(max_size=10).filter(lambda t: "\x00" not in t)),
    "is_fraud": st.sampled_from(["yes", "FALSE", "2", "", None]),
}


def reference(cell: str | None, kind: str) -> Any:
    """A cell under its type by Python itself; ValueError if it cannot be read, None if it is missing."""
    text = (cell or "").strip(" \t\n\r\x0b\x0c")
    if not text:
        return None
    match kind:
        case "string":
            return text
        case "integer" | "number":
            number = float(text)
            if not math.isfinite(number) or (kind == "integer" and number != int(number)):
                raise ValueError
            return number if kind == "number" else int(number)
        case "boolean":
            return {"yes": True, "no": False, "true": True, "false": False}[text.lower()]
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return local.astimezone(UTC).replace(tzinfo=None)


def pandera_keeps(spec: ShopSpec, rows: list[dict[str, str | None]]) -> list[dict[str, Any]]:
    """The rows that Python can read and pandera accepts, as compiled rules must keep them."""
    columns = spec.tables["orders"].columns
    parsed: list[dict[str, Any]] = []
    for row in rows:
        values: dict[str, Any] = {"unread": ""}
        for name, column in columns.items():
            try:
                values[name] = reference(row[name], column.type)
            except (ValueError, KeyError):
                values |= {name: None, "unread": values["unread"] + name}
        parsed += [] if values in parsed else [values]
    schema = table_schema(spec, "orders", now=NOW)
    from pandera.errors import SchemaErrors  # after table_schema, which tames its import

    try:
        schema.validate(pd.DataFrame(parsed)[list(columns)], lazy=True)
        wrong: set[int] = set()
    except SchemaErrors as error:
        wrong = set(error.failure_cases["index"].dropna().astype(int))
    kept = [values for place, values in enumerate(parsed) if not values.pop("unread") and place not in wrong]
    return [{name: values[name] for name in columns} for values in kept]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=30))
def test_compiled_rules_agree_with_pandera(spec: ShopSpec, rows: list[dict[str, str | None]]) -> None:
    checked = check(spec, rows)
    kept = accepted(checked).to_pyarrow().to_pylist()
    assert sorted(map(repr, kept)) == sorted(map(repr, pandera_keeps(spec, rows)))
    assert len(kept) + sum(counts(checked).values()) == len(rows)


@pytest.mark.parametrize(("column", "rule"), sorted({(c, r) for c, _, r in FAULTS if "missing" not in r}))
def test_no_value_is_said(
    spec: ShopSpec,
    column: str,
    rule: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    checked = check(
        spec, [GOOD | {column: value, "note": CANARY} for value in (CANARY, f"{CANARY}\x07", CANARY * 9)]
    )
    broken = count_broken(checked)
    out, err = capfd.readouterr()
    assert broken
    assert CANARY not in "".join([repr(broken), repr(checked.rules[0].name), out, err, caplog.text])


def test_pandera_leaves_pyarrow_its_timezones(spec: ShopSpec) -> None:
    table_schema(spec, "orders", now=NOW)
    assert not os.environ.get("PYARROW_IGNORE_TIMEZONE")


@pytest.mark.parametrize(
    "column",
    [
        {"role": "attribute", "type": "boolean", "values": ["a"]},
        {"role": "attribute", "range": [1, 2]},
        {"role": "attribute", "type": "number", "range": [date(2020, 1, 1), date(2021, 1, 1)]},
        {"role": "attribute", "type": "number", "pattern": "x"},
        {"role": "attribute", "pattern": "(?=x)"},
        {"role": "attribute", "pattern": "(x"},
    ],
)
def test_rule_that_does_not_fit_is_refused(spec: ShopSpec, column: dict[str, Any]) -> None:
    table = spec.tables["orders"].model_dump(mode="json")
    table["columns"]["remark"] = column
    altered = spec.model_dump(mode="json")
    altered["tables"]["orders"] = table
    with pytest.raises(ContractError, match=r"tables\.orders\.columns\.remark"):
        table_schema(ShopSpec.model_validate(altered), "orders", now=NOW)
