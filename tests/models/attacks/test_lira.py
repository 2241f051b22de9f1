"""LiRA: the ratio of two Gaussians that references show, of which the offline attack knows one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import norm

from models.attacks.lira import confidences, offline, online


def _known(references: int, customers: int = 300, seed: int = 0):
    """Confidences of `references`, half of them trained on each customer, N(2, 0.5) if trained and N(0, 1) if not."""
    rng = np.random.default_rng(seed)
    trained = rng.permuted(np.arange(references)[:, None] * np.ones(customers) < references / 2, axis=0)
    given_ = np.where(
        trained, rng.normal(2, 0.5, trained.shape), rng.normal(0, 1, trained.shape)
    ) + np.linspace(-5, 5, customers)
    return given_, trained


@given(st.floats(1e-6, 50))
def test_a_confidence_is_the_probability_on_the_logit_scale(loss: float):
    assert confidences(np.array([loss]))[0] == pytest.approx(logit(np.exp(-loss)), rel=1e-6, abs=1e-6)


def test_confidences_fall_with_the_loss_and_stay_finite():
    found = confidences(np.array([0.0, 1e-9, 1e-3, 1.0, 700.0, 1e9]))
    assert np.isfinite(found).all()
    assert (np.diff(found) <= 0).all()
    assert (confidences(np.array([-3.0, 2.0])) == [3.0, -2.0]).all()


@pytest.mark.parametrize("references", [8, 40])
def test_the_score_is_the_likelihood_ratio(references: int):
    given_, trained = _known(references, customers=4000)
    target = np.linspace(-5, 5, 4000) + np.tile([0.0, 0.7, 1.4, 2.0], 1000)
    truth = norm.logpdf(target, np.linspace(-5, 5, 4000) + 2, 0.5) - norm.logpdf(
        target, np.linspace(-5, 5, 4000), 1
    )
    found = online(target, given_, trained)
    means = [found[place::4].mean() - truth[place::4].mean() for place in range(4)]
    assert np.corrcoef(found, truth)[0, 1] > (0.6 if references == 8 else 0.9)
    assert np.argsort([found[place::4].mean() for place in range(4)]).tolist() == [0, 1, 2, 3]
    assert references == 8 or max(np.abs(means)) < 1


def test_one_reference_on_a_side_tells_which_is_nearer():
    given_, trained = np.array([[4.0, 0.0], [0.0, 4.0]]), np.eye(2, dtype=bool)
    assert online(np.array([3.0, 1.0]), given_, trained) == pytest.approx([4.0, -4.0])
    assert offline(np.array([3.0, 1.0]), given_, trained) == pytest.approx([3.0, 1.0])


def test_few_references_share_one_deviation():
    """A customer whom no model knew has a standard score, around a mean of four: its variance is 1 + 1/4."""
    given_, trained = _known(8, customers=4000)
    target = np.random.default_rng(9).normal(0, 1, 4000) + np.linspace(-5, 5, 4000)
    assert offline(target, given_, trained).std() == pytest.approx(np.sqrt(1.25), rel=0.05)


def test_the_offline_attack_reads_no_model_that_was_trained_on_the_customer():
    given_, trained = _known(6)
    before = offline(given_[0], given_, trained)
    changed = np.where(trained, 1e3 * given_ - 7, given_)
    assert offline(given_[0], changed, trained) == pytest.approx(before)
