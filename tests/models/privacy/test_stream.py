from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.noise import PHILOX
from models.privacy.statement import statement
from models.privacy.stream import StreamPlan, StreamTraining, stream_claim, stream_differences
from models.values.target import PrivacyTarget

STEPS, BATCH, WIDTH = 16, 50, 200
CUSTOMERS = STEPS * BATCH
TARGET = PrivacyTarget(epsilon=8, delta=1e-5, n_public=1000)


def _plan(**more: Any) -> StreamPlan:
    return StreamPlan.calibrate(
        TARGET, **({"steps": STEPS, "expected_batch": BATCH, "max_examples": 2} | more)
    )


def _arrivals(step: int, *, empty: bool = False) -> tuple[Any, CustomerExamples]:
    rng = np.random.default_rng(step)
    features = rng.normal(size=(BATCH, 2, WIDTH)).astype(np.float32)
    numbers = np.arange(step * BATCH, (step + 1) * BATCH) % CUSTOMERS
    mask = np.full((BATCH, 2), not empty)
    return numbers, CustomerExamples(
        features=features, labels=(features[..., 0] > 0).astype(np.float32), mask=mask
    )


def _training(plan: StreamPlan, loss: Any, **more: Any) -> tuple[Any, StreamTraining]:
    model = keras.Sequential([keras.layers.Input((WIDTH,)), keras.layers.Dense(100), keras.layers.Dense(1)])
    _, example = _arrivals(0)
    optimizer = keras.optimizers.SGD(more.pop("rate", 1.0))
    return model, StreamTraining(
        plan, model, example, customers=CUSTOMERS, loss=loss, optimizer=optimizer, **more
    )


def _run(plan: StreamPlan, loss: Any, *, empty: bool = False, **more: Any) -> tuple[Any, StreamTraining]:
    model, training = _training(plan, loss, **more)
    before = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    for step in range(plan.tree.steps):
        training.step(*_arrivals(step, empty=empty))
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()]) - before, training


@pytest.mark.parametrize("participations", [1, 2])
def test_a_plan_is_just_below_its_target(participations: int) -> None:
    """Twice as many participations need more noise; a little less noise than calibrated is refused."""
    plan = _plan(max_participations=participations, min_separation=8)
    assert 0.98 * TARGET.epsilon < plan.tree.epsilon(TARGET.delta) <= TARGET.epsilon
    weaker = plan.tree.model_copy(update={"noise_multiplier": plan.tree.noise_multiplier * 0.97})
    with pytest.raises(ValueError, match="its target is 8"):
        StreamPlan(target=TARGET, tree=weaker, max_examples=2, expected_batch=BATCH)


def test_the_noise_of_all_steps_is_that_of_the_trees_root(log_loss: Any) -> None:
    """Nobody has a gradient; 16 steps make up a whole tree, so sigma C / B by Honaker's estimate is
    less than one node's noise and more than half of it; independent noise would be four times as much."""
    plan = _plan()
    change, training = _run(plan, log_loss, empty=True)
    node = plan.tree.noise_stddev / BATCH
    assert 0.5 * node < change.std() < node
    assert stream_differences(plan, training.log()) == ()


def test_it_learns_and_its_claim_is_the_plans(log_loss: Any) -> None:
    plan = _plan(clipping_norm=5.0)
    training = _run(plan, log_loss, rate=0.3)[1]
    claim = stream_claim(plan, training.log())
    assert claim.epsilon == claim.epsilon_unamplified == plan.tree.epsilon(TARGET.delta)
    assert claim.epsilon <= claim.epsilon_rdp
    assert "over a stream" in statement(claim)
    assert "replaced by zeros" in statement(claim)
    assert "数据流" in statement(claim, "zh")


def test_one_customer_moves_a_step_by_its_clipped_norm_over_the_public_batch(
    log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "models.privacy.noise.GaussianNoise.vector",
        lambda self, count, *, stddev: np.zeros(count, np.float32),
    )
    plan = _plan(clipping_norm=0.01)
    model, training = _training(plan, log_loss)
    before = model.get_weights()
    numbers, batch = _arrivals(0)
    training.step(numbers[:1], batch.take(numbers[:1]))
    moved = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(model.get_weights(), before, strict=True)))
    assert moved == pytest.approx(0.01 / BATCH, rel=1e-3)


def test_a_customer_that_comes_too_often_is_refused_and_nothing_is_used(log_loss: Any) -> None:
    model, training = _training(_plan(), log_loss)
    numbers, batch = _arrivals(0)
    training.step(numbers, batch)
    before = model.get_weights()
    assert training.eligible().sum() == CUSTOMERS - BATCH
    with pytest.raises(PlanViolation, match="more than 1 times"):
        training.step(numbers, batch)
    assert len(training.log().steps) == 1
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_batches_of_another_shape_are_refused(log_loss: Any) -> None:
    _, training = _training(_plan(), log_loss)
    numbers, batch = _arrivals(0)
    with pytest.raises(PrivacyError, match="give each customer one row"):
        training.step(numbers[:-1], batch)


def test_a_step_without_customers_gets_noise(log_loss: Any) -> None:
    _, training = _training(_plan(), log_loss)
    _, batch = _arrivals(0)
    training.step(np.arange(0), batch.take(np.arange(0)))
    (step,) = training.log().steps
    assert (step.customers, step.noise_stddev) == (0, _plan().tree.noise_stddev)


def test_no_step_runs_after_the_last(log_loss: Any) -> None:
    training = _run(_plan(), log_loss)[1]
    _, batch = _arrivals(0)
    with pytest.raises(PlanViolation, match="16 steps"):
        training.step(np.arange(0), batch.take(np.arange(0)))


def test_a_log_that_differs_has_no_claim(log_loss: Any) -> None:
    plan = _plan()
    _, training = _training(plan, log_loss)
    training.step(*_arrivals(0))
    log = training.log()
    for name, value, reason in (
        ("noise_stddev", 0.1, "noise was not the planned one"),
        ("nodes", 0, "drew no noise"),
        ("clipping_norm", 2.0, "clipping norm"),
        ("divisor", 1.0, "divided"),
    ):
        steps = (log.steps[0].model_copy(update={name: value}),)
        with pytest.raises(PlanViolation, match=reason):
            stream_claim(plan, log.model_copy(update={"steps": steps}))
    for name, other, reason in (
        ("noise_source", PHILOX, "noise did not come from"),
        ("plan_digest", "x", "another plan"),
        ("steps", log.steps * (STEPS + 1), "more than 16 steps"),
    ):
        with pytest.raises(PlanViolation, match=reason):
            stream_claim(plan, log.model_copy(update={name: other}))
