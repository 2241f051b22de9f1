from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.cases.metrics import Auc, MeanMetric
from models.privacy.examples import CustomerExamples
from tests.models.privacy.conftest import FixedEntropy

RIGHT = MeanMetric(name="accuracy", per_example=lambda outputs, test: (outputs > 0) == (test.labels > 0.5))


def _test(customers: int, *, share: float = 0.8, seed: int = 1) -> tuple[Any, CustomerExamples]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((customers, 3)) < 0.5).astype(np.float32)
    outputs = np.where(rng.random(labels.shape) < share, 2 * labels - 1, 1 - 2 * labels)
    mask = rng.random(labels.shape) < 0.6
    features = np.zeros((*labels.shape, 1), np.float32)
    return outputs, CustomerExamples(features=features, labels=labels, mask=mask)


def test_customers_count_alike_however_many_examples_they_have() -> None:
    outputs, test = _test(50)
    right = (outputs > 0) == (test.labels > 0.5)
    means = [right[n][test.mask[n]].mean() for n in range(50) if test.mask[n].any()]
    measure = RIGHT.exact(outputs, test, seed=1)
    assert measure.value == pytest.approx(np.mean(means))
    assert measure.scope == "internal"
    assert measure.low < measure.value < measure.high


def test_a_released_mean_covers_the_truth() -> None:
    """Of 200 intervals of 95 % fewer than 182 hold the truth in 6 of 1,000 runs; this one is seeded, noise and all."""
    covered = 0
    for seed in range(200):
        outputs, test = _test(400, seed=seed)
        measure = RIGHT.released(outputs, test, epsilon=1.0, delta=1e-5, entropy=FixedEntropy(1000 + seed))
        covered += measure.low <= 0.8 <= measure.high
    assert measure.scope == "dp_released"
    assert covered >= 182


def test_one_customer_moves_sum_and_count_as_stated() -> None:
    """TWO: the released pair, noise off, moves by at most sqrt(1.25) with one customer more, whatever they are like."""

    class Silent:
        name = "none"

        def uniform(self, count: int) -> Any:
            return np.full(count, 0.5)

    outputs, test = _test(300)
    values, present = RIGHT._values(outputs, test)
    moved = np.stack([values[present] - 0.5, np.ones(int(present.sum()))], axis=1)
    assert np.linalg.norm(moved, axis=1).max() <= np.sqrt(1.25) + 1e-12
    exact = float(values[present].mean())
    said = RIGHT.released(outputs, test, epsilon=1.0, delta=1e-5, entropy=Silent())  # type: ignore[arg-type]
    assert said.value == pytest.approx(exact)


def test_too_few_customers_say_nothing() -> None:
    outputs, test = _test(10)
    measure = RIGHT.released(outputs, test, epsilon=0.5, delta=1e-6)
    assert (measure.low, measure.high) == (0.0, 1.0)


def test_values_that_are_no_numbers_count_as_nothing() -> None:
    broken = MeanMetric(name="x", per_example=lambda outputs, _: outputs * np.nan)
    outputs, test = _test(20)
    assert broken.exact(outputs, test, seed=1).value == 0.0


def test_the_auc_of_log_odds_is_that_of_probabilities() -> None:
    outputs, test = _test(300)
    assert Auc().exact(outputs * 3.0, test, seed=1).value == pytest.approx(0.8, abs=0.05)
    assert Auc().chance.value == 0.5
    assert Auc().released(outputs * 3.0, test, epsilon=3.0, delta=1e-5).name == "AUC"
