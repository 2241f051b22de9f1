"""One small shop, its spec and an engine for the tests of contracts and gates."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb
import ibis
import pytest

from models.values.spec import ShopSpec

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AGE = {"kind": "age_band", "width": 10, "as_of": "2026-01-01"}
CUSTOMERS: dict[str, Any] = {
    "customer_id": {"role": "key"},
    "email": {"role": "identifier", "nullable": True},
    "born": {"role": "quasi_identifier", "type": "date", "nullable": True, "transform": AGE},
    "city": {"role": "quasi_identifier", "transform": {"kind": "prefix", "length": 3}},
    "tier": {"role": "sensitive", "nullable": True},
    "note": {"role": "free_text", "nullable": True},
}
ORDERS: dict[str, Any] = {
    "order_id": {"role": "key", "pattern": "O[0-9]{1,9}"},
    "customer_id": {"role": "key"},
    "ordered_at": {"role": "time", "type": "timestamp"},
    "amount": {"role": "attribute", "type": "number"},
    "items": {"role": "attribute", "type": "integer", "range": [1, 50], "nullable": True},
    "channel": {"role": "attribute", "values": ["web", "app"], "nullable": True},
    "remark": {"role": "attribute", "max_length": 8, "nullable": True},
    "is_fraud": {"role": "label", "type": "boolean", "nullable": True},
}


def spec_of(**tables: Any) -> ShopSpec:
    """The shop's spec; `tables` replaces or adds tables."""
    return ShopSpec.model_validate(
        {
            "shop": "test-shop",
            "timezone": "Asia/Shanghai",
            "regimes": ["gdpr"],
            "customers": {"table": "customers", "public_bound": 1000},
            "purposes": {"analytics": {"basis": {"gdpr": "contract"}, "reason": "to run the shop well"}},
            "budget": {"epsilon": 5, "delta": 1e-5},
            "tables": {
                "orders": {
                    "source": "orders.csv",
                    "key": ["order_id"],
                    "customer": "customer_id",
                    "columns": ORDERS,
                },
                "customers": {
                    "source": "customers.csv",
                    "key": ["customer_id"],
                    "customer": "customer_id",
                    "columns": CUSTOMERS,
                },
                **tables,
            },
            "releases": {
                "people": {
                    "product": "attributes",
                    "table": "customers",
                    "purpose": "analytics",
                    "columns": ["born", "city", "tier", "note"],
                    "anonymity": {"k": 10, "l": 2, "suppression_limit": 0.1},
                },
                "events": {
                    "product": "events",
                    "table": "orders",
                    "purpose": "analytics",
                    "columns": ["order_id", "customer_id", "ordered_at", "channel"],
                },
            },
        }
    )


@pytest.fixture(scope="session")
def spec() -> ShopSpec:
    return spec_of()


@pytest.fixture
def engine() -> ibis.BaseBackend:
    return ibis.duckdb.connect()


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
