"""Lazy noise equals dense noise: exactly in variance, by statistics in distribution.

Where a test is statistical, correct code fails it with a probability of at most ALARM.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import chi2, ks_2samp, kstest, norm

from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.lazy import LazyLog, LazyNoise
from models.privacy.noise import GaussianNoise, KeyStream

ALARM = 1e-6
CONSTANT = (0.5,) * 12
DECAYING = tuple(0.8 / (1 + step) for step in range(12))


class Ones:
    """Every 'normal' number is 1, so that what is added is the standard deviation itself."""

    source = "ones, for tests only"

    def standard(self, count: int) -> Any:
        return np.ones(count, dtype=np.float32)


def _lazy(rows: int, noise: Any = None, *, width: int = 1, state: Any = None, start: Any = None) -> Any:
    table = tf.Variable(tf.zeros((rows, width)) if start is None else start)
    return table, LazyNoise(table, noise or Ones(), state=state)


def _run(table: Any, lazy: LazyNoise, stddevs: Any, reads: Any, *, rate: float = 0.0) -> Any:
    """Steps that read rows, optionally pull them towards zero as SGD does, and owe noise. Values read."""
    seen = []
    for stddev, rows in zip(stddevs, reads, strict=True):
        lazy.catch_up(rows)
        values = tf.gather(table, rows)
        seen.append(values.numpy())
        unique = np.unique(rows)
        table.scatter_sub(tf.IndexedSlices(rate * tf.gather(table, unique), tf.constant(unique)))
        lazy.advance(stddev, read=rows)
    return seen


def _reads(rows: int, steps: int, each: int, seed: int = 0) -> list[Any]:
    """Rows read in every step, some twice; half of the table is never read."""
    rng = np.random.default_rng(seed)
    return [rng.integers(rows // 2, size=each) for _ in range(steps)]


@pytest.mark.parametrize("stddevs", [CONSTANT, DECAYING, (0.0, *DECAYING[1:])])
def test_every_row_gets_the_variance_of_the_steps_it_missed(stddevs: Any) -> None:
    """With ones for noise, each addition is the root of the sum of squares over exactly the missed steps."""
    rows, reads = 40, _reads(40, len(stddevs), 6)
    table, lazy = _lazy(rows)
    expected, upto = np.zeros(rows), np.zeros(rows, dtype=int)
    for step, touched in enumerate(reads):
        for row in np.unique(touched):
            expected[row] += np.sqrt(np.sum(np.square(stddevs[upto[row] : step])))
            upto[row] = step
    _run(table, lazy, stddevs, reads)
    np.testing.assert_allclose(table[:, 0], expected, rtol=1e-6)
    lazy.flush()
    expected += [np.sqrt(np.sum(np.square(stddevs[start:]))) for start in upto]
    np.testing.assert_allclose(table[:, 0], expected, rtol=1e-6)


def test_a_row_read_in_every_step_gets_each_steps_noise() -> None:
    table, lazy = _lazy(2)
    seen = _run(table, lazy, DECAYING, [np.array([0])] * 12)
    np.testing.assert_allclose(np.ravel(seen), np.append(0, np.cumsum(DECAYING))[:12], rtol=1e-6)


def _dense(stddevs: Any, reads: Any, rows: int, width: int, rate: float) -> tuple[Any, Any]:
    """The reference: noise on every row in every step."""
    rng = np.random.default_rng()
    table, seen = np.zeros((rows, width)), []
    for stddev, touched in zip(stddevs, reads, strict=True):
        seen.append(table[touched])
        table[np.unique(touched)] *= 1 - rate
        table += rng.normal(size=table.shape) * stddev
    return table, seen


@pytest.fixture(scope="module", params=[CONSTANT, DECAYING])
def pair(request: pytest.FixtureRequest) -> Any:
    """The same steps with lazy and with dense noise: final tables and values read."""
    rows, width, stddevs = 200, 400, request.param
    reads = _reads(rows, len(stddevs), 30, seed=5)
    table, lazy = _lazy(rows, GaussianNoise(KeyStream()), width=width)
    seen = _run(table, lazy, stddevs, reads, rate=0.3)
    assert lazy.flush().complete
    return stddevs, (table.numpy(), seen), _dense(stddevs, reads, rows, width, 0.3)


def test_rows_never_read_have_the_distribution_of_dense_noise(pair: Any) -> None:
    stddevs, (lazy, _), (dense, _) = pair
    total = np.sqrt(np.sum(np.square(stddevs)))
    untouched = lazy[100:].ravel() / total
    assert kstest(untouched, "norm").pvalue > ALARM / 2
    assert ks_2samp(untouched, dense[100:].ravel() / total).pvalue > ALARM / 2


def test_rows_that_are_read_have_the_distribution_of_dense_noise(pair: Any) -> None:
    _, (lazy, lazy_seen), (dense, dense_seen) = pair
    pvalues = [ks_2samp(lazy[row], dense[row]).pvalue for row in range(100)]
    pvalues += [ks_2samp(a.ravel(), b.ravel()).pvalue for a, b in zip(lazy_seen, dense_seen, strict=True)][1:]
    assert min(pvalues) > ALARM / len(pvalues)


def test_what_is_read_and_what_is_released_go_together_as_with_dense_noise(pair: Any) -> None:
    """The last value read and the released one of a row: their difference has the dense variance."""
    stddevs, (table, seen), _ = pair
    reads, last = _reads(200, len(stddevs), 30, seed=5), {}
    for step, rows in enumerate(reads):
        last |= {int(row): (step, seen[step][place]) for place, row in enumerate(rows)}
    squares = np.square(stddevs)
    scaled = [
        (table[row] - 0.7 * value) / np.sqrt(squares[step:].sum()) for row, (step, value) in last.items()
    ]
    assert kstest(np.ravel(scaled), "norm").pvalue > ALARM


def test_rows_and_columns_are_independent() -> None:
    table, lazy = _lazy(300, GaussianNoise(KeyStream()), width=300)
    _run(table, lazy, DECAYING, _reads(300, 12, 40))
    lazy.flush()
    values = table.numpy() / np.sqrt(np.sum(np.square(DECAYING)))
    low, high = chi2.ppf([ALARM / 6, 1 - ALARM / 6], values.size)
    assert low < np.sum(np.square(values, dtype=np.float64)) < high
    for products in (values[1:] * values[:-1], values[:, 1:] * values[:, :-1]):
        assert abs(products.mean()) < norm.isf(ALARM / 6) / np.sqrt(products.size)


def test_equal_rows_of_one_read_get_their_noise_once() -> None:
    table, lazy = _lazy(3)
    lazy.advance(2.0, read=np.array([], dtype=np.int64))
    noise = lazy.missed(np.array([1, 1, 1, 2]))
    assert noise.shape == (4, 1)
    assert noise[:3].sum() == 2.0
    assert noise[3] == 2.0
    assert not lazy.missed(np.array([1, 2])).any()
    assert not table.numpy().any()


def test_a_flushed_table_is_complete_and_flushing_again_adds_nothing() -> None:
    table, lazy = _lazy(50)
    _run(table, lazy, DECAYING, _reads(50, 12, 5))
    log = lazy.flush().check()
    assert (log.rows, log.steps, log.row_steps) == (50, 12, 600)
    assert log.variance == pytest.approx(50 * np.sum(np.square(DECAYING)))
    before = table.numpy()
    assert lazy.flush() == log
    np.testing.assert_array_equal(table.numpy(), before)


def test_a_table_that_was_not_flushed_cannot_be_claimed() -> None:
    table, lazy = _lazy(50)
    _run(table, lazy, CONSTANT, _reads(50, 12, 5))
    with pytest.raises(PlanViolation, match="flush"):
        lazy.log().check()


@pytest.mark.parametrize(
    "wrong", [{"row_steps": 599}, {"row_steps": 601}, {"variance": 11.9}, {"steps": 13}, {"rows": 51}]
)
def test_a_log_that_does_not_add_up_is_refused(wrong: Any) -> None:
    right = {"rows": 50, "steps": 12, "row_steps": 600, "variance": 12.0, "due": 12.0}
    LazyLog(**right).check()
    with pytest.raises(PlanViolation):
        LazyLog(**(right | wrong)).check()


def test_reading_without_catching_up_is_refused() -> None:
    _, lazy = _lazy(5)
    lazy.advance(1.0, read=np.array([1]))
    lazy.catch_up(np.array([1]))
    with pytest.raises(PlanViolation, match="lacked noise"):
        lazy.advance(1.0, read=np.array([1, 2]))
    assert lazy.steps == 1


@pytest.mark.parametrize("at", [1, 7, 11])
def test_a_resumed_training_goes_on_as_if_never_stopped(at: int) -> None:
    reads = _reads(50, 12, 5)
    whole, lazy = _lazy(50)
    _run(whole, lazy, DECAYING, reads)
    expected = lazy.flush()
    first, before = _lazy(50)
    _run(first, before, DECAYING[:at], reads[:at])
    second, after = _lazy(50, state=before.state(), start=first.numpy())
    _run(second, after, DECAYING[at:], reads[at:])
    log = after.flush().check()
    assert (log.row_steps, log.steps) == (expected.row_steps, expected.steps)
    np.testing.assert_allclose(second.numpy(), whole.numpy(), rtol=1e-6)


def test_a_state_stays_as_it_was_saved() -> None:
    _, lazy = _lazy(5)
    lazy.advance(1.0, read=np.array([], dtype=np.int64))
    state = lazy.state()
    lazy.flush()
    assert not state.upto.any()
    assert state.row_steps == 0


def test_a_state_of_another_table_is_refused() -> None:
    with pytest.raises(PrivacyError, match="another table"):
        _lazy(6, state=_lazy(5)[1].state())


def test_many_steps_keep_their_variances() -> None:
    table, lazy = _lazy(3)
    for _ in range(3000):
        lazy.advance(0.1, read=np.array([], dtype=np.int64))
    assert lazy.flush().check().variance == pytest.approx(90.0)
    np.testing.assert_allclose(table.numpy(), np.sqrt(30.0), rtol=1e-6)


@pytest.mark.parametrize("stddev", [-0.1, np.nan, np.inf])
def test_a_standard_deviation_that_is_none_is_refused(stddev: float) -> None:
    with pytest.raises(PrivacyError, match="standard deviation"):
        _lazy(2)[1].advance(stddev, read=np.array([], dtype=np.int64))
