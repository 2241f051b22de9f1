from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.privacy import trainer
from models.privacy.accounting import claim
from models.privacy.auc import exact_auc
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery
from models.privacy.runlog import differences
from models.privacy.sampler import PoissonSampler
from models.privacy.trainer import fit
from models.privacy.twin import fit_twin, outputs


def _flat(arrays: Any) -> Any:
    return np.concatenate([np.ravel(array) for array in arrays]).astype(np.float64)


def _update(plan: Any, model: Any, customers: Any, loss: Any, **options: Any) -> Any:
    """What a training with plain SGD of rate 1 changed in the weights."""
    before = _flat(model.get_weights())
    fit(plan, model, customers, loss=loss, optimizer=keras.optimizers.SGD(1.0), **options)
    return _flat(model.get_weights()) - before


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise off, everything else as it is."""
    flat = GaussianNoise.flat

    def zeros(self: GaussianNoise, shapes: Any, *, stddev: float) -> Any:
        return 0 * flat(self, shapes, stddev=stddev)

    monkeypatch.setattr(GaussianNoise, "flat", zeros)


@pytest.mark.parametrize("batch", [1, 16, 256])
@pytest.mark.parametrize("clip", [0.2, 3.0])
def test_noise_of_the_applied_update(
    batch: int, clip: float, make_plan: Any, make_customers: Any, log_loss: Any
) -> None:
    """sigma C / B on every coordinate, whatever the sampled batch is: here nobody has a gradient."""
    plan = make_plan(batch=batch, steps=1, clip=clip)
    customers = make_customers(20, 200)
    empty = replace(customers, mask=np.zeros_like(customers.mask))
    model = keras.Sequential([keras.layers.Input((200,)), keras.layers.Dense(200), keras.layers.Dense(1)])
    update = _update(plan, model, empty, log_loss)
    assert update.std() == pytest.approx(plan.noise_multiplier * clip / batch, rel=0.02)
    assert np.mean(update != 0) > 0.99  # a few are lost when added to a weight in float32


def test_every_step_draws_fresh_noise(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    """With empty data the variance of the sum of updates grows with the steps, as of independent noise."""
    customers = make_customers(3, 500)
    empty = replace(customers, mask=np.zeros_like(customers.mask))
    plan = make_plan(batch=10, steps=9)
    update = _update(plan, make_model(500, 8), empty, log_loss)
    assert update.std() == pytest.approx(3 * plan.noise_stddev / 10, rel=0.06)


def test_empty_batches_get_noise_and_count(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    plan = make_plan(batch=1e-6, steps=7)  # so that somebody is drawn with a chance of 4e-8
    model = make_model()
    before = _flat(model.get_weights())
    result = fit(plan, model, make_customers(5), loss=log_loss, optimizer=keras.optimizers.SGD(1e-4))
    assert [step.sampled for step in result.log.steps] == [0] * 7
    assert [step.noise_draws for step in result.log.steps] == [4] * 7
    assert np.all(_flat(model.get_weights()) != before)
    assert differences(plan, result.log) == ()


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("customers", [30, 300])
def test_the_sum_is_divided_by_the_public_batch(
    customers: int, make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any, fixed: Any
) -> None:
    plan, model, data = make_plan(batch=500, steps=1), make_model(), make_customers(customers)
    chosen = PoissonSampler(plan.sampling_rate, fixed()).sample(customers)
    query = CustomerSumQuery(clipping_norm=1.0, stddev=0.0, noise=GaussianNoise(KeyStream()))
    total, _ = ClippedGradients(model, data, loss=log_loss, query=query).sum(chosen)
    update = _update(plan, model, data, log_loss, entropy=fixed())
    np.testing.assert_allclose(update, -_flat(total) / 500, atol=1e-6)


@pytest.mark.usefixtures("silent")
def test_removing_a_customer_moves_the_update_by_at_most_c_over_b(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any, fixed: Any
) -> None:
    """Two worlds of one step: the last customer leaves, the choices for the others stay."""
    plan, model, data = make_plan(batch=1000, steps=1, clip=0.01), make_model(), make_customers(50)
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    with_all = _update(plan, model, data, log_loss, entropy=fixed())
    without = _update(plan, twin, data.take(np.arange(49)), log_loss, entropy=fixed())
    assert 0.5 * 0.01 / 1000 < np.linalg.norm(with_all - without) <= 0.01 / 1000 * (1 + 1e-2)


def test_the_log_is_the_plans_and_can_be_claimed(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    plan, facts = make_plan(batch=200, steps=80), []
    result = fit(
        plan,
        make_model(),
        make_customers(300),
        loss=log_loss,
        optimizer=keras.optimizers.Adam(),
        on_step=lambda *fact: facts.append(fact),
    )
    made = claim(plan, result.log)
    assert made.epsilon <= plan.target.epsilon
    assert sum(step.noise_draws for step in result.log.steps) == 80 * 4
    assert len(result.losses) == 80
    assert len(facts) == 40
    assert facts[-1][:2] == (80, 80)
    assert made.epsilon <= facts[-1][2]


def test_a_deterministic_source_gets_no_claim(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any, fixed: Any
) -> None:
    result = fit(
        make_plan(),
        make_model(),
        make_customers(),
        loss=log_loss,
        optimizer=keras.optimizers.SGD(),
        entropy=fixed(),
    )
    with pytest.raises(PlanViolation, match="noise did not come from"):
        claim(make_plan(), result.log)


def test_two_trainings_do_not_share_noise(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    """From weights of 0, where floats lie close: of 29 numbers two are equal by chance with a probability of 5e-7."""
    model = make_model()
    weights, updates = [np.zeros_like(weight) for weight in model.get_weights()], []
    for _ in range(2):
        model.set_weights(weights)
        updates.append(_update(make_plan(), model, make_customers(), log_loss))
    assert np.all(updates[0] != updates[1])


def test_the_log_tells_when_the_noise_is_off(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.zeros(make_model().count_params(), np.float32)
    monkeypatch.setattr(GaussianNoise, "flat", lambda self, shapes, *, stddev: nothing)
    plan = make_plan()
    result = fit(plan, make_model(), make_customers(), loss=log_loss, optimizer=keras.optimizers.SGD())
    assert "a step did not draw its noise once per variable" in differences(plan, result.log)


def test_a_broken_customer_does_not_stop_the_training(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    customers = make_customers()
    customers.features[::3] = np.nan
    model = make_model()
    assert np.isfinite(_update(make_plan(batch=500), model, customers, log_loss)).all()


def test_too_many_examples_are_refused(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    plan = make_plan().model_copy(update={"max_examples": 3})
    with pytest.raises(PrivacyError, match="cap them before sampling"):
        fit(plan, make_model(), make_customers(), loss=log_loss, optimizer=keras.optimizers.SGD())


def test_batch_normalisation_is_refused(make_plan: Any, make_customers: Any, log_loss: Any) -> None:
    model = keras.Sequential(
        [keras.layers.Input((5,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    with pytest.raises(PrivacyError, match="BatchNormalization"):
        fit(make_plan(), model, make_customers(), loss=log_loss, optimizer=keras.optimizers.SGD())


def test_private_training_learns_nearly_as_its_twin(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    train, test = make_customers(3000, seed=1), make_customers(1000, seed=2)
    plan = make_plan(batch=300, steps=60, n_public=4000, clip=0.5)
    private, twin = make_model(), make_model()
    fit(
        plan,
        private,
        train,
        loss=log_loss,
        optimizer=keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9),
    )
    fit_twin(twin, train, loss=log_loss, optimizer=keras.optimizers.Adam(0.05), steps=60, batch=300, seed=1)
    private_auc, twin_auc = (exact_auc(outputs(model, test), test, seed=1) for model in (private, twin))
    assert twin_auc.value > 0.8
    assert private_auc.value > twin_auc.value - 0.05


def test_outputs_are_in_place(make_model: Any, make_customers: Any) -> None:
    customers, model = make_customers(5), make_model()
    scores = outputs(model, customers)
    assert scores.shape == (5, 4)
    single = float(model(customers.features[3, 2:3])[0, 0])
    assert scores[3, 2] == pytest.approx(single, rel=1e-5)
    assert outputs(model, customers.take(np.arange(0))).shape == (0, 4)


def test_nothing_private_is_in_a_repr(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    result = trainer.FitResult(
        log=_finished(make_plan, make_model, make_customers, log_loss), losses=(0.123456,)
    )
    assert "0.123456" not in repr(result)
    assert "300" not in repr(make_customers(300))


def test_customers_do_not_outlive_their_training(
    make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any
) -> None:
    customers = make_customers(487)
    fit(make_plan(steps=2), make_model(), customers, loss=log_loss, optimizer=keras.optimizers.Adam())
    fit_twin(
        make_model(),
        customers,
        loss=log_loss,
        optimizer=keras.optimizers.Adam(),
        steps=2,
        batch=50,
        seed=1,
    )
    gc.collect()
    alive = [tensor for tensor in gc.get_objects() if isinstance(tensor, tf.Tensor)]
    assert [tensor.shape for tensor in alive if tensor.shape.rank and tensor.shape[0] == 487] == []


def _finished(make_plan: Any, make_model: Any, make_customers: Any, log_loss: Any) -> Any:
    return fit(
        make_plan(steps=1), make_model(), make_customers(9), loss=log_loss, optimizer=keras.optimizers.SGD()
    ).log
