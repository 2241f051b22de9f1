"""Tables with lazy noise in a training: what they release is DP-SGD's, and a lack of noise is found."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from scipy.stats import chi2, kstest

from models.privacy.accounting import claim
from models.privacy.checkpoint import Checkpoints
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.runlog import differences
from models.privacy.tables import PendingTable, Table
from models.privacy.trainer import Training, fit

ITEMS, WIDTH, RATE = 400, 3, 0.5
ALARM = 1e-7


@pytest.fixture
def ratings() -> CustomerExamples:
    rng = np.random.default_rng(0)
    items = rng.integers(0, ITEMS // 2, size=(200, 4)).astype(np.int32)  # the other half is never read
    return CustomerExamples(
        features={"item": items, "price": rng.normal(size=(200, 4, 2)).astype(np.float32)},
        labels=(items % 2).astype(np.float32),
        mask=rng.random((200, 4)) < 0.9,
    )


def _model() -> tuple[Any, Table]:
    item, price = layers.Input((), dtype="int32", name="item"), layers.Input((2,), name="price")
    table = layers.Embedding(ITEMS, WIDTH)
    score = layers.Dense(1)(layers.Concatenate()([table(item), price]))
    model = keras.Model({"item": item, "price": price}, score)
    return model, Table(variable=table.trainable_variables[0], feature="item", learning_rate=RATE)


def _train(plan: Any, data: Any, log_loss: Any, **more: Any) -> tuple[Any, Any, Any]:
    model, table = _model()
    before = table.rows.numpy()
    result = fit(
        plan, model, data, loss=log_loss, optimizer=keras.optimizers.SGD(RATE), tables=[table], **more
    )
    return result, table.rows.numpy() - before, before


def _is_standard_normal(numbers: Any) -> bool:
    """By Kolmogorov and Smirnov and by the variance; false alarm 2 ALARM."""
    low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], numbers.size)
    return bool(kstest(numbers.ravel(), "norm").pvalue > ALARM and low < np.sum(numbers**2) < high)


def test_rows_never_read_have_the_noise_of_all_steps(make_plan: Any, ratings: Any, log_loss: Any) -> None:
    """N(0, steps * (rate * sigma * C / B)^2) in 200 rows; false alarm 2e-7."""
    plan = make_plan(batch=50, steps=30)
    result, change, _ = _train(plan, ratings, log_loss)
    stddev = RATE * plan.noise_stddev / plan.expected_batch * np.sqrt(plan.steps)
    assert _is_standard_normal(change[ITEMS // 2 :] / stddev)
    assert differences(plan, result.log) == ()
    assert claim(plan, result.log).epsilon <= plan.target.epsilon


@pytest.mark.parametrize("look", ["flush", "checkpoint"])
def test_whoever_looks_in_between_sees_the_noise_of_all_steps_so_far(
    look: str, make_plan: Any, ratings: Any
) -> None:
    """The next step's noise for rows is drawn by then. N(0, k (rate sigma C / B)^2); false alarm 6e-7 in all."""
    plan, (model, table) = make_plan(batch=100, steps=30), _model()
    before = table.rows.numpy()
    training = Training(
        plan,
        model,
        ratings,
        loss=lambda labels, outputs: 0.0 * outputs * labels,
        optimizer=keras.optimizers.SGD(RATE),
        tables=[table],
    )
    for step in (1, 2, 3):
        training.step()
        getattr(training, look)()
        if look == "checkpoint":
            training.flush()
        stddev = RATE * plan.noise_stddev / plan.expected_batch * np.sqrt(step)
        assert _is_standard_normal((table.rows.numpy() - before) / stddev)


def test_without_noise_it_is_the_dense_training(
    make_plan: Any, ratings: Any, log_loss: Any, fixed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(batch=100, steps=4)
    monkeypatch.setattr("models.privacy.normals.Normals.scaled", lambda self, n, s: np.zeros(n, np.float32))
    monkeypatch.setattr(
        "models.privacy.normals.Normals.standard", lambda self, n: np.zeros(n, np.float32), raising=False
    )
    monkeypatch.setattr(
        "models.privacy.noise.GaussianNoise.standard", lambda self, n: np.zeros(n, np.float32)
    )
    keras.utils.set_random_seed(3)
    _, lazy, _ = _train(plan, ratings, log_loss, entropy=fixed())
    keras.utils.set_random_seed(3)
    model, table = _model()
    before = table.rows.numpy()
    fit(plan, model, ratings, loss=log_loss, optimizer=keras.optimizers.SGD(RATE), entropy=fixed())
    assert np.abs(lazy).max() > 1e-4
    np.testing.assert_allclose(lazy, table.rows.numpy() - before, atol=1e-6)


def test_a_table_that_was_not_flushed_cannot_be_claimed(
    make_plan: Any, ratings: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(batch=50, steps=4)
    monkeypatch.setattr(PendingTable, "flush", lambda self: None)
    result, _, _ = _train(plan, ratings, log_loss)
    assert "a table lacks the noise of a step or has it twice" in differences(plan, result.log)


def test_a_row_read_without_its_noise_stops_the_training(
    make_plan: Any, ratings: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.zeros((1, WIDTH), np.float32), np.zeros(1, np.int64)
    monkeypatch.setattr(PendingTable, "before", lambda self, chosen: nothing)
    with pytest.raises(PlanViolation, match="lacked noise"):
        _train(make_plan(batch=50, steps=4), ratings, log_loss)


def test_tables_need_known_layers(make_plan: Any, ratings: Any, log_loss: Any) -> None:
    model, table = _model()
    outer = keras.Model(model.inputs, keras.layers.PReLU()(model.output))
    with pytest.raises(PrivacyError, match="known layers"):
        fit(make_plan(), outer, ratings, loss=log_loss, optimizer=keras.optimizers.SGD(0.1), tables=[table])


class Killed(Exception):
    """The training ends here."""


def test_a_resumed_training_has_every_step_once(make_plan: Any, ratings: Any, log_loss: Any) -> None:
    plan, kept = make_plan(batch=50, steps=80), []

    def keep(state: bytes) -> None:
        kept.append(state)
        if len(kept) == 15:
            raise Killed

    optimizer = keras.optimizers.Adam(0.1, use_ema=True)
    model, table = _model()
    with pytest.raises(Killed):
        fit(
            plan,
            model,
            ratings,
            loss=log_loss,
            optimizer=optimizer,
            tables=[table],
            checkpoints=Checkpoints(save=keep),
        )
    again, table = _model()
    result = fit(
        plan,
        again,
        ratings,
        loss=log_loss,
        optimizer=keras.optimizers.Adam(0.1, use_ema=True),
        tables=[table],
        checkpoints=Checkpoints(save=kept.append, last=kept[-1]),
    )
    assert len(kept) == 15 + 25
    assert len(result.log.steps) == len(result.losses) == 80
    assert differences(plan, result.log) == ()


def test_a_resumed_training_starts_where_the_checkpoint_was(
    make_plan: Any, ratings: Any, log_loss: Any
) -> None:
    plan = make_plan(batch=50, steps=10)
    model, table = _model()
    parts: dict[str, Any] = {"loss": log_loss, "optimizer": keras.optimizers.Adam(0.1)}
    training = Training(plan, model, ratings, tables=[table], **parts)
    training.step()
    training.step()
    state = training.checkpoint()
    weights = model.get_weights()
    again, table = _model()
    parts["optimizer"] = keras.optimizers.Adam(0.1)
    resumed = Training(plan, again, ratings, tables=[table], resume=state, **parts)
    assert resumed.done == 2
    assert int(parts["optimizer"].iterations) == 2
    for before, after in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_checkpoint_of_another_plan_is_refused(make_plan: Any, ratings: Any, log_loss: Any) -> None:
    model, table = _model()
    parts: dict[str, Any] = {"loss": log_loss, "optimizer": keras.optimizers.SGD(0.1), "tables": [table]}
    state = Training(make_plan(batch=50, steps=10), model, ratings, **parts).checkpoint()
    parts["optimizer"] = keras.optimizers.SGD(0.1)
    with pytest.raises(PrivacyError, match="another plan"):
        Training(make_plan(batch=50, steps=11), model, ratings, resume=state, **parts)
