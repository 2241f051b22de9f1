"""Orders: sorted, shifted in time, and written at times that exist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.shop.orders import Orders, draw_orders
from models.shop.purchases import Baskets, Purchases

HOUSEHOLD = np.repeat(np.arange(3), 4)


@pytest.fixture(scope="module")
def drawn() -> tuple[Orders, Baskets]:
    source = Purchases.sample()
    households = source.households()[:3]
    baskets = source.baskets(households)
    return draw_orders(np.random.default_rng(4), baskets, households[HOUSEHOLD], np.full(12, 1_234)), baskets


def test_orders_come_from_the_household_of_the_customer(drawn: tuple[Orders, Baskets]) -> None:
    orders, baskets = drawn
    households = np.unique(baskets.household)
    assert np.array_equal(baskets.household[orders.basket], households[HOUSEHOLD[orders.customer]])


def test_orders_are_sorted_by_customer_and_time(drawn: tuple[Orders, Baskets]) -> None:
    orders, _ = drawn
    assert np.all(np.diff(orders.customer) >= 0)
    same = np.diff(orders.customer) == 0
    assert np.all(np.diff(orders.at)[same] >= 0)


def test_earlier_counts_the_customers_own_orders(drawn: tuple[Orders, Baskets]) -> None:
    orders, _ = drawn
    expected = [sum(orders.customer[:place] == own) for place, own in enumerate(orders.customer)]
    assert list(orders.earlier()) == expected


def test_customers_of_one_household_differ(drawn: tuple[Orders, Baskets]) -> None:
    orders, _ = drawn
    times = [tuple(orders.at[orders.customer == customer]) for customer in range(12)]
    assert len(set(times)) == 12


def test_no_order_lies_in_the_hour_that_summer_time_skips(tables: Any) -> None:
    lost = (
        "SELECT count(*) FROM orders WHERE date_trunc('hour', ordered_at) = TIMESTAMP '2025-03-09 02:00:00'"
    )
    assert tables.execute(lost).fetchone() == (0,)
