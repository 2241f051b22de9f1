from __future__ import annotations

import copy
import math
import os
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from models.privacy.errors import PrivacyError
from models.privacy.noise import (
    KEYSTREAM,
    PHILOX,
    GaussianNoise,
    KeyStream,
    Philox,
    counter_mode,
    source,
)


def test_keystream_is_aes_256_in_counter_mode() -> None:
    """NIST SP 800-38A, F.5.5."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    nonce = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    assert counter_mode(key=key, nonce=nonce).update(plain).hex() == "601ec313775789a5b7a7f504bbf3d228"


def test_key_is_256_bits_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return b"k" * size

    monkeypatch.setattr(os, "urandom", urandom)
    stream = counter_mode(key=b"k" * 32, nonce=bytes(16)).update(bytes(8))
    word = int.from_bytes(stream, "little")
    assert KeyStream().uniform(1)[0] == ((word >> 12) + 0.5) / 2**52
    assert asked == [32]


def test_two_streams_differ() -> None:
    assert not np.array_equal(KeyStream().uniform(8), KeyStream().uniform(8))


def test_a_forked_process_has_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[bytes] = []

    def urandom(size: int, draw: Callable[[int], bytes] = os.urandom) -> bytes:
        keys.append(draw(size))
        return keys[-1]

    monkeypatch.setattr(os, "urandom", urandom)
    stream, parent = KeyStream(), os.getpid()
    stream.uniform(1)
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    stream.uniform(1)
    assert len(set(keys)) == 2


def test_the_stream_goes_on_over_any_size() -> None:
    """The keystream of 2^18 + 3 words in one piece is that of a fresh cipher under the same key."""
    stream = KeyStream()
    stream._context = counter_mode(key=b"k" * 32, nonce=bytes(16))
    words = np.empty(2**18 + 3, dtype=np.uint64)
    stream.fill(words[:7])
    stream.fill(words[7:])
    whole = counter_mode(key=b"k" * 32, nonce=bytes(16)).update(bytes(words.nbytes))
    assert words.tobytes() == whole


@pytest.mark.parametrize("kind", [KeyStream, Philox])
def test_a_source_is_neither_copied_nor_stored(kind: Any) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="split"):
            attempt(kind())


@pytest.mark.parametrize("kind", [KeyStream, Philox])
def test_a_split_source_has_its_own_key(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"1" * size)
    stream, twin, third = kind(), kind(), kind()
    monkeypatch.setattr(os, "urandom", lambda size: b"2" * size)
    other = stream.split()
    assert other.name == stream.name
    drawn = set(other.uniform(100))
    np.testing.assert_array_equal(stream.uniform(100), twin.uniform(100))  # which `other` did not move on
    assert not drawn & set(third.uniform(300))


def test_uniform_numbers_stay_inside() -> None:
    numbers = KeyStream().uniform(100_000)
    assert 0 < numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1
    assert kstest(numbers, "uniform").pvalue > 1e-6


def _drawn(how: str, noise: GaussianNoise, stddev: float) -> Any:
    if how == "draw":
        return noise.draw((100, 1000), stddev=stddev)
    if how == "vector":
        return noise.vector(100_000, stddev=stddev)
    return np.concatenate([part.ravel() for part in noise.arrays([(300, 300), (10_000,)], stddev=stddev)])


HOWS = ("draw", "vector", "arrays")


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("stddev", [0.01, 1.0, 37.5])
def test_standard_deviation_and_shape_of_the_distribution(how: str, stddev: float) -> None:
    """A correct source fails it with a probability of 1e-6; 0.98 and 1.02 are 9 standard errors away."""
    drawn = _drawn(how, GaussianNoise(KeyStream()), stddev)
    assert drawn.std() / stddev == pytest.approx(1, abs=0.02)
    assert kstest(drawn.ravel() / stddev, "norm").pvalue > 1e-6


@pytest.mark.parametrize("how", HOWS)
def test_draws_are_independent_across_steps(how: str) -> None:
    noise = GaussianNoise(KeyStream())
    first, second = (_drawn(how, noise, 1.0).ravel() for _ in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 6 / np.sqrt(100_000)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 6 / np.sqrt(100_000)


def test_draws_are_noted_once(fixed: Any) -> None:
    noise = GaussianNoise(fixed())
    noise.draw((2,), stddev=1.5)
    noise.draw((), stddev=2.0)
    noise.vector(3, stddev=2.5)
    noise.arrays([(2, 2), (5,)], stddev=3.0)
    assert noise.taken() == [1.5, 2.0, 2.5, 3.0, 3.0]
    assert noise.taken() == []


def test_arrays_are_parts_of_one_vector(fixed: Any) -> None:
    parts = GaussianNoise(fixed()).arrays([(2, 3), (), (0, 4), (5,)], stddev=2.0)
    assert [part.shape for part in parts] == [(2, 3), (), (0, 4), (5,)]
    whole = GaussianNoise(fixed()).vector(12, stddev=2.0)
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in parts]), whole)
    assert whole.dtype == np.float32


def test_nothing_is_drawn_for_nothing(fixed: Any) -> None:
    assert GaussianNoise(fixed()).arrays([], stddev=1.0) == []


@pytest.mark.parametrize("stddev", [-1.0, math.nan, math.inf])
def test_a_standard_deviation_that_is_none_is_refused(stddev: float, fixed: Any) -> None:
    with pytest.raises(PrivacyError, match="standard deviation"):
        GaussianNoise(fixed()).vector(1, stddev=stddev)


@pytest.mark.parametrize("kind", [KeyStream, Philox])
def test_a_plan_gets_the_source_that_it_names(kind: Any) -> None:
    assert isinstance(source(kind.name), kind)
    assert GaussianNoise(kind()).source == kind.name


def test_only_the_keystream_has_the_planned_name(fixed: Any) -> None:
    assert len({KEYSTREAM, PHILOX, GaussianNoise(fixed()).source}) == 3
    assert GaussianNoise(KeyStream()).source == KEYSTREAM
