"""Where a test is statistical, a correct stream fails it with probability ALARM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom, chi2, kstest, norm

from models.privacy.entropy import KeyStream, Philox
from models.privacy.normals import BLOCK, LARGEST, PAIRS, BoxMuller, Normals

ALARM = 1e-6
MANY = 1 << 21


class Given:
    """Hands out the words that it was given, again and again; `split` has others."""

    name = "given, for tests only"

    def __init__(self, words: Any) -> None:
        self.words = np.asarray(words, dtype=np.uint64)

    def fill(self, words: Any) -> None:
        words[:] = np.resize(self.words, len(words))

    def split(self) -> Given:
        return Given(self.words + np.uint64(1 << 40))

    def uniform(self, count: int) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module", params=[KeyStream, Philox])
def numbers(request: pytest.FixtureRequest) -> Any:
    return Normals(request.param()).scaled(MANY, 1.0).astype(np.float64)


def test_numbers_are_those_of_the_formula_in_float64(fixed: Callable[..., Any]) -> None:
    words = np.empty(PAIRS + PAIRS // 2, dtype=np.uint64)
    fixed().fill(words)
    words[:3] = 0, 2**64 - 1, 2**63
    radius = np.sqrt(-2 * np.log(((words[:PAIRS] >> np.uint64(1)).astype(np.float64) + 0.5) / 2**63))
    angle = words[PAIRS:].view(np.uint32).astype(np.float64) * (2 * np.pi / 2**32)
    block = BoxMuller(Given(words)).block()[: 2 * PAIRS].reshape(2, PAIRS)
    error = np.abs(block - radius * np.stack([np.cos(angle), np.sin(angle)])).max(axis=0)
    assert np.all(error <= 4e-7 * radius)


def test_the_tail_reaches_beyond_nine_standard_deviations() -> None:
    rarest = BoxMuller(Given([0])).block()
    assert np.abs(rarest).max() == pytest.approx(LARGEST, rel=1e-6)
    assert LARGEST > 9.4


def test_distribution_is_the_normal_one(numbers: Any) -> None:
    assert kstest(numbers, "norm").pvalue > ALARM


def test_variance_is_one(numbers: Any) -> None:
    low, high = chi2.ppf([ALARM / 2, 1 - ALARM / 2], MANY)
    assert low < np.sum(numbers**2) < high


@pytest.mark.parametrize("beyond", [2.0, 3.0, 4.0, 5.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_tails_hold_their_share(numbers: Any, beyond: float, sign: int) -> None:
    found = int(np.sum(sign * numbers > beyond))
    assert (
        min(binom.cdf(found, MANY, norm.sf(beyond)), binom.sf(found - 1, MANY, norm.sf(beyond))) > ALARM / 2
    )


@pytest.mark.prove
def test_density_and_far_tails_of_134_million_numbers() -> None:
    """Chi-square over 4096 equally likely bins, and counts beyond 4 to 6 standard deviations."""
    stream, rounds = Normals(KeyStream()), 64
    bins, beyond, far = np.zeros(4096), np.zeros(5), np.array([4.0, 4.5, 5.0, 5.5, 6.0])
    for _ in range(rounds):
        drawn = stream.scaled(MANY, 1.0)
        bins += np.bincount((ndtr(drawn.astype(np.float64)) * 4096).astype(np.int64), minlength=4096)
        beyond += np.sum(np.abs(drawn[np.abs(drawn) > 4])[:, None] > far, axis=0)
    expected = rounds * MANY / 4096
    assert chi2.sf(np.sum((bins - expected) ** 2) / expected, 4095) > ALARM
    for found, limit in zip(beyond, far, strict=True):
        share = 2 * norm.sf(limit)
        assert binom.cdf(found, rounds * MANY, share) > ALARM / 10
        assert binom.sf(found - 1, rounds * MANY, share) > ALARM / 10


@pytest.mark.parametrize("apart", [1, 2, PAIRS, 2 * PAIRS, BLOCK])
@pytest.mark.parametrize("power", [1, 2])
def test_numbers_are_independent_of_each_other(numbers: Any, apart: int, power: int) -> None:
    """PAIRS apart are cosine and sine of one pair; steps and parameters are such distances too."""
    centred = numbers**power - (power == 2)
    products = centred[apart:] * centred[:-apart]
    assert abs(products.mean()) < norm.isf(ALARM / 2) * products.std() / np.sqrt(len(products))


def test_every_number_is_handed_out_once_and_in_order() -> None:
    stream, sizes = Normals(_Counting()), (5, 0, 70_000, BLOCK, 1, 131_071)
    given = np.concatenate([stream.scaled(size, 1.0) for size in sizes])
    np.testing.assert_array_equal(given, Normals(_Counting()).scaled(sum(sizes), 1.0))
    assert len(np.unique(given)) > 0.99 * len(given)


def test_what_was_handed_out_stays_as_it_is() -> None:
    stream = Normals(KeyStream())
    first = stream.scaled(100, 1.0)
    before = first.copy()
    stream.scaled(2 * BLOCK, 1.0)
    np.testing.assert_array_equal(first, before)


def test_threads_share_no_number() -> None:
    stream = Normals(_Counting())
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: stream.scaled(10_007, 1.0), range(60)))
    together = np.sort(np.concatenate(taken))
    np.testing.assert_array_equal(together, np.sort(Normals(_Counting()).scaled(60 * 10_007, 1.0)))


_FORK = """
import os, numpy as np
from models.privacy.noise import GaussianNoise, KeyStream
shared = KeyStream()
noises = [GaussianNoise(shared), GaussianNoise(shared.split())]
for noise in noises:
    noise.vector(10, stddev=1.0)
read, write = os.pipe()
child = os.fork()
mine = b"".join(noise.vector(1000, stddev=1.0).tobytes() for noise in noises)
mine += shared.uniform(1000).tobytes()
if child == 0:
    os.write(write, mine)
    os._exit(0)
theirs = os.read(read, len(mine))
os.waitpid(child, 0)
assert len(theirs) == len(mine)
print(len(set(np.frombuffer(mine, np.uint32)) & set(np.frombuffer(theirs, np.uint32))))
"""


def test_a_forked_process_shares_no_noise() -> None:
    """A few words of 32 bits agree by chance, since floats crowd; of a shared stream 1,000 or more would."""
    run = subprocess.run(
        [sys.executable, "-c", _FORK], capture_output=True, text=True, timeout=60, check=True
    )
    assert int(run.stdout) < 200


class _Counting:
    """Words that never repeat: a counter, mixed."""

    name = "counting, for tests only"

    def __init__(self) -> None:
        self._at: Iterator[int] = count(1)

    def fill(self, words: Any) -> None:
        start = np.uint64(next(self._at) << 20)
        mixed = (start + np.arange(len(words), dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        words[:] = mixed ^ (mixed >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)

    def split(self) -> _Counting:
        return _Counting()

    def uniform(self, count: int) -> Any:
        raise NotImplementedError
