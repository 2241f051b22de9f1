from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from models.privacy import tf_privacy
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery, Drawn


def _query(clip: float, stddev: float = 0.0, entropy: Any = None) -> CustomerSumQuery:
    return CustomerSumQuery(clipping_norm=clip, stddev=stddev, noise=GaussianNoise(entropy or KeyStream()))


def _clip(clip: float, record: list[Any]) -> list[Any]:
    query = _query(clip)
    params = query.derive_sample_params(query.initial_global_state())
    return [np.asarray(part) for part in query.preprocess_record(params, record)]


def _norm(parts: list[Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(part, dtype=np.float64)) for part in parts)))


@pytest.mark.parametrize("clip", [0.01, 1.0, 25.0])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_clipping_equals_the_librarys(clip: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    record = [tf.constant(rng.normal(size=shape) * scale, tf.float32) for shape in ((3, 4), (4,), (1,))]
    library = tf_privacy.part("privacy.dp_query.gaussian_query").GaussianSumQuery(clip, 0.0)
    expected = library.preprocess_record(tf.constant(clip), record)
    for ours, theirs in zip(_clip(clip, record), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize("clip", [0.1, 1.0, 10.0])
def test_clipping_norm_is_what_a_large_gradient_gets(clip: float) -> None:
    parts = _clip(clip, [tf.fill((3, 4), 50.0), tf.fill((4,), -70.0)])
    assert _norm(parts) == pytest.approx(clip, rel=1e-5)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_variable_is_clipped(place: int) -> None:
    record = [tf.zeros((3, 4)), tf.zeros((4,)), tf.zeros((1,))]
    record[place] = record[place] + 1e5
    assert _norm(_clip(1.0, record)) <= 1 + 1e-5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_a_gradient_that_is_not_finite_counts_zero(bad: float) -> None:
    assert _norm(_clip(1.0, [tf.constant([1.0, bad]), tf.constant([2.0])])) == 0


@pytest.mark.parametrize("stddev", [0.0, 0.5, 8.0])
def test_noise_is_added_once_to_every_variable_of_the_sum(stddev: float, fixed: Any) -> None:
    query = _query(2.0, stddev, fixed())
    noised, _, event = query.get_noised_result(
        [tf.fill((200, 250), 7.0), tf.zeros((4,))], query.initial_global_state()
    )
    assert np.std(noised[0]) == pytest.approx(stddev, rel=0.02)
    assert np.mean(noised[0]) == pytest.approx(7.0, abs=0.1)
    assert query._noise.taken() == [stddev, stddev]
    assert event.noise_multiplier == stddev / 2.0


def test_noise_of_all_variables_is_one_draw_in_their_order(fixed: Any) -> None:
    query, sums = _query(1.0, 3.0, fixed()), {"a": tf.zeros((2, 3)), "b": [tf.zeros(()), tf.zeros((4,))]}
    noised, _, _ = query.get_noised_result(sums, query.initial_global_state())
    whole = GaussianNoise(fixed()).vector(11, stddev=3.0)
    flat = tf.nest.flatten(noised)
    assert [tuple(part.shape) for part in flat] == [(2, 3), (), (4,)]
    np.testing.assert_array_equal(np.concatenate([np.ravel(part) for part in flat]), whole)


def test_a_sum_in_half_precision_gets_its_noise_in_float32(fixed: Any) -> None:
    query = _query(1.0, 1e-3, fixed())
    noised, _, _ = query.get_noised_result([tf.ones((100,), tf.float16)], query.initial_global_state())
    assert noised[0].dtype == tf.float32
    assert np.std(noised[0]) == pytest.approx(1e-3, rel=0.5)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_noise_scale_of_a_compiled_step_in_every_precision(precision: str, jit: bool) -> None:
    """100,000 draws; 2 % are nine standard errors. The noise itself is never in the compiler's hands."""
    shape, noise = (1000, 100), GaussianNoise(KeyStream())
    state = _query(1.0, 3.0).initial_global_state()

    def release(total: Any, flat: Any) -> Any:
        drawn = Drawn(flat, [shape], stddev=3.0)
        query = CustomerSumQuery(clipping_norm=1.0, stddev=3.0, noise=drawn)
        return query.get_noised_result([total], state)[0][0]

    step, total = tf.function(release, jit_compile=jit), tf.fill(shape, tf.cast(7.0, precision))
    first, second = (
        step(total, tf.constant(noise.flat([shape], stddev=3.0))).numpy() - 7.0 for _ in range(2)
    )
    assert first.std() == pytest.approx(3.0, rel=0.02)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 6 / np.sqrt(first.size)
    assert abs(np.corrcoef(first[:500].ravel(), first[500:].ravel())[0, 1]) < 6 / np.sqrt(first.size / 2)
