from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import binom

from models.attacks.membership import (
    _epsilon_low,
    clopper_pearson,
    customer_losses,
    equal_sample,
    membership_attack,
    roc,
)
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.twin import fit_twin


def _attack(members: Any, others: Any, seed: int = 1) -> Any:
    return membership_attack(members, others, run="r1", delta=1e-6, seed=seed)


def _loss(labels: Any, outputs: Any) -> Any:
    return tf.nn.sigmoid_cross_entropy_with_logits(labels, outputs)


def _customers(customers: int, seed: int) -> CustomerExamples:
    """Pure noise: whoever predicts these labels has learnt them by heart."""
    rng = np.random.default_rng(seed)
    return CustomerExamples(
        features=rng.normal(size=(customers, 2, 120)).astype(np.float32),
        labels=rng.integers(0, 2, (customers, 2)).astype(np.float32),
        mask=np.ones((customers, 2), dtype=bool),
    )


@pytest.fixture(scope="module")
def overfitted() -> Any:
    model = keras.Sequential(
        [keras.layers.Input((120,)), keras.layers.Dense(256, "relu"), keras.layers.Dense(1)]
    )
    fit_twin(
        model,
        _customers(1000, 1),
        loss=_loss,
        optimizer=keras.optimizers.Adam(0.01),
        steps=300,
        batch=250,
        seed=1,
    )
    return model


def test_finds_what_an_overfitted_model_gives_away(overfitted: Any) -> None:
    members, others = (customer_losses(overfitted, _customers(1000, seed), loss=_loss) for seed in (1, 2))
    result = _attack(members, others)
    assert result.auc.low > 0.9
    assert result.tpr_at_1_percent_fpr.low > 0.01
    assert result.epsilon_low > 1
    assert (result.run, result.members, result.auc.scope) == ("r1", 1000, "internal")


def test_accuses_no_model_that_was_trained_on_others(overfitted: Any) -> None:
    members, others = (customer_losses(overfitted, _customers(200, seed), loss=_loss) for seed in (3, 2))
    result = _attack(members, others)
    assert result.auc.low <= 0.5 <= result.auc.high
    assert result.epsilon_low == 0


def test_false_alarms_are_rarer_than_stated() -> None:
    rng = np.random.default_rng(7)
    results = [_attack(rng.gamma(2, size=100), rng.gamma(2, size=100), seed) for seed in range(200)]
    alarms = sum(result.epsilon_low > 0 for result in results)
    outside = sum(not result.auc.low <= 0.5 <= result.auc.high for result in results)
    limit = binom.ppf(0.999, 200, 0.05)
    assert alarms <= limit
    assert outside <= limit


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0])
def test_the_bound_stays_below_a_known_epsilon(epsilon: float) -> None:
    """Randomised response has exactly this epsilon; it is exceeded in at most 5 of 100 audits."""
    rng = np.random.default_rng(3)
    truth = np.exp(epsilon) / (1 + np.exp(epsilon))
    too_high, bounds = 0, []
    for seed in range(100):
        members = (rng.random(400) > truth) + rng.random(400) / 1e6
        others = (rng.random(400) < truth) + rng.random(400) / 1e6
        bounds.append(_attack(members, others, seed).epsilon_low)
        too_high += bounds[-1] > epsilon
    assert too_high <= binom.ppf(0.999, 100, 0.05)
    assert np.mean(bounds) > epsilon / 4


def test_thresholds_are_judged_on_other_customers_than_they_were_chosen_on() -> None:
    """The halves tell members apart at different places, so a threshold of the one shows nothing on the other."""
    members, others = np.repeat([1.0, 10.5], 100), np.repeat([-1.0, 9.5], 100)
    assert _epsilon_low(members, others, 100, 1e-6, 0.95) == 0
    same = _epsilon_low(np.full(200, 1.0), np.full(200, -1.0), 100, 1e-6, 0.95)
    assert same > 2


def test_auc_equals_counting_pairs() -> None:
    rng = np.random.default_rng(1)
    members, others = np.round(rng.gamma(2, size=(2, 60)), 1)
    pairs = (members[:, None] < others).mean() + (members[:, None] == others).mean() / 2
    assert _attack(members, others).auc.value == pytest.approx(pairs)


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (3, 10), (10, 10), (50, 400)])
def test_clopper_pearson_by_its_definition(hits: int, trials: int) -> None:
    low, high = clopper_pearson(hits, trials, error=0.05)
    assert hits == 0 or binom.sf(hits - 1, trials, low) == pytest.approx(0.05)
    assert hits == trials or binom.cdf(hits, trials, high) == pytest.approx(0.05)
    assert (low == 0) == (hits == 0)
    assert (high == 1) == (hits == trials)


def test_the_power_is_what_a_perfect_attack_reaches() -> None:
    result = _attack(np.zeros(200) + np.arange(200) / 1e6, np.ones(200) + np.arange(200) / 1e6)
    assert f"epsilon {result.epsilon_low:.2f}" in result.power


def test_a_model_that_says_nothing_finite_tells_nobody_apart() -> None:
    def broken(features: Any, *, training: bool) -> Any:
        return features[:, 0] * np.nan

    losses = [customer_losses(broken, _customers(30, seed), loss=_loss) for seed in (1, 2)]
    result = _attack(*losses)
    assert result.auc.low <= 0.5 <= result.auc.high
    assert result.epsilon_low == 0


def test_the_samples_are_equal_and_of_different_households() -> None:
    members = replace(_customers(60, 1), groups=np.repeat(np.arange(30), 2))
    others = replace(_customers(50, 2), groups=np.arange(50))
    left, right = equal_sample(members, others, seed=1)
    assert left.customers == right.customers == 30
    assert len(set(left.group_of())) == 30


@pytest.mark.parametrize(("members", "others"), [(19, 19), (30, 31)])
def test_too_few_or_unequal_customers_are_refused(members: int, others: int) -> None:
    with pytest.raises(PrivacyError, match="equal_sample"):
        _attack(np.zeros(members), np.zeros(others))


def test_the_curve_rises_from_corner_to_corner() -> None:
    rng = np.random.default_rng(1)
    curve = np.array(roc(rng.gamma(1, size=500), rng.gamma(3, size=500)))
    assert curve[0, 0] == 1 / 500
    assert tuple(curve[-1]) == (1.0, 1.0)
    assert np.all(np.diff(curve, axis=0) >= 0)
    assert np.all(curve[:, 1] >= curve[:, 0] - 0.02)
