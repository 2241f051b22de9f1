from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from models.privacy.noise import KEYSTREAM, GaussianNoise, KeyStream, counter_mode


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


def test_uniform_numbers_stay_inside() -> None:
    numbers = KeyStream().uniform(100_000)
    assert 0 < numbers.min() < 1e-3
    assert 1 - 1e-3 < numbers.max() < 1
    assert kstest(numbers, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("stddev", [0.01, 1.0, 37.5])
def test_standard_deviation_and_shape_of_the_distribution(stddev: float) -> None:
    drawn = GaussianNoise(KeyStream()).draw((100, 1000), stddev=stddev)
    assert drawn.shape == (100, 1000)
    assert drawn.std() / stddev == pytest.approx(1, abs=0.02)
    assert kstest(drawn.ravel() / stddev, "norm").pvalue > 1e-6


def test_draws_are_independent_across_steps() -> None:
    noise = GaussianNoise(KeyStream())
    first, second = (noise.draw((100_000,), stddev=1.0) for _ in range(2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 6 / np.sqrt(100_000)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 6 / np.sqrt(100_000)


def test_draws_are_noted_once(fixed: Any) -> None:
    noise = GaussianNoise(fixed())
    noise.draw((2,), stddev=1.5)
    noise.draw((), stddev=2.0)
    assert noise.taken() == [1.5, 2.0]
    assert noise.taken() == []


def test_only_the_keystream_has_the_planned_name(fixed: Any) -> None:
    assert GaussianNoise(KeyStream()).source == KEYSTREAM
    assert GaussianNoise(fixed()).source != KEYSTREAM
