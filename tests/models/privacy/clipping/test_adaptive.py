"""The clipping norm that follows a quantile: where it goes, what it costs and what the log must say of it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.privacy import tf_privacy
from models.privacy.clipping.adaptive import ClippingNorm
from models.privacy.clipping.rule import AdaptiveClip, joint_noise_multiplier
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.plan import PrivacyPlan
from models.privacy.query import CustomerSumQuery
from models.values.target import PrivacyTarget

SILENT = 1e-9


def _norm(quantile: float, stddev: float, *, first: float = 1.0, expected: float = 100) -> ClippingNorm:
    rule = AdaptiveClip(quantile=quantile, clipped_count_stddev=stddev)
    return ClippingNorm(rule, first=first, expected=expected, noise=GaussianNoise(KeyStream()))


def _within(norms: Any, clip: float) -> float:
    return float(np.sum(np.where(norms <= clip, 0.5, -0.5)))


def test_it_moves_as_the_librarys_adaptive_query_does() -> None:
    """Noise off, the same records: tensorflow-privacy's QuantileAdaptiveClipSumQuery has the same norms."""
    library = tf_privacy.part("privacy.dp_query.quantile_adaptive_clip_sum_query")
    query = library.QuantileAdaptiveClipSumQuery(1.0, 0.0, 0.3, 0.2, 0.0, 10, True)
    state, ours, rng = query.initial_global_state(), _norm(0.3, SILENT, expected=10), np.random.default_rng(0)
    for _ in range(8):
        records = rng.lognormal(1, 1, size=10).astype(np.float32)
        params = query.derive_sample_params(state)
        parts = [query.preprocess_record(params, tf.constant(record)) for record in records]
        sample = query.initial_sample_state(tf.constant(0.0))
        for part in parts:
            sample = query.accumulate_preprocessed_record(sample, part)
        ours.move(_within(records, ours.value))
        _, state, _ = query.get_noised_result(sample, state)
        assert ours.value == pytest.approx(float(state.sum_state.l2_norm_clip), rel=1e-5)


@pytest.mark.parametrize("quantile", [0.5, 0.8])
@pytest.mark.parametrize("first", [0.05, 20.0])
def test_it_converges_to_the_quantile(quantile: float, first: float) -> None:
    """Batches of Poisson(100) log-normal norms, noise 5 on the count: the mean share within is the quantile.

    The customers are seeded, the noise is not. Over runs the mean share of 200 steps has a standard deviation of 0.0034
    and is off by at most 0.008, since 60 steps hardly lead from 20 to the quantile 0.8: 0.04 is nine deviations more.
    """
    rng, clip = np.random.default_rng(1), _norm(quantile, 5.0, first=first)
    seen = []
    for step in range(260):
        norms = rng.lognormal(0, 1, size=rng.poisson(100))
        seen += [np.mean(norms <= clip.value)] if step >= 60 else []
        assert clip.move(_within(norms, clip.value)).stddev == 5.0
    assert np.mean(seen) == pytest.approx(quantile, abs=0.04)


def test_the_count_is_noised() -> None:
    """The noised shares of one and the same count spread by stddev / expected."""
    clip = _norm(0.5, 7.0)
    shares = [clip.move(3.0).share for _ in range(1500)]
    assert np.std(shares) == pytest.approx(0.07, rel=0.1)
    assert np.mean(shares) == pytest.approx(0.53, abs=0.01)


def test_it_stays_within_a_public_factor() -> None:
    clip = _norm(0.5, SILENT, first=2.0)
    for _ in range(300):
        clip.move(1e6)
    assert clip.value == pytest.approx(2e-6)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 20), st.floats(0.6, 50), st.floats(1e-3, 1e3))
def test_sum_and_count_together_have_the_planned_noise(z: float, ratio: float, clip: float) -> None:
    """The formula of Andrew et al. 2021, section 3: z^-2 = z_sum^-2 + (2 b)^-2."""
    rule = AdaptiveClip(clipped_count_stddev=ratio * z)
    raised = rule.sum_noise_multiplier(z)
    assert raised > z
    assert raised**-2 + (2 * ratio * z) ** -2 == pytest.approx(z**-2)
    joint = joint_noise_multiplier(clip, raised * clip, ratio * z)
    assert z * (1 - 1e-8) - 1e-9 <= joint <= z * (1 + 1e-12)


@pytest.mark.parametrize("known", [True, False], ids=["book-keeping", "vectorised"])
def test_a_customer_moves_the_count_by_one_half_and_the_sum_by_the_norm(
    known: bool, make_customers: Any, log_loss: Any
) -> None:
    """Also one whose numbers are broken, whatever the norm of the step is."""
    middle = keras.layers.Dense(4, "tanh") if known else keras.layers.Lambda(keras.ops.tanh)
    model = keras.Sequential([keras.layers.Input((5,)), middle, keras.layers.Dense(1)])
    customers = make_customers(5)
    customers.features[2] = np.nan
    query = CustomerSumQuery(clipping_norm=9.0, stddev=0.0, noise=GaussianNoise(KeyStream()))
    gradients = ClippedGradients(model, customers, loss=log_loss, query=query)
    for clip in (0.3, 50.0):
        whole, _, count = gradients.counted_sum(np.arange(5), tf.constant(clip))
        halves = []
        for gone in range(5):
            rest, _, without = gradients.counted_sum(np.delete(np.arange(5), gone), tf.constant(clip))
            moved = np.sqrt(sum(np.sum(np.square(a - b)) for a, b in zip(whole, rest, strict=True)))
            assert moved <= clip * (1 + 1e-4) + 1e-5
            halves.append(count - without)
        assert set(np.abs(halves)) == {0.5}
        assert halves[2] == -0.5
        assert sum(halves) == pytest.approx(count)
    assert count == 4 / 2 - 1 / 2


def _plan(**choices: Any) -> PrivacyPlan:
    target = PrivacyTarget(epsilon=3, delta=1e-5, n_public=1000)
    return PrivacyPlan.calibrate(
        target, expected_batch=50, steps=5, max_examples=4, clipping_norm=0.7, clipping="adaptive", **choices
    )


def test_the_plan_raises_the_noise_of_the_sum() -> None:
    plan = _plan(quantile=0.6, clipped_count_stddev=2.0)
    z = plan.noise_multiplier
    assert plan.noise_stddev == pytest.approx(0.7 * (z**-2 - 1 / 16) ** -0.5)
    assert plan.noise_stddev > 0.7 * z
    assert plan.adaptive == AdaptiveClip(quantile=0.6, learning_rate=0.2, clipped_count_stddev=2.0)
    assert PrivacyPlan.model_validate_json(plan.canonical()).digest() == plan.digest()
    assert _plan().adaptive == AdaptiveClip(clipped_count_stddev=max(50 / 20, z))


def test_a_count_with_too_little_noise_is_refused() -> None:
    with pytest.raises(ValidationError, match="raise it"):
        _plan(clipped_count_stddev=_plan().noise_multiplier / 2)


@pytest.mark.parametrize("change", [{"clipping": "flat"}, {"clipping": "per-layer"}, {"adaptive": None}])
def test_clipping_and_its_rule_belong_together(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="disagree"):
        PrivacyPlan(**_plan().model_dump() | change)
