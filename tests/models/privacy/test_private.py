"""Private training in Keras's habits."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.privacy.checkpoint import Checkpoints
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.private import Private


def _data(rows: int = 2000) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def _model() -> Any:
    return keras.Sequential(
        [keras.layers.Input((6,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "softmax")]
    )


def test_five_lines_train_a_model() -> None:
    x, y = _data()
    model = _model()
    private = Private(model, epsilon=8, customers=2000)
    private.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", batch_size=200, epochs=4)
    history = private.fit(x, y, verbose=0)
    assert np.mean(np.argmax(model.predict(x, verbose=0), axis=1) == y) > 0.8
    assert history.history["epsilon"] == sorted(history.history["epsilon"])
    assert set(history.history) == {"epsilon"}
    assert 0 < private.claim().epsilon <= 8
    assert "one customer" in private.statement()
    assert "一位客户" in private.statement("zh")
    with pytest.raises(PrivacyError, match="en and zh"):
        private.statement("fr")


def test_rows_of_one_customer_are_one_contribution() -> None:
    x, y = _data(500)
    private = Private(_model(), epsilon=8, customers=100)
    private.compile(
        "sgd", keras.losses.SparseCategoricalCrossentropy(), batch_size=20, epochs=1, max_examples=3
    )
    private.fit(x, y, customer=np.arange(500) % 100, verbose=0)
    assert private.plan.max_examples == 3


def test_a_binary_loss_by_name() -> None:
    x, y = _data(300)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    private = Private(model, epsilon=8, customers=300)
    private.compile("sgd", "binary_crossentropy", batch_size=50, epochs=1)
    private.fit(x, y.astype(np.float32), verbose=0)


def test_callbacks_schedule_and_do_not_stop() -> None:
    x, y = _data(300)
    rates: list[float] = []
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(float(private.model.optimizer.learning_rate))
    )
    private = Private(_model(), epsilon=8, customers=300)
    private.compile("sgd", "sparse_categorical_crossentropy", batch_size=50, epochs=3)
    private.fit(x, y, callbacks=[schedule, note], verbose=0)
    assert rates == pytest.approx([0.1, 0.05, 0.1 / 3])

    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    with pytest.raises(PrivacyError, match="all planned steps must run"):
        private.fit(x, y, callbacks=[Stop()], verbose=0)


def test_it_goes_on_from_a_checkpoint() -> None:
    x, y = _data(300)
    kept: list[bytes] = []
    for last in (None, 0):
        private = Private(_model(), epsilon=8, customers=300)
        private.compile("sgd", "sparse_categorical_crossentropy", batch_size=50, epochs=3)
        resume = kept[last] if last is not None else None
        private.fit(x, y, verbose=0, checkpoints=Checkpoints(save=kept.append, last=resume))
        assert private.claim().steps == private.plan.steps
    assert len(kept) == 3 + 2


def test_a_plan_or_a_bound_is_needed() -> None:
    with pytest.raises(PrivacyError, match="public bound"):
        Private(_model())
    with pytest.raises(PrivacyError, match="compile first"):
        _ = Private(_model(), customers=5).plan
    with pytest.raises(PrivacyError, match="fit first"):
        Private(_model(), customers=5).claim()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4))
def test_rows_by_customer(customer: list[int], cap: int) -> None:
    """Every customer keeps min(cap, own) of its own rows, each once."""
    rows = np.arange(len(customer), dtype=np.float32)[:, None]
    found = CustomerExamples.from_rows(
        rows, np.array(customer, np.int64), np.array(customer, np.int64), max_examples=cap
    )
    known = sorted(set(customer))
    assert found.customers == len(known)
    for place, name in enumerate(known):
        assert found.mask[place].sum() == min(cap, customer.count(name))
        kept = found.features[place][found.mask[place]][:, 0].astype(int)
        assert len(set(kept)) == len(kept)
        assert all(customer[row] == name for row in kept)
        assert (found.labels[place][found.mask[place]] == name).all()
