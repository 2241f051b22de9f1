from __future__ import annotations

from typing import Any

import pytest

from models.privacy.noise import KeyStream
from models.privacy.runlog import RunLog, StepLog, differences
from models.privacy.sampler import PoissonSampler

STEPS = 200


def _log(plan: Any, **changes: Any) -> RunLog:
    """A log as a run of `plan` over 600 customers leaves it; `changes` alter it or all of its steps."""
    sampler = PoissonSampler(plan.sampling_rate, KeyStream())
    facts = {
        "noise_stddev": plan.noise_stddev,
        "noise_draws": 4,
        "clipping_norm": plan.clipping_norm,
        "divisor": plan.expected_batch,
    }
    facts |= {name: changes.pop(name) for name in list(changes) if name in facts}
    sizes = changes.pop("sizes", None) or [len(sampler.sample(600)) for _ in range(STEPS)]
    log = RunLog(
        plan_digest=plan.digest(),
        sampler="poisson",
        sampling_rate=plan.sampling_rate,
        noise_source=plan.noise_source,
        population=600,
        variables=4,
        steps=tuple(StepLog(sampled=size, **facts) for size in sizes),
    )
    return log.model_copy(update=changes)


@pytest.fixture
def plan(make_plan: Any) -> Any:
    return make_plan(batch=50, steps=STEPS)


def test_a_run_of_the_plan_differs_in_nothing(plan: Any) -> None:
    assert all(differences(plan, _log(plan)) == () for _ in range(50))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan_digest": "0" * 64}, "another plan"),
        ({"sampler": "shuffle"}, "sampler"),
        ({"sampling_rate": 0.06}, "sampling rate"),
        ({"noise_source": "numpy"}, "noise did not come"),
        ({"noise_stddev": 0.0}, "noise was not the planned"),
        ({"noise_stddev": 1.0}, "noise was not the planned"),
        ({"noise_draws": 0}, "once per variable"),
        ({"noise_draws": 3}, "once per variable"),
        ({"noise_draws": 8}, "once per variable"),
        ({"clipping_norm": 1.5}, "clipping norm"),
        ({"divisor": 30.0}, "public expected batch"),
        ({"sizes": [30] * STEPS}, "do not vary"),
        ({"sizes": [45] * STEPS}, "planned rate"),
        ({"sizes": [30, 28] * (STEPS // 4)}, "not 200 steps"),
        ({"sizes": [30, 28] * (STEPS // 2 + 1)}, "not 200 steps"),
        ({"population": 300}, "planned rate"),
        ({"steps": ()}, "not 200 steps"),
    ],
)
def test_every_difference_is_named(change: dict[str, Any], reason: str, plan: Any) -> None:
    assert any(reason in found for found in differences(plan, _log(plan, **change)))


def test_one_silent_step_is_found(plan: Any) -> None:
    log = _log(plan)
    silent = log.steps[7].model_copy(update={"noise_stddev": 0.0})
    assert differences(plan, log.model_copy(update={"steps": (*log.steps[:7], silent, *log.steps[8:])}))
