"""Private: clipping by layer and by quantile, and a cap that is chosen from the data, end to end."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from models.privacy.cap import DPCap
from models.privacy.checkpoint import Checkpoints
from models.privacy.errors import PrivacyError
from models.privacy.private import Private
from models.privacy.runlog import differences

LOSS = "sparse_categorical_crossentropy"


def _data(rows: int = 600) -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(size=(rows, 6)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(np.int64)


def _private(**choices: Any) -> Private:
    model = keras.Sequential(
        [keras.layers.Input((6,)), keras.layers.Dense(8, "tanh"), keras.layers.Dense(2, "softmax")]
    )
    private = Private(model, epsilon=4, customers=300)
    private.compile("sgd", LOSS, batch_size=100, epochs=4, **choices)
    return private


def test_layer_by_layer() -> None:
    private = _private(clipping="per-layer", clipping_norm=0.5)
    private.fit(*_data(300), verbose=0)
    made = private.claim()
    assert (made.clipping, made.clipping_groups, made.clipping_norm) == ("per-layer", 2, 0.5)
    assert made.epsilon <= 4
    assert "each of 2 layers" in private.statement()


def test_a_norm_that_follows_the_data() -> None:
    private = _private(clipping="adaptive", clipping_norm=50.0)
    private.fit(*_data(300), verbose=0)
    assert private._log is not None
    norms = [step.clipping_norm for step in private._log.steps]
    assert norms[0] == 50.0
    assert norms[-1] < 0.6 * norms[0]
    assert differences(private.plan, private._log) == ()
    assert private.claim().clipping == "adaptive"
    assert private.claim().epsilon <= 4


def test_a_cap_is_chosen_paid_and_kept() -> None:
    x, y = _data()
    customer = np.arange(600) % 200
    private = _private(max_examples=DPCap(quantile=0.9, epsilon=1.5, max_cap=8))
    with pytest.raises(PrivacyError, match="call fit first"):
        _ = private.plan
    with pytest.raises(PrivacyError, match="give customer="):
        private.fit(x, y, verbose=0)
    kept: list[bytes] = []
    private.fit(x, y, customer=customer, verbose=0, checkpoints=Checkpoints(save=kept.append))
    plan = private.plan
    assert plan.cap is not None
    assert plan.max_examples == plan.cap.value == 3
    made = private.claim()
    assert (made.cap, made.cap_quantile, made.cap_epsilon) == (3, 0.9, 1.5)
    assert made.epsilon <= 4
    assert "chosen from the data" in private.statement()
    private.fit(x, y, customer=customer, verbose=0)
    assert private.plan is plan


def test_a_cap_is_not_chosen_twice_for_one_training() -> None:
    private = _private(max_examples=DPCap(epsilon=0.5))
    with pytest.raises(PrivacyError, match="would cost again"):
        private.fit(
            *_data(),
            customer=np.arange(600),
            checkpoints=Checkpoints(save=lambda _: None, last=b"x"),
            verbose=0,
        )
    with pytest.raises(PrivacyError, match="choose it for less"):
        _private(max_examples=DPCap(epsilon=4.0))
