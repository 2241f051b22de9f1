from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.privacy.epsilon import planned_epsilon
from models.privacy.errors import PrivacyError
from models.privacy.plan import PrivacyPlan
from models.values.target import PrivacyTarget


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
@pytest.mark.parametrize(("batch", "steps"), [(1500, 600), (100, 50), (20_000, 30)])
def test_calibration_is_slightly_below_the_target(epsilon: float, batch: float, steps: int) -> None:
    target = PrivacyTarget(epsilon=epsilon, delta=2e-6, n_public=50_000)
    plan = PrivacyPlan.calibrate(target, expected_batch=batch, steps=steps, max_examples=8, clipping_norm=1.0)
    assert 0.995 * epsilon <= plan.epsilon <= epsilon


def test_values_follow_from_each_other(make_plan: Any) -> None:
    plan = make_plan(batch=50, clip=0.5, n_public=1000)
    assert plan.expected_batch == 50
    assert plan.sampling_rate == 0.05
    assert plan.noise_stddev == plan.noise_multiplier * 0.5
    assert (plan.target.unit, plan.target.neighbouring) == ("customer", "add_or_remove_one")


def test_it_is_deterministic_and_survives_json(make_plan: Any) -> None:
    plan = make_plan()
    assert make_plan() == plan
    assert PrivacyPlan.model_validate_json(plan.canonical()).digest() == plan.digest()
    assert make_plan(clip=2.0).digest() != plan.digest()


@pytest.mark.parametrize("name", ["expected_batch", "noise_stddev", "epsilon"])
def test_what_follows_cannot_be_set(name: str, make_plan: Any) -> None:
    with pytest.raises(ValidationError):
        PrivacyPlan(**make_plan().model_dump(), **{name: 1.0})


def test_a_plan_above_its_target_cannot_be_born(make_plan: Any) -> None:
    facts = make_plan().model_dump()
    facts["noise_multiplier"] /= 1.1
    with pytest.raises(ValidationError, match=r"make it with PrivacyPlan.calibrate"):
        PrivacyPlan(**facts)


@pytest.mark.parametrize("batch", [0, -1, 1001])
def test_a_batch_outside_the_public_bound_is_refused(batch: float, make_plan: Any) -> None:
    with pytest.raises(PrivacyError, match="expected batch"):
        make_plan(batch=batch)


@pytest.mark.parametrize("epsilon", [0.05, 0.2])
def test_a_small_epsilon_gets_no_more_noise_than_it_needs(epsilon: float) -> None:
    target = PrivacyTarget(epsilon=epsilon, delta=1e-6, n_public=60_000)
    plan = PrivacyPlan.calibrate(target, expected_batch=8192, steps=1, max_examples=1, clipping_norm=1.0)
    run = {"sampling_rate": plan.sampling_rate, "steps": 1, "delta": 1e-6}
    assert planned_epsilon(**run, noise_multiplier=plan.noise_multiplier * 0.95) > epsilon
