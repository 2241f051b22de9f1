"""Rates and their intervals: right where the truth is known, and no surer than the customers allow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import binom, norm

from models.attacks.curves import POINTS, auc, curve, tpr_at

SCORES = arrays.arrays(np.float64, st.integers(20, 60), elements=st.integers(0, 12).map(float))


@given(members=SCORES, others=SCORES)
def test_auc_is_the_share_of_pairs_whatever_the_scale(members, others):
    found = auc(members, others, how="")
    pairs = (members[:, None] > others).mean() + (members[:, None] == others).mean() / 2
    assert found.value == pytest.approx(pairs)
    assert 0 <= found.low <= found.value <= found.high <= 1
    same, turned = auc(3 * members - 7, 3 * others - 7, how=""), auc(others, members, how="")
    assert (same.low, same.high) == pytest.approx((found.low, found.high))
    assert (1 - turned.high, 1 - turned.low) == pytest.approx((found.low, found.high))


@given(members=SCORES, others=SCORES, rate=st.sampled_from([0.001, 0.01, 0.1, 0.5]))
def test_at_most_the_rate_of_the_others_are_accused(members, others, rate):
    found = tpr_at(rate, members, others)
    allowed = [level for level in [*others, -np.inf] if (others > level).mean() <= rate]
    assert found.value == (members > min(allowed)).mean()
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_perfect_attack_is_not_surer_than_its_customers_allow():
    found = auc(np.ones(20), np.zeros(20), how="")
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.05 ** (1 / 20))


@pytest.mark.parametrize(("others", "shown"), [(100, False), (400, False), (500, True), (5000, True)])
def test_few_others_cannot_show_a_small_rate(others: int, shown: bool):
    """Of 400 others that score least of all nobody knows that 1 % of all others do not score higher."""
    found = tpr_at(0.01, np.ones(200), np.zeros(others))
    assert found.value == 1
    assert (found.low > 0) == shown


@pytest.mark.parametrize("size", [20, 60, 500])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_intervals_miss_the_truth_no_more_often_than_stated(size: int, shift: float):
    rng, repeats = np.random.default_rng(size), 400
    truth = {"auc": norm.cdf(shift / np.sqrt(2)), 0.05: norm.sf(norm.isf(0.05) - shift)}
    missed = dict.fromkeys(truth, 0)
    for _ in range(repeats):
        members, others = rng.normal(shift, 1, size), rng.normal(0, 1, size)
        for what in truth:
            found = auc(members, others, how="") if what == "auc" else tpr_at(0.05, members, others)
            missed[what] += not found.low <= truth[what] <= found.high
    assert max(missed.values()) <= binom.ppf(0.999, repeats, 0.05)


@pytest.mark.parametrize("size", [30, 1000, 20_000])
def test_the_curve_reaches_down_to_one_false_positive(size: int):
    rng = np.random.default_rng(1)
    members, others = rng.normal(1, 1, size), rng.normal(0, 1, size)
    points = np.array(curve(members, others))
    assert points[0, 0] == pytest.approx(1 / size)
    assert tuple(points[-1]) == (1.0, 1.0)
    assert len(points) <= POINTS
    assert (np.diff(points, axis=0) >= 0).all()
    if size > 1000:
        assert (points[:, 0] < 0.01).sum() > 30  # as many for small rates as for large ones


@given(members=SCORES, others=SCORES)
def test_every_point_of_the_curve_was_counted(members, others):
    levels = [*np.unique(others), -np.inf]
    counted = {((others > level).mean(), (members > level).mean()) for level in levels}
    assert {tuple(np.round(point, 9)) for point in curve(members, others)} <= {
        tuple(np.round(point, 9)) for point in counted
    }
