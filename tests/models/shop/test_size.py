"""A shop of any size: drawn in chunks, the same distributions, numbers by time and keys of one shop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import yaml
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

from models.shop.generate import make_shop
from models.shop.purchases import Purchases

SMALL, LARGE, CHUNK = 2_000, 20_000, 3_000
# Two samples of 2,000 customers (16,000 orders) of one distribution differ by up to 0.032 (0.012) in 95 of 100
# cases (Smirnov 1948, one-sided 2.5 %); orders of one customer are alike, so theirs is doubled.
TOLERANCE = {"orders": 0.035, "amount": 0.025, "line": 0.025}


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("sizes")
    for customers in (SMALL, LARGE):
        out = folder / str(customers)
        make_shop(out, customers=customers, seed=5, purchases=Purchases.sample(), chunk=CHUNK)
    return {customers: folder / str(customers) for customers in (SMALL, LARGE)}


def _column(shop: Path, query: str) -> Any:
    with duckdb.connect() as connection:
        for path in (*shop.glob("*.csv"), *shop.glob("*.parquet")):
            reader = connection.read_csv if path.suffix == ".csv" else connection.read_parquet
            reader(str(path)).create_view(path.stem)
        return next(iter(connection.execute(query).fetchnumpy().values()))


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("orders", "SELECT count(*) FROM orders GROUP BY customer_id"),
        ("amount", "SELECT amount FROM orders"),
        ("line", "SELECT amount FROM order_lines"),
    ],
)
def test_distributions_are_the_same_at_every_size(shops: dict[int, Path], name: str, query: str) -> None:
    assert ks_2samp(*(_column(shop, query) for shop in shops.values())).statistic < TOLERANCE[name]


@pytest.mark.parametrize(
    ("query", "tolerance"),
    [
        ("SELECT avg(is_fraud::INT) FROM orders", 0.005),
        ("SELECT avg((state = 'granted')::INT) FROM consents", 0.015),
        ("SELECT avg((state = 'withdrawn')::INT) FROM consents", 0.01),
        ("SELECT count(*) / (SELECT count(*) FROM customers) FROM consents", 0.03),
        ("SELECT avg((length(postcode) = 6)::INT) FROM customers", 0.035),
        ("SELECT avg((loyalty_tier = 'gold')::INT) FROM customers", 0.03),
        ("SELECT avg((part = 'train')::INT) FROM customers", 0.02),
        ("SELECT avg(treated::INT) FROM campaign_contacts", 0.035),
    ],
)
def test_shares_are_the_same_at_every_size(shops: dict[int, Path], query: str, tolerance: float) -> None:
    small, large = (_column(shop, query)[0] for shop in shops.values())
    assert abs(small - large) < tolerance


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) - count(DISTINCT customer_id) FROM customers",
        "SELECT count(*) - count(DISTINCT email) FROM customers",
        "SELECT count(*) - count(DISTINCT order_id) FROM orders",
        "SELECT count(*) - count(DISTINCT ticket_id) FROM tickets",
        "SELECT count(*) FROM (SELECT 1 FROM orders GROUP BY device_id HAVING count(DISTINCT customer_id) > 1)",
        "SELECT count(*) FROM (SELECT ordered_at < lag(ordered_at) OVER (ORDER BY order_id) AS back FROM orders)"
        " WHERE back",
        "SELECT count(*) FROM (SELECT opened_at < lag(opened_at) OVER (ORDER BY ticket_id) AS back FROM tickets)"
        " WHERE back",
        "SELECT count(*) FROM orders WHERE order_id NOT IN (SELECT order_id FROM order_lines)",
        "SELECT count(*) FROM (SELECT 1 FROM customers GROUP BY household HAVING count(DISTINCT part) > 1)",
    ],
)
def test_chunks_are_one_shop(shops: dict[int, Path], query: str) -> None:
    assert _column(shops[LARGE], query)[0] == 0


def test_chunks_differ(shops: dict[int, Path]) -> None:
    query = "SELECT birth_date FROM customers ORDER BY customer_id"
    born = _column(shops[LARGE], query)[: 2 * CHUNK].reshape(2, CHUNK)
    assert np.mean(born[0] == born[1]) < 0.01


def test_the_spec_bounds_the_larger_shop(tmp_path: Path, shops: dict[int, Path]) -> None:
    from models.shop.specification import write_spec

    customers = yaml.safe_load((shops[LARGE] / "shop.yaml").read_text(encoding="utf-8"))["customers"]
    assert customers["public_bound"] >= LARGE
    copies = _column(
        shops[LARGE], "SELECT max(n) FROM (SELECT count(*) AS n FROM customers GROUP BY household)"
    )
    assert customers["group_copies"] == copies[0] == 45
    write_spec(tmp_path / "shop.yaml", customers=1_000_000, households=2_467, chinese_files=False)
    customers = yaml.safe_load((tmp_path / "shop.yaml").read_text(encoding="utf-8"))["customers"]
    assert (customers["public_bound"], customers["group_copies"]) == (1_000_000, 406)


def test_progress_grows_to_a_hundred(tmp_path: Path) -> None:
    seen: list[int] = []
    make_shop(
        tmp_path / "shop", customers=300, purchases=Purchases.sample(), chunk=100,
        progress=lambda percent, note: seen.append(percent),
    )  # fmt: skip
    assert seen == sorted(seen)
    assert (len(seen), seen[-1]) == (8, 100)
