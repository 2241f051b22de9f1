"""What log, claim and statement say of per-layer and adaptive clipping and of a chosen cap."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from models.privacy.accounting import claim, logged_epsilon
from models.privacy.cap import ChosenCap
from models.privacy.clipping.rule import Clipping
from models.privacy.entropy import KEYSTREAM
from models.privacy.errors import PlanViolation
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import RunLog, StepLog, TableLog, differences
from models.privacy.statement import statement
from models.values.target import PrivacyTarget

STEPS = 40
CAP = ChosenCap(quantile=0.9, epsilon=0.3, max_cap=16, value=3, source=KEYSTREAM)


@cache
def _plan(clipping: Clipping = "flat", *, cap: ChosenCap | None = None) -> PrivacyPlan:
    target = PrivacyTarget(epsilon=3, delta=1e-5, n_public=1000)
    return PrivacyPlan.calibrate(
        target,
        expected_batch=50,
        steps=STEPS,
        max_examples=cap or 4,
        clipping_norm=0.5,
        clipping=clipping,
    )


def _log(plan: PrivacyPlan, **changes: Any) -> RunLog:
    """A log as a run leaves it, with norms that follow from the shares in float32."""
    rng, norm, steps = np.random.default_rng(0), np.float32(plan.clipping_norm), []
    for _ in range(plan.steps):
        step = StepLog(
            sampled=rng.binomial(600, plan.sampling_rate),
            noise_stddev=plan.sum_noise_multiplier * float(norm),
            noise_draws=2,
            clipping_norm=float(norm),
            divisor=plan.expected_batch,
        )
        if plan.adaptive is not None:
            share = float(rng.normal(0.6, 0.2))
            noised = {"share": share, "count_stddev": plan.adaptive.clipped_count_stddev}
            step = step.model_copy(update=noised)
            norm = np.float32(plan.adaptive.next_norm(float(norm), share, plan.clipping_norm))
        steps.append(step)
    log = RunLog(
        plan_digest=plan.digest(),
        sampler="poisson",
        sampling_rate=plan.sampling_rate,
        noise_source=plan.noise_source,
        population=600,
        variables=2,
        steps=tuple(steps),
        clipping=plan.clipping,
        clipping_groups=7 if plan.clipping == "per-layer" else 1,
        cap=plan.cap,
    )
    return log.model_copy(update=changes)


def _each(log: RunLog, **change: Any) -> RunLog:
    return log.model_copy(update={"steps": tuple(step.model_copy(update=change) for step in log.steps)})


def test_a_plan_of_before_there_was_a_choice_keeps_its_digest() -> None:
    text = (
        '{"target":{"epsilon":3.0,"delta":0.00001,"n_public":1000,"unit":"customer","neighbouring":'
        '"add_or_remove_one"},"steps":5,"sampling_rate":0.05,"max_examples":4,"clipping_norm":1.0,'
        '"noise_multiplier":1.0,"sampler":"poisson","noise_source":"AES-256-CTR keystream, key from os.urandom"}'
    )
    plan = PrivacyPlan.model_validate_json(text)
    assert plan.digest() == "c29d7a4293463b208ad86af394ff11345c1a1d804398f828f9d2fa5d18a1fdfc"
    assert plan.clipping == "flat"
    assert plan.model_copy(update={"clipping": "per-layer"}).digest() != plan.digest()


@pytest.mark.parametrize("clipping", ["flat", "per-layer", "adaptive"])
@pytest.mark.parametrize("cap", [None, CAP], ids=["public cap", "chosen cap"])
def test_a_run_of_the_plan_is_claimed_within_its_target(clipping: Clipping, cap: ChosenCap | None) -> None:
    plan = _plan(clipping, cap=cap)
    made = claim(plan, RunLog.model_validate_json(_log(plan).model_dump_json()))
    assert 0.98 * plan.epsilon <= made.epsilon <= plan.epsilon <= 3
    assert made.epsilon <= made.epsilon_rdp
    assert made.epsilon < made.epsilon_unamplified
    assert made.noise_multiplier == pytest.approx(plan.noise_multiplier, abs=1e-8)
    assert (made.clipping, made.cap_epsilon) == (clipping, cap and 0.3)


def test_per_layer_and_flat_clipping_cost_the_same() -> None:
    flat, layers = _plan("flat"), _plan("per-layer")
    assert (flat.noise_multiplier, flat.epsilon) == (layers.noise_multiplier, layers.epsilon)
    assert claim(flat, _log(flat)).epsilon == claim(layers, _log(layers)).epsilon


@pytest.mark.parametrize(
    ("clipping", "change", "reason"),
    [
        ("per-layer", {"clipping": "flat", "clipping_groups": 1}, "clipping was not per-layer"),
        ("flat", {"clipping": "per-layer"}, "clipping was not flat"),
        ("flat", {"clipping_groups": 7}, "clipping was not flat"),
        ("adaptive", {"clipping": "flat"}, "clipping was not adaptive"),
        ("flat", {"cap": CAP}, "cap of examples"),
    ],
)
def test_another_clipping_than_planned_is_named(clipping: Any, change: Any, reason: str) -> None:
    plan = _plan(clipping)
    assert differences(plan, _log(plan)) == ()
    assert any(reason in found for found in differences(plan, _log(plan, **change)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count_stddev": None}, "count of clipped customers"),
        ({"count_stddev": 0.0}, "count of clipped customers"),
        ({"count_stddev": 1.0}, "count of clipped customers"),
        ({"share": None}, "count of clipped customers"),
        ({"share": None, "count_stddev": None}, "count of clipped customers"),
        ({"share": 0.9}, "clipping norm"),
        ({"clipping_norm": 0.5}, "clipping norm"),
        ({"noise_stddev": 0.5}, "noise was not the planned one"),
    ],
)
def test_an_adaptive_step_that_differs_gets_no_claim(change: dict[str, Any], reason: str) -> None:
    plan = _plan("adaptive")
    log = _each(_log(plan), **change)
    assert any(reason in found for found in differences(plan, log))
    with pytest.raises(PlanViolation, match=reason):
        claim(plan, log)


def test_noise_of_the_sum_that_was_not_raised_gets_no_claim_and_costs_more() -> None:
    plan = _plan("adaptive")
    log = _log(plan)
    weaker = [
        s.model_copy(update={"noise_stddev": plan.noise_multiplier * s.clipping_norm}) for s in log.steps
    ]
    weaker_log = log.model_copy(update={"steps": tuple(weaker)})
    assert differences(plan, weaker_log) == ("a step's noise was not the planned one",)
    assert logged_epsilon(weaker_log, 1e-5) > plan.target.epsilon >= logged_epsilon(log, 1e-5)


def test_a_count_that_a_flat_plan_did_not_mean_gets_no_claim() -> None:
    plan = _plan("flat")
    assert differences(plan, _each(_log(plan), share=0.5, count_stddev=50.0))
    assert logged_epsilon(_each(_log(plan), share=0.5), 1e-5) == np.inf


def test_a_log_that_forgets_the_cap_gets_no_claim() -> None:
    plan = _plan(cap=CAP)
    assert differences(plan, _log(plan, cap=None)) == ("the cap of examples was not chosen as planned",)
    assert logged_epsilon(_log(plan), 1e-5) > logged_epsilon(_log(plan, cap=None), 1e-5) + 0.05


def test_a_household_pays_for_the_cap_as_often_as_it_has_members() -> None:
    plan = _plan(cap=CAP)
    whole = claim(plan, _log(plan), group_size=3).group_epsilon
    without = plan.model_copy(update={"cap": None})
    rest = claim(without, _log(without), group_size=3).group_epsilon
    assert whole is not None
    assert rest is not None
    assert rest + 0.2 < whole <= rest + 3 * 0.3 + 0.02


def test_tables_owe_the_noise_of_the_norms_that_ran() -> None:
    plan = _plan("adaptive")
    log = _log(plan)
    due = 10 * sum((0.1 * step.noise_stddev / 50) ** 2 for step in log.steps)
    table = TableLog(rows=10, steps=STEPS, row_steps=10 * STEPS, variance=due, learning_rate=0.1)
    assert differences(plan, log.model_copy(update={"tables": (table,)})) == ()
    first = table.model_copy(update={"variance": 10 * STEPS * (0.1 * plan.noise_stddev / 50) ** 2})
    assert differences(plan, log.model_copy(update={"tables": (first,)}))


@pytest.mark.parametrize(
    ("clipping", "english", "chinese"),
    [
        ("flat", "the whole contribution of one customer to norm 0.5 and", "裁剪到范数 0.5"),
        ("per-layer", "to each of 7 layers by itself", "对 7 个层的贡献逐层裁剪"),
        ("adaptive", "follows quantile 0.5 of the customers' norms", "0.5 分位数"),
    ],
)
def test_the_statement_names_the_clipping(clipping: Clipping, english: str, chinese: str) -> None:
    plan = _plan(clipping)
    made = claim(plan, _log(plan))
    assert english in statement(made)
    assert chinese in statement(made, "zh")
    assert "chosen from the data" not in statement(made)


def test_the_statement_names_the_chosen_cap_and_its_cost() -> None:
    plan = _plan("per-layer", cap=CAP)
    made = claim(plan, _log(plan))
    assert "At most 3 examples of one customer were used" in statement(made)
    assert "epsilon 0.3, which is part of" in statement(made)
    assert "每位客户最多使用 3 条样本" in statement(made, "zh")
