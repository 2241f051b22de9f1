"""Training with a clipping norm that follows a quantile: what is clipped, noised, logged and resumed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from models.privacy import gradients, trainer
from models.privacy.accounting import claim
from models.privacy.checkpoint import Checkpoints
from models.privacy.clipping.rule import Clipping
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.noise import GaussianNoise
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import differences
from models.privacy.tables import Table
from models.privacy.trainer import Training, fit
from models.values.target import PrivacyTarget


@cache
def _plan(
    *, batch: float = 50, steps: int = 6, clip: float = 0.5, clipping: Clipping = "adaptive"
) -> PrivacyPlan:
    return PrivacyPlan.calibrate(
        PrivacyTarget(epsilon=3, delta=1e-5, n_public=1000),
        expected_batch=batch,
        steps=steps,
        max_examples=4,
        clipping_norm=clip,
        clipping=clipping,
    )


def _weights(model: Any) -> Any:
    return np.concatenate([np.ravel(value) for value in model.get_weights()]).astype(np.float64)


def _training(plan: PrivacyPlan, model: Any, customers: Any, loss: Any) -> Training:
    return Training(plan, model, customers, loss=loss, optimizer=keras.optimizers.SGD(1.0))


@pytest.mark.parametrize("chunk", [4096, 2], ids=["one graph", "in chunks"])
def test_each_step_clips_to_its_own_norm(
    chunk: int, make_model: Any, make_customers: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise off; three customers who are always drawn, all the same and steep: they move the weights by 3 C_t / B."""
    flat = GaussianNoise.flat
    monkeypatch.setattr(GaussianNoise, "flat", lambda self, s, *, stddev: 0 * flat(self, s, stddev=stddev))
    for module in (trainer, gradients):
        monkeypatch.setattr(module, "CHUNK", chunk)
    one = make_customers(1)
    one.mask[:] = True
    data = one.take(np.array([0, 0, 0]))
    model = make_model(hidden=0)
    steep = lambda labels, outputs: -1e3 * outputs  # noqa: E731
    training = _training(_plan(batch=1000), model, data, steep)
    for _ in range(6):
        before = _weights(model)
        training.step()
        moved = np.linalg.norm(_weights(model) - before)
        assert moved == pytest.approx(3 * training._steps[-1].clipping_norm / 1000, rel=1e-3)
    norms = [step.clipping_norm for step in training._steps]
    assert norms[-1] > norms[0] == 0.5


def test_each_step_is_noised_for_its_own_norm(make_model: Any, make_customers: Any, log_loss: Any) -> None:
    """Nobody has a gradient, so all norms lie within and C_t falls, and the noise with it."""
    plan, customers = _plan(batch=1000, steps=6), make_customers(900, 200)
    empty = replace(customers, mask=np.zeros_like(customers.mask))
    model = keras.Sequential([layers.Input((200,)), layers.Dense(200), layers.Dense(1)])
    training = _training(plan, model, empty, log_loss)
    for _ in range(6):
        before = _weights(model)
        training.step()
        noise = (_weights(model) - before).std()
        stddev = plan.sum_noise_multiplier * training._steps[-1].clipping_norm / 1000
        assert noise == pytest.approx(stddev, rel=0.02)
    assert training._steps[-1].clipping_norm < 0.8 * training._steps[0].clipping_norm


@pytest.mark.parametrize("clipping", ["per-layer", "adaptive"])
def test_a_run_is_claimed(clipping: Clipping, make_model: Any, make_customers: Any, log_loss: Any) -> None:
    plan = _plan(clipping=clipping, steps=30)
    result = fit(plan, make_model(), make_customers(300), loss=log_loss, optimizer=keras.optimizers.Adam())
    assert differences(plan, result.log) == ()
    made = claim(plan, result.log)
    assert 0.98 * plan.epsilon <= made.epsilon <= plan.epsilon
    assert (made.clipping, made.clipping_groups) == (clipping, 2 if clipping == "per-layer" else 1)


def test_it_goes_on_from_a_checkpoint_with_the_norm_it_had(
    make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    plan, kept = _plan(steps=6), []
    options: dict[str, Any] = {"loss": log_loss, "optimizer": keras.optimizers.SGD()}
    first = fit(plan, make_model(), make_customers(), **options, checkpoints=Checkpoints(save=kept.append))
    options["optimizer"] = keras.optimizers.SGD()
    resumed = Checkpoints(save=kept.append, last=kept[2])
    second = fit(plan, make_model(), make_customers(), **options, checkpoints=resumed)
    assert differences(plan, second.log) == ()
    assert second.log.steps[:3] == first.log.steps[:3]
    assert second.log.steps[3].clipping_norm == pytest.approx(first.log.steps[3].clipping_norm)
    assert second.log.steps[4] != first.log.steps[4]


def test_lazy_tables_owe_the_noise_of_every_norm(log_loss: Any) -> None:
    rng = np.random.default_rng(0)
    items = rng.integers(0, 40, size=(300, 4)).astype(np.int32)
    data = CustomerExamples(
        features=items, labels=(items % 2).astype(np.float32), mask=np.ones((300, 4), np.bool_)
    )
    item = layers.Input((), dtype="int32")
    embedding = layers.Embedding(40, 3)
    model = keras.Model(item, layers.Dense(1)(embedding(item)))
    table = Table(variable=embedding.trainable_variables[0], learning_rate=0.1)
    plan = _plan(steps=20)
    result = fit(plan, model, data, loss=log_loss, optimizer=keras.optimizers.SGD(), tables=[table])
    assert len({step.clipping_norm for step in result.log.steps}) > 5
    assert differences(plan, result.log) == ()
    assert claim(plan, result.log).epsilon <= 3


def test_several_replicas_are_refused(
    make_model: Any, make_customers: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "Replicas", lambda model: SimpleNamespace(count=2))
    with pytest.raises(PrivacyError, match="one count on one device, the model is mirrored on 2"):
        _training(_plan(), make_model(), make_customers(), log_loss)
