"""Attribute inference: what was learnt by heart is found, in bits; what is true of everyone is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from models.attacks.attribute import Side, attribute_leakage, difference
from models.attacks.calibration import fit_posterior, folds_of, judged, scores_of
from models.cases.fraud import ATTRIBUTES
from models.privacy.errors import PrivacyError
from tests.models.attacks.overfitted import Overfitted, strangers


def _losses(n: int, shares: Any, told: float, seed: int) -> Side:
    """The loss of the true value is less by `told` in the logarithm; values are as frequent as `shares`."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(shares), size=n, p=shares).astype(np.int64)
    losses = rng.gamma(2, size=(n, len(shares)))
    losses[np.arange(n), truth] *= np.exp(-told)
    return Side(scores_of(losses), truth, np.arange(n))


def test_a_model_that_knows_its_customers_by_heart_tells_their_attributes(overfitted: Overfitted) -> None:
    asked = {"loss": overfitted.case.loss, "upper": 50.0, "seed": 1}
    (method,) = (each for each in ATTRIBUTES if each.name.startswith("payment"))
    found = attribute_leakage(overfitted.model, method, overfitted.members, overfitted.others, **asked)
    assert found.bits.low > 0.1
    assert found.left.high < found.prior.low
    assert found.advantage.low > 0
    assert found.bits.value == pytest.approx(found.prior.value - found.left.value)
    assert found.upper == pytest.approx(np.log2(5))
    assert found.bits.scope == "internal"


def test_what_is_true_of_everyone_is_no_leak() -> None:
    """Both sides give their attribute away as well: much is known of it, and nothing by the training."""
    shares = np.array([0.5, 0.3, 0.2])
    found = difference(_losses(600, shares, 2.0, 1), _losses(600, shares, 2.0, 2), seed=1)
    leak = found.leakage("a", 3, upper=1.0, how="")
    assert leak.prior.value < 0.9
    assert leak.bits.low <= 0 <= leak.bits.high
    assert leak.advantage.low <= 0 <= leak.advantage.high
    assert leak.upper == 1.0


def test_bits_are_those_of_a_known_channel() -> None:
    """One of two losses is 0 rightly with 9 of 10: an attacker learns 1 - h(0.9) = 0.531 of one bit."""

    def side(right: float, seed: int) -> Side:
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 2, 4000)
        said = np.where(rng.random(4000) < right, truth, 1 - truth)
        return Side(scores_of(1.0 - np.eye(2)[said]), truth, np.arange(4000))

    leak = difference(side(0.9, 1), side(0.5, 2), seed=1).leakage("a", 2, upper=9, how="")
    assert leak.bits.low < 0.531 < leak.bits.high
    assert leak.bits.high - leak.bits.low < 0.15
    assert leak.prior.value == pytest.approx(1, abs=0.01)
    assert leak.advantage.low < 0.4 < leak.advantage.high


def test_nothing_is_fitted_on_whom_it_is_judged_on() -> None:
    """A posterior that knew the truth of a fold would find something in scores that say nothing."""
    rng = np.random.default_rng(3)
    scores, truth = rng.normal(size=(60, 6, 2)), rng.integers(0, 6, 60)
    folds = folds_of(np.arange(60), rng)
    honest = judged(scores, truth, folds)
    cheated = fit_posterior(scores, truth).probabilities(scores)
    assert -np.log2(cheated[np.arange(60), truth]).mean() < np.log2(6) < honest.cost.mean()
    for fold in range(5):
        changed = np.where(folds == fold, (truth + 1) % 6, truth)
        again = judged(scores, changed, folds)
        told = fit_posterior(scores[folds != fold], truth[folds != fold]).probabilities(scores[folds == fold])
        own = -np.log2(told[np.arange(len(told)), changed[folds == fold]])
        assert np.allclose(again.cost[folds == fold], own)


def test_a_household_is_in_one_fold() -> None:
    groups = np.repeat(np.arange(30), 3)
    folds = folds_of(groups, np.random.default_rng(1))
    assert all(len(set(folds[groups == group])) == 1 for group in range(30))
    assert set(folds) == set(range(5))


def test_copies_of_a_household_do_not_make_it_surer() -> None:
    alone, others = _losses(100, [0.5, 0.5], 1.0, 1), _losses(100, [0.5, 0.5], 0.0, 2)

    def copied(side: Side) -> Side:
        return Side(*(np.repeat(array, 4, axis=0) for array in side))

    once, four = (
        difference(*pair, seed=1).leakage("a", 2, upper=9, how="").bits
        for pair in ((alone, others), (copied(alone), copied(others)))
    )
    assert four.high - four.low > 0.8 * (once.high - once.low)


def test_a_guess_never_costs_without_bound() -> None:
    scores = np.zeros((50, 2, 2))
    scores[:, 0] = -1e6
    found = fit_posterior(scores + np.random.default_rng(1).normal(size=scores.shape), np.zeros(50, np.int64))
    assert -np.log2(found.probabilities(scores)).max() < 15


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(PrivacyError, match="20"):
        difference(_losses(19, [0.5, 0.5], 0, 1), _losses(50, [0.5, 0.5], 0, 2), seed=1)


REPEATS = 100
ALARMS = binom.ppf(0.999, REPEATS, 0.05)


@pytest.mark.prove
@pytest.mark.parametrize(
    ("n", "shares"),
    [(200, [0.95, 0.05]), (150, [1 / 12] * 12)],
)
def test_false_alarms_are_rarer_than_stated(n: int, shares: list[float]) -> None:
    """Of models that were trained on others at most 5 % seem to tell something, though values can be foretold."""
    alarms = 0
    for seed in range(REPEATS):
        both = (_losses(n, shares, 0.7, 2 * seed + k) for k in range(2))
        alarms += difference(*both, seed=seed).leakage("a", len(shares), upper=9, how="").bits.low > 0
    assert alarms <= ALARMS


@pytest.mark.prove
def test_a_model_of_other_customers_raises_alarms_more_rarely_than_stated(overfitted: Overfitted) -> None:
    """The whole attack on a model that knows other people by heart, each time on customers whom it never saw."""
    (asked,) = (each for each in ATTRIBUTES if each.name.startswith("payment"))
    alarms = 0
    for seed in range(REPEATS):
        both = (strangers(100, 10 + 2 * seed + k) for k in range(2))
        found = attribute_leakage(
            overfitted.model, asked, *both, loss=overfitted.case.loss, upper=9, seed=seed
        )
        alarms += found.bits.low > 0
    assert alarms <= ALARMS
