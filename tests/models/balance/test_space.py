from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.balance.space import COARSEST, Knob, Space, aimed, space_of, variant
from models.cases.card_fraud import CARD_FRAUD
from models.cases.case import CaseError, UseCase
from models.cases.fraud import FRAUD
from models.cases.recommender import RECOMMENDER
from models.cases.support import SUPPORT
from models.values.target import PrivacyTarget

TARGET = PrivacyTarget(epsilon=3.0, delta=1e-5, n_public=5_000)


@pytest.mark.parametrize("case", [FRAUD, CARD_FRAUD, RECOMMENDER, SUPPORT], ids=lambda case: case.name)
def test_the_default_is_the_case_itself(case: UseCase) -> None:
    space = space_of(case, TARGET)
    assert variant(case, space.default) is case
    assert aimed(TARGET, space.default) == TARGET
    assert space.starts()[0] == space.default
    assert ("size" in space.default) == (case.sized is not None)


@given(st.floats(0, 1), st.sampled_from(range(7)))
def test_a_knob_finds_the_place_of_its_values_and_stays_inside(place: float, which: int) -> None:
    knob = space_of(FRAUD, TARGET).knobs[which]
    value = knob.at(place)
    assert knob.low <= float(value) <= knob.high
    assert knob.at(knob.place(float(value))) == value
    assert isinstance(value, int) == knob.whole


@pytest.mark.parametrize("count", [1, 2, 7, 24, 30])
def test_a_grid_is_full_and_never_larger_than_asked(count: int) -> None:
    space = space_of(FRAUD, TARGET)
    grid = space.grid(count)
    assert len(grid) == len({tuple(choices.values()) for choices in grid}) <= count
    for name in space.default:
        assert len(grid) % len({choices[name] for choices in grid}) == 0
    assert len(grid) >= min(count, 24 if count >= 24 else 1)


def test_a_variant_trains_what_was_chosen() -> None:
    chosen = {
        "epsilon": 1.0,
        "learning_rate": 0.1,
        "clipping_norm": 1.0,
        "sampling_rate": 0.1,
        "steps": 50,
        "size": 5,
    }
    made = variant(FRAUD, chosen)
    assert (made.recipe.learning_rate, made.recipe.steps, made.recipe.max_examples) == (0.1, 50, 8)
    assert float(made.optimizer().learning_rate) == pytest.approx(0.1)
    assert made.build_model({}).layers[0].units == made.size == 5
    assert float(FRAUD.optimizer().learning_rate) == pytest.approx(0.03)
    plan = made.plan(aimed(TARGET, chosen))
    assert (plan.steps, plan.clipping_norm, plan.expected_batch) == (50, 1.0, 500)
    assert plan.epsilon <= 1.0


def test_the_recommender_has_vectors_of_another_width() -> None:
    facts = {
        "category": np.array([0, 1, 2]),
        "department": np.array([0, 1, 1]),
        "price_band": np.array([0, 1, 2]),
        "popularity": np.array([0.0, 0.5, 0.5]),
    }
    model = variant(RECOMMENDER, {"size": 4}).build_model(facts)
    assert model.get_layer("table").output.shape[-1] == 4


@pytest.mark.parametrize(
    ("case", "choices", "why"),
    [
        (SUPPORT, {"size": 8}, "cannot change its size"),
        (RECOMMENDER, {"coarseness": 2}, "cannot change its coarseness"),
        (FRAUD, {"coarseness": COARSEST + 1}, "level 5"),
        (FRAUD, {"stesp": 8}, "stesp is none of a recipe's"),
        (FRAUD, {"name": "x"}, "name is none of a recipe's"),
    ],
)
def test_a_choice_that_the_case_lacks_is_refused(case: UseCase, choices: dict[str, Any], why: str) -> None:
    with pytest.raises(CaseError, match=why):
        variant(case, choices)


def test_no_choice_exceeds_the_target_of_the_spec() -> None:
    with pytest.raises(CaseError, match="above the target 3"):
        aimed(TARGET, {"epsilon": 3.5})


def test_a_space_whose_default_is_outside_is_refused() -> None:
    knob = Knob(name="steps", low=1, high=10, whole=True)
    with pytest.raises(ValidationError, match="out of its bounds"):
        Space(knobs=(knob,), default={"steps": 20})
    with pytest.raises(ValidationError, match="low < high"):
        Knob(name="steps", low=3, high=3)
