"""Risk from class sizes: known values, and uniqueness in a population that is known."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from models.anonymity.risk import journalist, marketer, pitman, population_unique, prosecutor, zayatz


def test_prosecutor_risk_is_that_of_the_smallest_class() -> None:
    found = prosecutor({1: 1, 4: 2, 11: 1}, threshold=0.1)
    assert (found.highest, found.average, found.above_threshold) == (1.0, 4 / 20, 9 / 20)


def test_risks_of_a_whole_population_are_the_prosecutors() -> None:
    sizes = {2: 3, 5: 4}
    pairs = {(size, size): many for size, many in sizes.items()}
    assert journalist(pairs, 0.3) == prosecutor(sizes, 0.3)
    assert marketer(pairs) == prosecutor(sizes, 0.3).average


def test_no_rows_no_risk() -> None:
    assert prosecutor({}, 0.1).highest == journalist({}, 0.1).highest == marketer({}) == 0


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3, 0.6])
def test_uniqueness_is_estimated_within_reason(share: float) -> None:
    """A population of known uniqueness: the estimate for a sample is of its order, never nothing and never all."""
    chance = random.Random(5)
    people = [int(chance.paretovariate(0.7)) for _ in range(40_000)]
    truly = sum(many == 1 for many in Counter(people).values()) / len(people)
    sample = chance.sample(people, int(share * len(people)))
    sizes = Counter(Counter(sample).values())
    assert truly / 3 < population_unique(sizes, len(people)) < 3 * truly


def test_a_whole_population_needs_no_estimate() -> None:
    assert population_unique({1: 3, 7: 1}, 10) == 0.3
    assert population_unique({7: 1}, 1000) == 0


def test_models_are_shares() -> None:
    sizes = {1: 200, 2: 50, 3: 20, 40: 3}
    for model in (zayatz, pitman):
        assert 0 < model(sizes, 100_000) < 1
