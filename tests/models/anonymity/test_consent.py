"""Consent: no row of a customer who did not agree, whatever the records look like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.consent import allowed, only_allowed, with_customer
from models.anonymity.errors import PolicyError
from models.values.spec import ShopSpec

TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
SPEC = ShopSpec.model_validate(
    {
        "shop": "test",
        "regimes": ["gdpr"],
        "customers": {"table": "customers", "public_bound": 1000},
        "purposes": {
            "analytics": {"basis": {"gdpr": "consent"}, "reason": "to learn what is bought"},
            "fraud": {"basis": {"gdpr": "legitimate_interest"}, "reason": "to keep accounts safe"},
        },
        "consent": {"table": "consents"},
        "budget": {"epsilon": 3, "delta": 1e-5},
        "tables": {
            "customers": {
                "source": "c.csv",
                "key": ["id"],
                "customer": "id",
                "columns": {"id": {"role": "key"}},
            },
            "orders": {
                "source": "o.csv",
                "key": ["order_id"],
                "customer": "customer_id",
                "columns": {"order_id": {"role": "key"}, "customer_id": {"role": "key"}},
            },
            "lines": {
                "source": "l.csv",
                "key": ["order_id"],
                "customer_via": "orders.order_id",
                "columns": {"order_id": {"role": "key"}},
            },
            "products": {"source": "p.csv", "key": ["p"], "public": True, "columns": {"p": {"role": "key"}}},
            "consents": {
                "source": "s.csv",
                "key": ["customer_id", "purpose", "recorded_at"],
                "customer": "customer_id",
                "columns": {
                    "customer_id": {"role": "key"},
                    "purpose": {"role": "attribute"},
                    "state": {"role": "attribute"},
                    "recorded_at": {"role": "time", "type": "timestamp"},
                },
            },
        },
        "releases": {},
    }
)
CONSENTS = {
    "customer_id": "string",
    "purpose": "string",
    "state": "string",
    "recorded_at": "timestamp('UTC')",
}
RECORD = st.tuples(
    st.sampled_from(["A", "B ", "C", "X", None]),
    st.sampled_from(["analytics", " Analytics", "fraud", None]),
    st.sampled_from(["granted", " GRANTED ", "withdrawn", "yes", "", None, "not_asked"]),
    st.sampled_from([*TIMES, None]),
)
NO_CONSENT = SPEC.model_copy(update={"consent": None})


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def table(rows: list[tuple[Any, ...]], schema: dict[str, str]) -> Any:
    kinds = ibis.schema(schema).to_pyarrow()
    return ibis.memtable(
        pa.table({f.name: [row[i] for row in rows] for i, f in enumerate(kinds)}, schema=kinds)
    )


def customers(*ids: str | None) -> Any:
    return table([(name,) for name in ids], {"id": "string"})


def expected(records: list[tuple[Any, ...]], customer: str, purpose: str) -> bool:
    mine = [
        r for r in records if (r[0] or "").strip() == customer and (r[1] or "").strip().lower() == purpose
    ]
    if not mine or any(r[3] is None for r in mine):
        return False
    latest = max(r[3] for r in mine)
    states = {(r[2] or "").strip().lower() for r in mine if r[3] == latest}
    return states <= SPEC.purposes[purpose].allowing_states()


@settings(max_examples=50, deadline=None)
@given(records=st.lists(RECORD, max_size=8), purpose=st.sampled_from(["analytics", "fraud"]))
def test_only_customers_who_allow_it(connection: Any, records: list[tuple[Any, ...]], purpose: str) -> None:
    found = allowed(SPEC, table(records, CONSENTS), customers("A", "B", "C", "D", None), purpose)
    orders = table(
        [(str(n), who) for n, who in enumerate(["A", "B", "C", "D", "X", None, "A"])],
        {"order_id": "string", "customer_id": "string"},
    )
    kept = connection.to_pyarrow(only_allowed(orders, found, "customer_id"))["customer_id"].to_pylist()
    agreeing = [who for who in "ABCD" if expected(records, who, purpose)]
    assert sorted(connection.to_pyarrow(found)["customer"].to_pylist()) == agreeing
    assert sorted(kept, key=str) == sorted([*agreeing, *(["A"] if "A" in agreeing else [])])


@pytest.mark.parametrize(
    ("states", "allows"),
    [
        (["granted"], True),
        (["granted", "granted"], True),
        (["granted", "withdrawn"], False),
        (["granted", "maybe"], False),
    ],
)
def test_ties_are_denied(connection: Any, states: list[str], allows: bool) -> None:
    records = [("A", "analytics", state, TIMES[0]) for state in states]
    found = allowed(SPEC, table(records, CONSENTS), customers("A"), "analytics")
    assert connection.execute(found.count()) == int(allows)


def test_a_record_without_a_time_denies(connection: Any) -> None:
    """It may be a later withdrawal or an earlier one."""
    records = [("A", "analytics", "granted", TIMES[0]), ("A", "analytics", "withdrawn", None)]
    for some, allows in ((records, 0), (records[:1], 1)):
        found = allowed(SPEC, table(some, CONSENTS), customers("A"), "analytics")
        assert connection.execute(found.count()) == allows


def test_without_a_consent_table_only_other_bases(connection: Any) -> None:
    assert connection.execute(allowed(NO_CONSENT, None, customers("A", "A", None), "fraud").count()) == 1
    for spec, purpose in ((NO_CONSENT, "analytics"), (SPEC, "analytics"), (SPEC, "fraud"), (SPEC, "other")):
        with pytest.raises(PolicyError):
            allowed(spec, None, customers("A"), purpose)


def test_customer_of_a_row_through_its_order(connection: Any) -> None:
    orders = table([("1", "A"), ("2", "B")], {"order_id": "string", "customer_id": "string"})
    lines = table([("1",), ("1",), ("2",), ("9",)], {"order_id": "string"})
    found = connection.to_pyarrow(with_customer(SPEC, "lines", lines, orders))["customer_"].to_pylist()
    assert sorted(found) == ["A", "A", "B"]
    for name, parent in (("products", orders), ("lines", None)):
        with pytest.raises(PolicyError):
            with_customer(SPEC, name, lines, parent)
