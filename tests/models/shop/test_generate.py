"""The embedded shop: same seed, same shop; households apart; tables that agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from models.shop import specification
from models.shop.chunks import PARTS, resample
from models.shop.generate import Kind, ShopExistsError, make_shop
from models.shop.purchases import Purchases, ShopError
from models.values.spec import ShopSpec

KEYS = {
    "customers": "customer_id",
    "orders": "order_id",
    "order_lines": "(order_id, product_id)",
    "products": "product_id",
    "answers": "entry_id",
    "tickets": "ticket_id",
    "consents": "(customer_id, purpose, recorded_at)",
    "campaign_contacts": "(customer_id, campaign)",
}
REFERENCES = [
    ("orders", "customers", "customer_id"),
    ("order_lines", "orders", "order_id"),
    ("order_lines", "products", "product_id"),
    ("tickets", "customers", "customer_id"),
    ("consents", "customers", "customer_id"),
    ("campaign_contacts", "customers", "customer_id"),
]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_makes_the_same_shop(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        make_shop(tmp_path / name, customers=400, seed=seed, purchases=Purchases.sample())
    a, b, c = (files(tmp_path / name) for name in "abc")
    assert a == b
    assert [name for name in a if a[name] == c[name]] == ["answers.csv", "shop.yaml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]  # nothing temporary stays


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("mine")
    with pytest.raises(ShopExistsError, match="is not empty"):
        make_shop(tmp_path, customers=400, purchases=Purchases.sample())
    assert files(tmp_path) == {"own.txt": b"mine"}


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(specification, "SPEC", tmp_path / "missing.yaml")
    with pytest.raises(FileNotFoundError):
        make_shop(tmp_path / "shop", customers=400, purchases=Purchases.sample())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("customers", [0, 99, 8_000_001])
def test_bounds_of_the_number_of_customers(tmp_path: Path, customers: int) -> None:
    with pytest.raises(ShopError, match="has 100 to 8,000,000 customers"):
        make_shop(tmp_path / "shop", customers=customers, purchases=Purchases.sample())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [-0.1, 0.3, float("nan")])
def test_bounds_of_the_dirt(share: float) -> None:
    with pytest.raises(ShopError, match=r"dirty by a share of 0 to 0\.2"):
        Kind(dirty=share)


@pytest.mark.parametrize(
    ("households", "customers"), [(2_467, 50_000), (2_467, 400), (450, 9_450), (450, 1_000), (450, 200_000)]
)
def test_households_are_split_before_and_bounded(households: int, customers: int) -> None:
    household, part = resample(np.random.default_rng(1), np.arange(households)).of(np.arange(customers))
    assert np.bincount(household).max() <= -(-customers // households)
    parts = {name: set(household[part == name]) for name in PARTS}
    assert sum(len(group) for group in parts.values()) == len(set(household))
    assert 0.5 < np.mean(part == "train") < 0.7


def test_no_household_spans_two_parts(tables: Any) -> None:
    spans = (
        "SELECT count(*) FROM (SELECT 1 FROM customers GROUP BY household HAVING count(DISTINCT part) > 1)"
    )
    assert tables.execute(spans).fetchone() == (0,)


@pytest.mark.parametrize("table", KEYS)
def test_keys_are_unique(tables: Any, table: str) -> None:
    rows, keys = tables.execute(f"SELECT count(*), count(DISTINCT {KEYS[table]}) FROM {table}").fetchone()
    assert rows == keys > 0


@pytest.mark.parametrize(("table", "home", "column"), REFERENCES)
def test_references_hold(tables: Any, table: str, home: str, column: str) -> None:
    lost = f"SELECT count(*) FROM {table} WHERE {column} NOT IN (SELECT {column} FROM {home})"
    assert tables.execute(lost).fetchone() == (0,)


def test_an_order_costs_what_its_lines_cost(tables: Any) -> None:
    query = """SELECT max(abs(o.amount - l.amount)), max(l.n), min(o.amount) FROM orders o JOIN (
        SELECT order_id, sum(amount) AS amount, count(*) AS n FROM order_lines GROUP BY 1) l
        USING (order_id)"""
    difference, lines, cheapest = tables.execute(query).fetchone()
    assert difference < 1e-6
    assert lines <= 5
    assert cheapest > 0
    missing = "SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_lines)"
    assert tables.execute(missing).fetchone() == (0,)


def test_customers_order_3_to_16_times(tables: Any) -> None:
    query = "SELECT min(n), avg(n), max(n) FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id)"
    fewest, mean, most = tables.execute(query).fetchone()
    assert (fewest, most) == (3, 16)
    assert 7.5 < mean < 8.5


def test_the_spec_is_valid_and_describes_every_column(shop: Path, tables: Any) -> None:
    spec = ShopSpec.model_validate(yaml.safe_load((shop / "shop.yaml").read_text(encoding="utf-8")))
    assert spec.customers.public_bound == specification.PUBLIC_BOUND
    assert spec.customers.group_copies == specification.GROUP_COPIES
    assert spec.public_data
    for name, table in spec.tables.items():
        assert (shop / table.source).is_file()
        described = [row[0] for row in tables.execute(f"DESCRIBE {name}").fetchall()]
        assert described == list(table.columns)


def test_every_value_keeps_the_contract_of_the_spec(shop: Path, tables: Any) -> None:
    spec = ShopSpec.model_validate(yaml.safe_load((shop / "shop.yaml").read_text(encoding="utf-8")))
    for name, table in spec.tables.items():
        for column, rule in table.columns.items():
            broken = ["NOT " + str(rule.nullable).lower() + f" AND {column} IS NULL"]
            if rule.pattern:
                broken.append(f"NOT regexp_full_match({column}, '{rule.pattern}')")
            if rule.values:
                broken.append(f"{column} NOT IN {rule.values}")
            if rule.range:
                low, high = (str(end) for end in rule.range)
                kind = "DATE" if rule.type == "date" else "DOUBLE"
                broken.append(f"{column}::{kind} NOT BETWEEN '{low}'::{kind} AND '{high}'::{kind}")
            query = f"SELECT count(*) FROM {name} WHERE {' OR '.join(broken)}"
            assert tables.execute(query).fetchone() == (0,), (name, column)
