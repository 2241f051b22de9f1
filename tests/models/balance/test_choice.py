from __future__ import annotations

from typing import Any

import pytest

from models.balance.choice import bits, bits_at_most, choose, difference, wanted
from models.balance.errors import BalanceError
from models.values.balance import Choice, Constraint, Point
from tests.models.balance.points import measure, point

POINTS = [
    point(0, 0.890, 0.38, epsilon=3.0, wide=0.003, risk=0.02),
    point(1, 0.886, 0.10, epsilon=1.5, wide=0.003, risk=0.01),
    point(2, 0.850, 0.02, epsilon=0.5, wide=0.003),
    point(3, 0.840, 0.30, epsilon=2.5, wide=0.003),
]


def chosen(points: list[Point] = POINTS, *constraints: Constraint, **more: Any) -> Choice:
    found = choose(
        points,
        constraints,
        **{"twin": measure(0.901, 0.003), "twin_risk": measure(0.21), "metric": "AUC"} | more,
    )
    assert found is not None
    return found


def test_the_knee_is_chosen_and_says_why() -> None:
    found = chosen()
    assert found.number == 1
    assert found.reason["en"] == (
        "epsilon 1.5 costs 1.5 ± 0.5 points of AUC against not private, and cuts measured leakage from 0.21 to 0.010 "
        "bits a customer (at most 0.10 by the accountant). It is the knee of a front of 3: more privacy or more AUC "
        "would cost most from here on."
    )
    assert "ε = 1.5 使 AUC 下降 1.5 ± 0.5 个百分点" in found.reason["zh"]


def test_what_one_step_costs_is_said_of_the_neighbours_on_the_front() -> None:
    """Trial 3 lies between in epsilon but is beaten."""
    found = chosen()
    assert "epsilon 0.5 instead of 1.5 (trial 2), would cost 3.6 ± 0.5 points" in found.stricter["en"]
    assert "epsilon 3 instead of 1.5 (trial 0), would gain 0.4 ± 0.5 points" in found.looser["en"]
    assert "from 0.10 to 0.38 bits" in found.looser["en"]
    assert set(found.stricter) == set(found.looser) == {"en", "zh"}


def test_hardly_another_epsilon_is_no_step() -> None:
    """Trial 4 is on the front, with 2 % less epsilon than the choice."""
    near = [*POINTS, point(4, 0.8855, 0.099, epsilon=1.47, wide=0.003)]
    found = chosen(near, weights={"utility": 3.0, "upper_bits": 3.1})
    assert found.number == 1
    assert "(trial 2)" in found.stricter["en"]
    assert "(trial 0)" in found.looser["en"]


@pytest.mark.parametrize(
    ("constraint", "number"),
    [
        (Constraint(what="upper_bits", at_most=0.05), 2),
        (Constraint(what="utility", at_least=0.885), 0),
        (Constraint(what="epsilon", at_most=1.0), 2),
    ],
)
def test_a_tightened_constraint_moves_the_choice(constraint: Constraint, number: int) -> None:
    assert chosen(POINTS, constraint).number == number


def test_only_what_was_trained_again_is_chosen_where_anything_was() -> None:
    again = tuple(each.model_copy(update={"repeats": 2}) if each.number == 2 else each for each in POINTS)
    found = choose(again, (), twin=None, twin_risk=None, metric="AUC")
    assert chosen().number != 2
    assert found is not None
    assert found.number == 2
    assert "the one that stayed there when it was trained again" in found.reason["en"]


WIDE = [  # as a search found it: three points of a front were trained again, two of them at its far end
    point(2, 0.858, 0.0045, epsilon=0.3),
    point(12, 0.833, 0.0037, epsilon=0.3).model_copy(update={"repeats": 2}),
    point(16, 0.872, 0.1023, epsilon=1.66),
    point(20, 0.746, 0.0036, epsilon=0.3).model_copy(update={"repeats": 3}),
    point(28, 0.860, 0.0058, epsilon=0.35).model_copy(update={"repeats": 3}),
]


def test_the_scale_is_the_whole_fronts_not_that_of_the_points_trained_again() -> None:
    """On their own scale 12 were the bargain: 2.7 points of AUC less for 0.002 bits."""
    assert wanted(WIDE, ()) == 28
    found = chosen(WIDE)
    assert found.number == 28
    assert "It is the knee of a front of 5" in found.reason["en"]
    bound = [each for each in WIDE if each.number != 28]
    assert wanted(bound, ()) == 2
    found = chosen(bound)
    assert found.number == 12
    assert "Of the 2 points of a front of 4 that were trained again it is the nearest" in found.reason["en"]
    assert "有 2 个点经过重新训练，其中它最接近拐点" in found.reason["zh"]


def test_weights_of_what_was_trained_again_say_so() -> None:
    found = chosen(WIDE, weights={"utility": 1.0})
    assert (found.number, wanted(WIDE, (), weights={"utility": 1.0})) == (28, 16)
    assert "it is the best by the weights of the spec" in found.reason["en"]
    assert chosen(WIDE, weights={"upper_bits": 1.0}).number == 20


def test_nothing_is_chosen_where_nothing_keeps_the_constraints() -> None:
    bound = (Constraint(what="upper_bits", at_most=0.001),)
    assert choose(POINTS, bound, twin=None, twin_risk=None, metric="AUC") is None


@pytest.mark.parametrize(
    ("weights", "number"),
    [({"utility": 1.0}, 0), ({"upper_bits": 1.0}, 2), ({"utility": 1.0, "upper_bits": 1.0}, 1)],
)
def test_weights_choose_what_they_weigh(weights: dict[Any, float], number: int) -> None:
    found = chosen(weights=weights)
    assert found.number == number
    assert "weights of the spec" in found.reason["en"]


@pytest.mark.parametrize("weights", [{}, {"utility": 0.0}, {"utility": -1.0, "upper_bits": 2.0}])
def test_weights_that_weigh_nothing_are_refused(weights: dict[Any, float]) -> None:
    with pytest.raises(BalanceError, match="weights"):
        chosen(weights=weights)


def test_a_cost_within_its_error_is_not_called_one() -> None:
    found = chosen(twin=measure(0.887, 0.003))
    assert "costs no AUC that could be told from chance" in found.reason["en"]


def test_a_private_model_that_is_better_is_not_called_alike() -> None:
    found = chosen(twin=measure(0.856, 0.003))
    assert "epsilon 1.5 costs no AUC: it reaches 3.0 ± 0.5 points more than not private" in found.reason["en"]
    assert "反而比不加隐私保护高 3.0 ± 0.5 个百分点" in found.reason["zh"]


def test_a_change_is_said_with_its_sign() -> None:
    assert "使 AUC 变化 -0.1 ± 0.5 个百分点" in chosen(twin=measure(0.887, 0.003)).reason["zh"]


@pytest.mark.parametrize("before", [measure(0.001), measure(0.05, 0.06)])
def test_leakage_that_is_not_surely_less_than_without_privacy_is_not_called_cut(before: Any) -> None:
    found = chosen(twin_risk=before)
    assert "cuts" not in found.reason["en"]
    assert "no attack can learn more than 0.10 bits" in found.reason["en"]


def test_a_step_moves_epsilon_and_bits_the_same_way() -> None:
    """Trial 4 has more epsilon and fewer bits than the choice; trial 2 both less, trial 0 both more."""
    found = chosen(
        [*POINTS, point(4, 0.8858, 0.099, epsilon=1.8, wide=0.003)],
        weights={"utility": 9.0, "upper_bits": 8.9},
    )
    assert found.number == 1
    assert "(trial 0)" in found.looser["en"]
    assert "(trial 2)" in found.stricter["en"]


@pytest.mark.parametrize(
    ("gap", "wide", "said"),
    [
        (0.0112, 0.0038, "1.1 ± 0.4"),
        (0.0112, 0.0041, "1.1 ± 0.5"),  # an error is rounded up
        (0.00112, 0.00031, "0.11 ± 0.04"),
        (0.041, 0.032, "4.1 ± 3.2"),
        (-0.0001, 0.004, "0.0 ± 0.4"),
        (0.02, 0.0, "2"),
    ],
)
def test_differences_have_the_digits_that_their_error_bears(gap: float, wide: float, said: str) -> None:
    assert difference(gap, 0.0, wide, 0.0) == said


def test_bits_are_rounded_honestly() -> None:
    assert [bits(value) for value in (0.0, 0.2149, 0.0204, 0.00004, 1.234)] == [
        "0",
        "0.21",
        "0.020",
        "< 0.001",
        "1.2",
    ]
    assert [bits_at_most(value) for value in (0.3301, 0.0211, 0.1)] == ["0.34", "0.022", "0.10"]
