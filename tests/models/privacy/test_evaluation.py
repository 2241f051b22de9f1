from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from dp_accounting.gaussian_mechanism import get_epsilon_gaussian
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from models.privacy.auc import exact_auc
from models.privacy.evaluation import negative_histogram, positive_histogram, released_auc, sensitivities
from models.privacy.examples import CustomerExamples
from models.privacy.noise import GaussianNoise

SHIFT = 1.2
TRUE_AUC = float(norm.cdf(SHIFT / np.sqrt(2)))


def _test_customers(customers: int, seed: int, rate: float = 0.03) -> tuple[Any, CustomerExamples]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((customers, 8)) < rate).astype(np.float32)
    odds = rng.normal(size=labels.shape) + SHIFT * labels - 1
    examples = CustomerExamples(
        features=np.zeros((customers, 8, 1), dtype=np.float32),
        labels=labels,
        mask=rng.random(labels.shape) < 0.9,
    )
    return 1 / (1 + np.exp(-odds)), examples


EDGES = np.arange(40, 110, 5)


def _moved(scores: Any, one: CustomerExamples) -> tuple[float, float]:
    """How far the only customer moves each histogram."""
    negative, positive = negative_histogram(scores, one), positive_histogram(scores, one, EDGES)
    return float(np.linalg.norm(negative)), float(np.linalg.norm(positive))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), cap=st.integers(1, 8))
def test_one_customer_moves_the_histograms_by_at_most_the_sensitivities(
    data: st.DataObject, cap: int
) -> None:
    bits = st.lists(st.booleans(), min_size=cap, max_size=cap)
    score = st.floats(0, 1) | st.just(float("nan"))
    scores = np.array([data.draw(st.lists(score, min_size=cap, max_size=cap))])
    one = CustomerExamples(
        features=np.zeros((1, cap, 1), dtype=np.float32),
        labels=np.array([data.draw(bits)], dtype=np.float32),
        mask=np.array([data.draw(bits)], dtype=bool),
    )
    for moved, limit in zip(_moved(scores, one), sensitivities(cap), strict=True):
        assert moved <= limit + 1e-12


@pytest.mark.parametrize("cap", [1, 2, 3, 8])
def test_the_sensitivities_are_reached(cap: int) -> None:
    for label in (0, 1):
        one = CustomerExamples(
            features=np.zeros((1, cap, 1), dtype=np.float32),
            labels=np.full((1, cap), label, dtype=np.float32),
            mask=np.ones((1, cap), dtype=bool),
        )
        assert _moved(np.full((1, cap), 0.7), one)[label] == pytest.approx(sensitivities(cap)[label])


def test_other_customers_do_not_enter_ones_counts() -> None:
    scores, test = _test_customers(50, 1)
    rest, last = test.take(np.arange(49)), test.take(np.array([49]))
    for count in (negative_histogram, lambda s, t: positive_histogram(s, t, EDGES)):
        np.testing.assert_allclose(
            count(scores, test) - count(scores[:49], rest), count(scores[49:], last), atol=1e-12
        )


@pytest.mark.parametrize("epsilon", [0.5, 1.0, 3.0])
def test_noise_is_calibrated_exactly(epsilon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both histograms together cost epsilon: mu = sqrt(sum of (sensitivity / stddev)^2)."""
    drawn: list[float] = []

    def draw(self: GaussianNoise, shape: tuple[int, ...], *, stddev: float) -> Any:
        drawn.append(stddev)
        return np.zeros(shape)

    monkeypatch.setattr(GaussianNoise, "draw", draw)
    scores, test = _test_customers(500, 1)
    released_auc(scores, test, epsilon=epsilon, delta=2e-6)
    assert len(drawn) == 2
    mu = np.linalg.norm(np.array(sensitivities(8)) / np.array(drawn))
    assert 0.999 * epsilon <= get_epsilon_gaussian(1 / mu, 2e-6) <= epsilon * (1 + 1e-6)


@pytest.mark.parametrize(("offset", "slope"), [(0.0, 1.0), (-5.0, 2.0), (1.0, 0.5)])
def test_the_interval_covers_and_says_its_scope(offset: float, slope: float, fixed: Any) -> None:
    """However the model's scores are scaled."""
    covered, measures = 0, []
    for seed in range(40):
        scores, test = _test_customers(4000, seed)
        odds = np.log(scores / (1 - scores)) * slope + offset
        measures.append(
            released_auc(1 / (1 + np.exp(-odds)), test, epsilon=1.0, delta=2e-6, entropy=fixed(seed))
        )
        covered += measures[-1].low <= TRUE_AUC <= measures[-1].high
    assert covered >= 33  # of 40 at 95 %; the chance of fewer is below 1 in 1,000
    assert np.mean([measure.value for measure in measures]) == pytest.approx(TRUE_AUC, abs=0.02)
    assert np.mean([measure.high - measure.low for measure in measures]) < 0.25
    assert {measure.scope for measure in measures} == {"dp_released"}


def test_a_handful_of_positives_says_nothing(fixed: Any) -> None:
    scores, test = _test_customers(200, 1, rate=0.01)
    measure = released_auc(scores, test, epsilon=1.0, delta=2e-6, entropy=fixed())
    assert (measure.low, measure.high) == (0.0, 1.0)


def test_exact_auc_equals_counting_pairs() -> None:
    scores, test = _test_customers(120, 5, rate=0.2)
    scores = np.round(scores, 1)
    positive, negative = (scores[test.mask & (test.labels == label)] for label in (1, 0))
    pairs = (positive[:, None] > negative).mean() + (positive[:, None] == negative).mean() / 2
    measure = exact_auc(scores, test, seed=1)
    assert measure.value == pytest.approx(pairs)
    assert measure.low < measure.value < measure.high
    assert measure.scope == "internal"


def test_households_widen_the_interval() -> None:
    """Twenty copies of every customer know no more than one."""
    scores, test = _test_customers(100, 5, rate=0.2)
    index = np.repeat(np.arange(100), 20)
    copies = test.take(index)
    alone = exact_auc(scores[index], copies, seed=1)
    grouped = exact_auc(scores[index], replace(copies, groups=index), seed=1)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)
