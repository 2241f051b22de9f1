"""Keys of tables without customers leave as they are, and nothing else in their column."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from expectations.gates.gate import Known, run_gate
from infra.engine_judge import DuckDBJudge
from models.values.dataset import GateCheck
from models.values.spec import ShopSpec
from tests.expectations.conftest import CUSTOMERS

KEY = {"role": "key", "transform": {"kind": "keep"}}
SPEC: dict[str, Any] = {
    "shop": "test-shop",
    "regimes": ["gdpr"],
    "customers": {"table": "customers", "public_bound": 1000},
    "purposes": {"analytics": {"basis": {"gdpr": "contract"}, "reason": "to run the shop well"}},
    "budget": {"epsilon": 5, "delta": 1e-5},
    "tables": {
        "customers": {
            "source": "c.csv",
            "key": ["customer_id"],
            "customer": "customer_id",
            "columns": CUSTOMERS,
        },
        "products": {
            "source": "p.csv",
            "key": ["product_id"],
            "public": True,
            "columns": {"product_id": KEY},
        },
        "lines": {
            "source": "l.csv",
            "key": ["customer_id", "product_id"],
            "customer": "customer_id",
            "columns": {
                "customer_id": {"role": "key"},
                "product_id": {**KEY, "references": "products.product_id"},
            },
        },
    },
    "releases": {
        "bought": {"product": "events", "table": "lines", "purpose": "analytics", "columns": ["product_id"]},
        "catalogue": {
            "product": "public",
            "table": "products",
            "purpose": "analytics",
            "columns": ["product_id"],
        },
    },
}
CATALOGUE = "SELECT 'P' || (10000000 + i) AS product_id FROM range(40) t(i)"


def _checks(bought: str, *, known: bool = True, catalogue: str = CATALOGUE) -> list[GateCheck]:
    connection = duckdb.connect()
    for name, query in {"raw": CATALOGUE, "bought": bought, "catalogue": catalogue}.items():
        connection.execute(f"CREATE TEMP VIEW {name} AS {query}")
    told = Known(
        parent_rows={"bought": 40, "catalogue": 40},
        public_tables={"products": "raw"} if known else {},
        age_days=1.0,
    )
    views = {"bought": "bought", "catalogue": "catalogue"}
    spec = ShopSpec.model_validate(SPEC)
    return list(run_gate(DuckDBJudge(connection), views, spec, told).checks)


def _failed(checks: list[GateCheck]) -> set[tuple[str, str]]:
    return {(check.table, check.rule.split(":")[0]) for check in checks if not check.passed}


def test_public_keys_pass_although_they_look_like_passports() -> None:
    checks = _checks(f"SELECT product_id FROM ({CATALOGUE})")
    assert _failed(checks) == set()
    assert {check.table for check in checks if check.rule.startswith("public keys")} == {
        "bought",
        "catalogue",
    }


@pytest.mark.parametrize("value", ["'P99999999'", "'ann@example.com'", "'p10000001'", "' P10000001'", "''"])
def test_a_value_that_is_no_key_fails(value: str) -> None:
    bought = f"SELECT if(i = 7, {value}, 'P' || (10000000 + i)) AS product_id FROM range(40) t(i)"
    assert _failed(_checks(bought)) == {("bought", "public keys")}


def test_without_the_public_table_the_check_fails() -> None:
    checks = _checks(f"SELECT product_id FROM ({CATALOGUE})", known=False)
    assert _failed(checks) == {("bought", "public keys"), ("catalogue", "public keys")}
