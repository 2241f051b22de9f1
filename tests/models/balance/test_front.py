from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.balance.errors import BalanceError
from models.balance.front import (
    bounds_of,
    dominates,
    doubtful,
    front,
    history,
    hypervolume,
    knee,
    volume,
)
from models.values.balance import Constraint, Point
from models.values.target import PrivacyTarget
from tests.models.balance.points import point

GRID = 5
places = st.integers(0, GRID).map(lambda n: n / GRID)
few = st.lists(st.tuples(places, places, places), max_size=7)
BOUNDS = {"utility": (-1.0, 0.0), "upper_bits": (0.0, 1.0), "unmet": (0.0, 1.0)}


def points(rows: list[tuple[float, float, float]], wide: float = 0.0) -> list[Point]:
    return [
        point(number, utility, bits, unmet=unmet, wide=wide)
        for number, (utility, bits, unmet) in enumerate(rows)
    ]


def brute_volume(rows: list[tuple[float, ...]], dimensions: int) -> float:
    """Cells of the grid that some row dominates: exact, since all rows lie on it."""
    cells = list(product(range(GRID), repeat=dimensions))
    hit = [
        any(all(value * GRID <= place + 1e-9 for value, place in zip(row, cell, strict=True)) for row in rows)
        for cell in cells
    ]
    return sum(hit) / len(cells)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_volume_is_that_of_counted_cells(dimensions: int, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.tuples(*[places] * dimensions), max_size=6))
    found = volume(np.array(rows, dtype=np.float64).reshape(len(rows), dimensions))
    assert found == pytest.approx(brute_volume(rows, dimensions), abs=1e-9)


def test_volume_agrees_with_optuna() -> None:
    from optuna._hypervolume import compute_hypervolume

    rows = np.random.default_rng(1).random((30, 4)) * 1.1
    assert volume(rows) == pytest.approx(compute_hypervolume(rows[(rows < 1).all(axis=1)], np.ones(4)))


@settings(max_examples=40, deadline=None)
@given(few, few, few)
def test_domination_is_a_strict_order(one: object, other: object, third: object) -> None:
    made = points([*one, *other, *third][:3])  # type: ignore[misc]
    for a, b, c in product(made, repeat=3):
        assert not dominates(a, a)
        assert not (dominates(a, b) and dominates(b, a))
        assert not (dominates(a, b) and dominates(b, c)) or dominates(a, c)


@settings(max_examples=40, deadline=None)
@given(few)
def test_the_front_is_what_nothing_beats(rows: list[tuple[float, float, float]]) -> None:
    made, shown = points(rows), front(points(rows))
    for each in made:
        beaten = any(
            other.utility.value >= each.utility.value
            and other.upper_bits <= each.upper_bits
            and other.unmet <= each.unmet
            and (other.utility.value, other.upper_bits, other.unmet)
            != (each.utility.value, each.upper_bits, each.unmet)
            for other in made
        )
        assert (each in shown) == (not beaten)


@settings(max_examples=40, deadline=None)
@given(few, st.floats(0, 0.3))
def test_what_may_be_on_the_front_holds_the_front(
    rows: list[tuple[float, float, float]], wide: float
) -> None:
    made = points(rows, wide)
    assert {each.number for each in front(made)} <= {each.number for each in front(made, surely=True)}


def test_noise_keeps_a_point_on_the_front_and_certainty_does_not() -> None:
    near = [point(0, 0.880, 0.2, wide=0.01), point(1, 0.885, 0.1, wide=0.01)]
    assert [each.number for each in front(near)] == [1]
    assert [each.number for each in front(near, surely=True)] == [0, 1]
    far = [point(0, 0.85, 0.2, wide=0.01), point(1, 0.885, 0.1, wide=0.01)]
    assert [each.number for each in front(far, surely=True)] == [1]


def test_what_is_trained_least_is_trained_again_first() -> None:
    made = [point(0, 0.880, 0.2, wide=0.01), point(1, 0.885, 0.1, wide=0.01), point(2, 0.5, 0.3)]
    assert doubtful(made) == (1, 0)
    again = [made[0], made[1].model_copy(update={"repeats": 2}), made[2]]
    assert doubtful(again) == (0, 1)
    assert doubtful(made[:1]) == ()


@settings(max_examples=40, deadline=None)
@given(few)
def test_the_hypervolume_never_falls(rows: list[tuple[float, float, float]]) -> None:
    grown = history(points(rows), BOUNDS)  # type: ignore[arg-type]
    assert (np.diff(grown) >= -1e-12).all()
    assert len(grown) == len(rows)


def test_what_breaks_a_constraint_or_a_hard_rule_counts_nothing() -> None:
    made = [point(0, 0.8, 0.5), point(1, 0.9, 0.1, broken=("gdpr-basis",)), point(2, 0.85, 0.7)]
    bound = (Constraint(what="upper_bits", at_most=0.6),)
    assert [each.number for each in front(made, bound)] == [0]
    assert hypervolume(made, BOUNDS, bound) == pytest.approx(0.8 * 0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([(0.5, 0.1, 0.0)], 0),
        ([(0.5, 0.0, 0.0), (0.9, 1.0, 0.0), (0.85, 0.2, 0.0)], 2),  # far above the line of the two
        ([(0.5, 0.0, 0.0), (0.9, 1.0, 0.0), (0.69, 0.5, 0.0)], 0),  # below it: the end of less risk
        ([(0.5, 0.2, 0.1), (0.5, 0.2, 0.1)], 0),
        ([(0.5, 0.0, 0.5), (0.9, 1.0, 0.5), (0.7, 0.5, 0.0), (0.85, 0.2, 0.2)], 3),
    ],
)
def test_the_knee_is_farthest_below_the_plane_of_the_extremes(
    rows: list[tuple[float, float, float]], expected: int | None
) -> None:
    assert knee(front(points(rows))) == expected


def test_the_reference_is_public_and_grows_with_the_target() -> None:
    small, large = (
        bounds_of(0.5, PrivacyTarget(epsilon=epsilon, delta=1e-5, n_public=5_000)) for epsilon in (1.0, 3.0)
    )
    assert small["upper_bits"][1] < large["upper_bits"][1] < 1
    assert small["utility"] == (-1.0, -0.5)


def test_too_many_objectives_are_refused() -> None:
    names = ("utility", "risk", "advantage", "upper_bits", "epsilon")
    with pytest.raises(BalanceError, match="5 objectives"):
        hypervolume([point(0, 0.5, 0.1)], dict.fromkeys(names, (0.0, 1.0)))  # type: ignore[arg-type]
