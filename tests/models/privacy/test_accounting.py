from __future__ import annotations

from typing import Any

import pytest

from models.privacy.accounting import claim, logged_epsilon
from models.privacy.epsilon import dp_sgd_event, pld_epsilon
from models.privacy.errors import PlanViolation
from models.privacy.runlog import RunLog, StepLog
from models.privacy.statement import statement
from models.values.errors import PrivetError
from models.values.target import PrivacyTarget


def _log(plan: Any, **facts: Any) -> RunLog:
    values = {
        "sampled": round(600 * plan.sampling_rate),
        "noise_stddev": plan.noise_stddev,
        "noise_draws": 2,
        "clipping_norm": plan.clipping_norm,
        "divisor": plan.expected_batch,
    }
    # Two customers more, two fewer: the spread that Poisson sampling of 600 customers has about.
    spread = round((600 * plan.sampling_rate * (1 - plan.sampling_rate)) ** 0.5)
    steps = tuple(
        StepLog(**(values | {"sampled": values["sampled"] + spread * (-1) ** step} | facts))
        for step in range(plan.steps)
    )
    return RunLog(
        plan_digest=plan.digest(),
        sampler="poisson",
        sampling_rate=plan.sampling_rate,
        noise_source=plan.noise_source,
        population=600,
        variables=2,
        steps=steps,
    )


@pytest.fixture
def plan(make_plan: Any) -> Any:
    return make_plan(batch=50, steps=100)


def test_the_claim_is_the_plans_and_says_all(plan: Any) -> None:
    made = claim(plan, _log(plan))
    assert 0.99 * plan.epsilon <= made.epsilon <= plan.epsilon <= plan.target.epsilon
    assert made.epsilon <= made.epsilon_rdp < made.epsilon_unamplified
    assert (made.unit, made.neighbouring, made.sampler) == ("customer", "add_or_remove_one", "poisson")
    assert (made.steps, made.noise_source) == (plan.steps, plan.noise_source)
    assert any("float32" in limit for limit in made.known_limits)
    assert made.group_epsilon is None


def test_an_exception_from_the_rule_of_delta_is_named_everywhere(plan: Any) -> None:
    reason = "as published {at} this delta"
    target = PrivacyTarget(**plan.target.model_dump() | {"delta": 2e-4, "delta_exception": reason})
    excepted = plan.model_copy(update={"target": target})
    made = claim(excepted, _log(excepted))
    assert (made.delta, made.delta_exception) == (2e-4, reason)
    assert f"\nException: delta exceeds 1/(10 N): {reason}\n" in statement(made)
    assert f"\n例外：delta 大于 1/(10 N)：{reason}\n" in statement(made, "zh")
    for language, word in (("en", "xception"), ("zh", "例外")):
        assert word not in statement(claim(plan, _log(plan)), language).replace("的情形除外", "")


def test_a_household_costs_more_than_its_customers_added(plan: Any) -> None:
    made = claim(plan, _log(plan), group_size=3)
    assert made.group_size == 3
    assert made.group_epsilon is not None
    assert made.group_epsilon > 3 * made.epsilon


@pytest.mark.parametrize(
    "facts",
    [{"noise_stddev": 0.1}, {"noise_draws": 0}, {"clipping_norm": 9.0}, {"divisor": 1.0}, {"sampled": 0}],
)
def test_another_run_than_the_plans_gets_no_claim(facts: dict[str, float], plan: Any) -> None:
    with pytest.raises(PlanViolation, match="no epsilon can be claimed") as caught:
        claim(plan, _log(plan, **facts))
    assert isinstance(caught.value, PrivetError)
    assert isinstance(caught.value, ValueError)


def test_accounting_reads_the_log(plan: Any) -> None:
    """Half of the steps ran with half of the noise; the plan knows nothing of it."""
    log = _log(plan)
    weaker = [step.model_copy(update={"noise_stddev": step.noise_stddev / 2}) for step in log.steps[:50]]
    mixed = log.model_copy(update={"steps": (*weaker, *log.steps[50:])})
    run = {"sampling_rate": plan.sampling_rate, "steps": 50}
    half = pld_epsilon(dp_sgd_event(**run, noise_multiplier=plan.noise_multiplier / 2), plan.target.delta)
    assert logged_epsilon(mixed, plan.target.delta) > half > logged_epsilon(log, plan.target.delta)
