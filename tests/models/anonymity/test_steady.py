"""No two versions of a table differ by fewer than k customers in a class, and a shop can publish every day."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.steady import settled, steadied

K = 5
CELLS = st.dictionaries(st.tuples(st.sampled_from("abc")), st.integers(0, 12), max_size=3)
SCHEMA = pa.schema({"q": pa.string(), "r": pa.float64(), "s": pa.string()})


def parts(new: Counter[Any], old: Counter[Any]) -> tuple[int, int]:
    """What an attacker has who subtracts two versions of a class: rows gained, rows lost."""
    return sum((new - old).values()), sum((old - new).values())


def is_published(cells: dict[Any, int]) -> bool:
    return sum(cells.values()) == 0 or sum(cells.values()) >= K


@settings(max_examples=80, deadline=None)
@given(now=CELLS, before=st.lists(CELLS.filter(is_published), max_size=4))
def test_a_class_never_shows_a_small_difference(now: Any, before: list[Any]) -> None:
    kept = settled(now, before, K)
    assert all(many <= now[cell] for cell, many in kept.items())
    assert is_published(kept)
    for version in before:
        assert all(part == 0 or part >= K for part in parts(Counter(kept), Counter(version)))


def test_what_did_not_change_is_not_touched() -> None:
    now = {("a",): 7, ("b",): 4}
    assert settled(now, [dict(now), {}], K) == now


def test_newcomers_wait_until_they_are_enough() -> None:
    old = {("a",): 7, ("b",): 4}
    assert settled({("a",): 9, ("b",): 5}, [old], K) == old
    assert settled({("a",): 10, ("b",): 6}, [old], K) == {("a",): 10, ("b",): 6}


def test_one_who_leaves_is_one_of_k_who_do() -> None:
    kept = settled({("a",): 20, ("b",): 9}, [{("a",): 20, ("b",): 10}], K)
    assert sum(kept.values()) == 30 - K


def test_where_customers_have_several_rows_a_class_goes_whole() -> None:
    assert settled({("a",): 20}, [{("a",): 21}], K, whole_classes=True) == {("a",): 0}


class Shop:
    """Customers who come, leave and change their minds, day by day."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.customers = [self.customer() for _ in range(900)]

    def customer(self) -> tuple[Any, ...]:
        pick = self.chance.choice
        return pick(["x", None, "", "N/A"]), pick([1.0, None, float("nan")]), pick("hml")

    def next_day(self) -> None:
        for _ in range(6):
            self.customers.pop(self.chance.randrange(len(self.customers)))
            self.customers.append(self.customer())


def by_class(rows: list[Any]) -> dict[Any, Counter[Any]]:
    found: dict[Any, Counter[Any]] = {}
    for q, r, s in rows:
        found.setdefault((q, str(r)), Counter())[s] += 1
    return found


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.prove)])
def test_subtracting_any_two_days_singles_nobody_out(seed: int) -> None:
    """The attack: a daily schedule, all pairs of versions, class by class."""
    connection, shop = ibis.duckdb.connect(), Shop(seed)
    published: list[Any] = []
    for day in range(6):
        columns = {
            name: list(column)
            for name, column in zip(SCHEMA.names, zip(*shop.customers, strict=True), strict=True)
        }
        connection.con.register("made", pa.table(columns, schema=SCHEMA))
        connection.con.execute(f"CREATE TABLE day_{day} AS FROM made")
        table = connection.table(f"day_{day}")
        kept = steadied(table, ["q", "r"], published, K, lambda each: connection.to_pyarrow(each).to_pylist())
        connection.con.register("made", connection.to_pyarrow(kept))
        connection.con.execute(f"CREATE TABLE published_{day} AS FROM made")
        published.append(connection.table(f"published_{day}"))
        shop.next_day()
    shown = [
        by_class([tuple(row.values()) for row in connection.to_pyarrow(t).to_pylist()]) for t in published
    ]
    for new in shown:
        for old in shown:
            for place in {*new, *old}:
                gained, lost = parts(new.get(place, Counter()), old.get(place, Counter()))
                assert gained == 0 or gained >= K
                assert lost == 0 or lost >= K
    assert all(sum(map(Counter.total, day.values())) > 0.7 * 900 for day in shown)
