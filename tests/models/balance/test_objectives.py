from __future__ import annotations

import math

import numpy as np
import pytest

from models.balance.errors import BalanceError
from models.balance.objectives import between, half_width, pooled, shortfalls, violations
from models.values.balance import Constraint
from tests.models.balance.points import point


def test_one_point_keeps_its_interval() -> None:
    alone = point(3, 0.8, 0.1, wide=0.02)
    assert pooled([alone]) == alone


def test_repeats_that_agree_keep_the_error_of_the_sample() -> None:
    """All repeats are judged on the same customers: that error does not shrink."""
    found = pooled([point(3, 0.8, 0.1, wide=0.02)] * 5)
    assert half_width(found.utility) == pytest.approx(0.02, abs=1e-6)
    assert found.repeats == 5


def test_what_differs_between_runs_is_added_with_few_degrees_of_freedom() -> None:
    """Two exact runs at 0.80 and 0.82: s^2 / n = 0.01^2, one degree of freedom, t = 12.7."""
    found = pooled([point(3, 0.80, 0.1), point(3, 0.82, 0.1)])
    assert found.utility.value == pytest.approx(0.81)
    assert half_width(found.utility) == pytest.approx(12.706 * 0.01, rel=1e-3)


@pytest.mark.parametrize("runs", [2, 3, 6])
def test_the_interval_covers_as_often_as_it_says(runs: int) -> None:
    """Of 1,000 searches with an error of the sample and one of the runs, 95 % cover the truth."""
    rng, hits = np.random.default_rng(1), 0
    for _ in range(1_000):
        sample = rng.normal() * 0.01
        made = [point(0, 0.5 + sample + rng.normal() * 0.01, 0.1, wide=1.959964 * 0.01) for _ in range(runs)]
        utility = pooled(made).utility
        hits += utility.low <= 0.5 <= utility.high
    assert hits >= 935


def test_repeats_of_all_choices_say_what_differs_between_runs() -> None:
    """Two groups of two: s^2 = (2 0.01^2 + 2 0.03^2) / 2, two degrees of freedom for both and for a third alone."""
    groups = [
        [point(number, value, 0.1) for value in pair]
        for number, pair in enumerate([(0.80, 0.82), (0.7, 0.76)])
    ]
    runs = between([*groups, [point(9, 0.5, 0.1)]])
    assert runs["utility"] == (pytest.approx(0.001), 2)
    assert half_width(pooled(groups[0], runs).utility) == pytest.approx(
        4.3027 * math.sqrt(0.001 / 2), rel=1e-3
    )
    assert half_width(pooled([point(9, 0.5, 0.1)], runs).utility) == pytest.approx(
        4.3027 * math.sqrt(0.001), rel=1e-3
    )
    assert between([[point(9, 0.5, 0.1)]]) == {}


def test_repeats_of_different_choices_are_refused() -> None:
    with pytest.raises(BalanceError, match="choices differ"):
        pooled([point(0, 0.8, 0.1), point(1, 0.8, 0.1, choices={"epsilon": 2.0})])


def test_the_worst_of_what_is_exact_counts() -> None:
    found = pooled([point(0, 0.8, 0.1, unmet=0.2), point(0, 0.8, 0.1, unmet=0.1, broken=("a",))])
    assert (found.unmet, found.broken, found.seconds) == (0.2, ("a",), 1.0)


@pytest.mark.parametrize(
    ("constraint", "kept"),
    [
        (Constraint(what="utility", at_least=0.78), True),
        (Constraint(what="utility", at_least=0.79), False),  # the interval begins at 0.78
        (Constraint(what="risk", at_most=0.07), True),
        (Constraint(what="risk", at_most=0.05), False),  # it ends at 0.07
        (Constraint(what="upper_bits", at_most=0.1), True),
        (Constraint(what="upper_bits", at_most=0.09), False),
        (Constraint(what="epsilon", at_most=1.0), True),
        (Constraint(what="seconds", at_most=0.5), False),
        (Constraint(what="unmet", at_most=0.0), True),
    ],
)
def test_a_constraint_is_judged_by_the_end_that_speaks_against(constraint: Constraint, kept: bool) -> None:
    tried = point(0, 0.8, 0.1, wide=0.02, risk=0.05)
    assert (max(shortfalls(tried, [constraint])) <= 1e-12) == kept
    assert (violations(tried, [constraint]) == ()) == kept


def test_a_broken_hard_rule_is_a_violation_and_is_said() -> None:
    tried = point(0, 0.8, 0.1, broken=("gdpr-basis",))
    assert shortfalls(tried, ())[-1] == 1
    assert violations(tried, [Constraint(what="upper_bits", at_most=0.05)]) == (
        "upper_bits 0.1 is above 0.05",
        "hard rule gdpr-basis is not met",
    )
