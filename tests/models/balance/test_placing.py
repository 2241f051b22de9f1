from __future__ import annotations

from typing import Any

import pytest

from models.balance.placing import apart, place
from models.values.balance import Constraint, Front, Point
from tests.models.balance.points import front_of, measure, point

PACKS = ("gdpr 1 (0)",)
TRIALS = [
    point(0, 0.890, 0.38, epsilon=3.0, wide=0.004, risk=0.02, choices={"epsilon": 3.0}),
    point(1, 0.886, 0.10, epsilon=1.5, wide=0.004, risk=0.01, choices={"epsilon": 1.5}),
    point(2, 0.850, 0.02, epsilon=0.5, wide=0.004, risk=0.01, choices={"epsilon": 0.5}),
]


def front(*constraints: Constraint) -> Front:
    return front_of(TRIALS, constraints=constraints)


def retrained(**changes: Any) -> Point:
    return TRIALS[1].model_copy(update={"number": 0, **changes})


def test_a_model_like_its_front_stays() -> None:
    found = place(retrained(utility=measure(0.884, 0.004)), front(), (), PACKS)
    assert (found.nearest, found.chosen, found.drifted, found.proposal) == (1, 1, (), None)
    assert "the choice stays" in found.reason


def test_a_model_is_compared_with_the_trial_of_its_choices() -> None:
    assert place(retrained(choices={"epsilon": 0.55}), front(), (), PACKS).nearest == 2
    assert place(retrained(choices={"epsilon": 3.0, "steps": 5}), front(), (), PACKS).nearest == 0


def test_drifted_data_proposes_less_privacy_where_utility_is_bounded() -> None:
    """Utility fell by 3 points: only the least private trial would still keep the bound."""
    bound = (Constraint(what="utility", at_least=0.856),)
    found = place(retrained(utility=measure(0.857, 0.004)), front(*bound), bound, PACKS)
    assert found.proposal == 0
    assert any("below the 0.886" in sentence for sentence in found.drifted)
    assert found.reason.startswith(
        "Trial 0 would be chosen now: epsilon 3, about 0.861 AUC, at most 0.38 bits"
    )


def test_a_raised_risk_proposes_more_privacy_where_it_is_bounded() -> None:
    bound = (Constraint(what="risk", at_most=0.05),)
    trials = [TRIALS[0], TRIALS[1], TRIALS[2].model_copy(update={"risk": measure(0.0, 0.0, name="bits")})]
    held = front_of(trials, constraints=bound)
    found = place(retrained(risk=measure(0.05, 0.005, name="bits")), held, bound, PACKS)
    assert found.proposal == 2
    assert any("measured leakage is 0.050 bits, above" in sentence for sentence in found.drifted)
    assert any("risk 0.055 is above 0.05" in sentence for sentence in found.drifted)


def test_a_new_rule_pack_is_a_drift_and_its_hard_rules_move_the_choice() -> None:
    """The new pack forbids an epsilon above 1: today's judge says so of every trial."""

    def judge(trial: Point) -> tuple[float, tuple[str, ...]]:
        broken = ("gdpr-epsilon",) if trial.epsilon > 1 else ()
        return (0.3 if broken else 0.0), broken

    new = ("gdpr 2 (1)",)
    found = place(retrained(unmet=0.3, broken=("gdpr-epsilon",)), front(), (), new, judge=judge)
    assert found.proposal == 2
    assert found.drifted == (
        "hard rule gdpr-epsilon is not met",
        "rule pack gdpr 2 (1) holds now",
        "rule pack gdpr 1 (0) holds no more",
    )


def test_a_new_pack_that_changes_nothing_is_said_and_the_choice_stays() -> None:
    found = place(retrained(), front(), (), (*PACKS, "pipl 1 (2)"))
    assert found.drifted == ("rule pack pipl 1 (2) holds now",)
    assert (found.proposal, found.reason) == (None, "Trial 1 would still be chosen; the choice stays.")


def test_nothing_is_proposed_where_nothing_would_keep_the_constraints() -> None:
    bound = (Constraint(what="utility", at_least=0.84),)
    found = place(retrained(utility=measure(0.70, 0.004)), front(*bound), bound, PACKS)
    assert found.proposal is None
    assert found.reason == "No point of the front would keep the constraints now; search again."


def test_more_bits_than_the_trial_had_are_a_drift() -> None:
    found = place(retrained(upper_bits=0.13), front(), (), PACKS)
    assert found.drifted == ("the accountant's bound is 0.13 bits, above the 0.10 bits of trial 1",)


@pytest.mark.parametrize(("gap", "expected"), [(0.005, False), (0.0058, True)])
def test_two_estimates_differ_beyond_the_error_of_their_difference(gap: float, expected: bool) -> None:
    assert apart(measure(0.9, 0.004), measure(0.9 - gap, 0.004)) is expected


def test_a_front_without_points_asks_for_a_search() -> None:
    empty = front_of([], hypervolume=())
    assert "search first" in place(retrained(), empty, (), PACKS).reason
