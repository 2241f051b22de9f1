from __future__ import annotations

from itertools import product

import pytest

from models.anonymity.search.classes import count_rows
from models.anonymity.search.ladder import make_ladder
from models.balance import tables
from models.balance.tables import TablePoint, table_front
from models.values.anonymity import Anonymity

AGES = [20, 21, 22, 23, 40, 41, 42, 43] * 6 + [60]
PLACES = ["bonn", "bonn", "koeln", "koeln"] * 12 + ["kiel"]
STEPS = (1, 2, 20)
ANONYMITY = Anonymity(k=2, suppression_limit=0.1)


def found(anonymity: Anonymity = ANONYMITY, ks: tuple[int, ...] = (2, 5, 10)) -> tuple[TablePoint, ...]:
    classes = count_rows(["age", "place"], list(zip(AGES, PLACES, strict=True)), [], None)
    ages = [(str(step), lambda value, step=step: int(value) // step) for step in STEPS[1:]]
    ladders = [make_ladder("age", classes.values[0], ages), make_ladder("place", classes.values[1], [])]
    return table_front(classes, ladders, anonymity, ks)


def by_hand(k: int, age: int, place: int) -> tuple[float, float, float] | None:
    """(linkage, highest, suppressed) counted row by row; None if too much is suppressed."""
    rows = [
        ("*" if age == len(STEPS) else years // STEPS[age], "*" if place else town)
        for years, town in zip(AGES, PLACES, strict=True)
    ]
    kept = [row for row in rows if rows.count(row) >= k]
    gone = 1 - len(kept) / len(rows)
    if gone > ANONYMITY.suppression_limit or not kept:
        return None
    return len(set(kept)) / len(kept), 1 / min(rows.count(row) for row in kept), gone


def test_every_way_is_there_as_counted_by_hand() -> None:
    points = {(point.k, point.levels["age"], point.levels["place"]): point for point in found()}
    for k, age, place in product((2, 5, 10), range(len(STEPS) + 1), range(2)):
        expected = by_hand(k, age, place)
        assert ((k, age, place) in points) == (expected is not None)
        if expected is not None:
            point = points[k, age, place]
            assert (point.linkage, point.highest, point.suppressed) == pytest.approx(expected)


def test_the_front_is_what_loses_less_or_is_linked_less() -> None:
    points = found()
    for point in points:
        beaten = any(
            other.loss <= point.loss
            and other.linkage <= point.linkage
            and (other.loss, other.linkage) != (point.loss, point.linkage)
            for other in points
        )
        assert point.on_front is not beaten
    assert sum(point.on_front for point in points) >= 2


def test_a_larger_k_never_loses_less() -> None:
    best = [min(point.loss for point in found() if point.k == k) for k in (2, 5, 10)]
    assert best == sorted(best)


def test_of_a_large_lattice_the_best_node_of_each_k_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    least = {k: min(point.loss for point in found() if point.k == k) for k in (2, 5, 10)}
    monkeypatch.setattr(tables, "MOST_NODES", 1)
    assert {point.k: point.loss for point in found()} == pytest.approx(least)


def test_a_k_that_cannot_be_kept_has_no_point(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(ks=(60,)) == ()
    monkeypatch.setattr(tables, "MOST_NODES", 1)
    assert found(ks=(60,)) == ()
