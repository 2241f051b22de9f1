"""Noise: Gaussian numbers from a cryptographic keystream.

A general-purpose generator can be recovered from its output and then the noise be subtracted, so the
numbers come from AES-256 in counter mode (NIST SP 800-38A) under a key that the operating system
draws anew for every training and that is never stored. A deterministic source exists in tests only; its
name is not the plan's, so that no epsilon can be claimed with it.
"""

from __future__ import annotations

import os
from typing import Final, Literal, Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray
from scipy.special import ndtri

NoiseSource = Literal["AES-256-CTR keystream, key from os.urandom"]
KEYSTREAM: Final[NoiseSource] = "AES-256-CTR keystream, key from os.urandom"


class Entropy(Protocol):
    """A source of uniform numbers that says its name to the run log."""

    @property
    def name(self) -> str:
        """What the numbers come from, as it is compared with the plan."""

    def uniform(self, count: int) -> NDArray[np.float64]:
        """`count` independent uniform numbers, strictly between 0 and 1."""


class KeyStream:
    """AES-256-CTR keystream as uniform numbers: (k + 1/2) / 2^52 for 52 random bits k, exact in float64.

    A process that was forked off draws its own key, so that no two processes share their noise.
    """

    def __init__(self) -> None:
        self._renew()

    def __repr__(self) -> str:
        return f"KeyStream({self.name!r})"

    @property
    def name(self) -> str:
        """The name that a plan asks for."""
        return KEYSTREAM

    def uniform(self, count: int) -> NDArray[np.float64]:
        """`count` independent uniform numbers, strictly between 0 and 1."""
        if os.getpid() != self._pid:
            self._renew()
        words = np.frombuffer(self._stream.update(bytes(8 * count)), dtype=np.uint64)
        uniform: NDArray[np.float64] = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
        return uniform

    def _renew(self) -> None:
        self._pid = os.getpid()
        self._stream = counter_mode(key=os.urandom(32), nonce=bytes(16))


def counter_mode(*, key: bytes, nonce: bytes) -> CipherContext:
    """AES in counter mode; encrypting zeros yields the keystream. A key must serve one stream only."""
    return Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor()


class GaussianNoise:
    """Draws Gaussian arrays and keeps count of what it drew, so that the log says what was really added."""

    def __init__(self, entropy: Entropy) -> None:
        self.source: Final = entropy.name
        self._entropy = entropy
        self._drawn: list[float] = []

    def draw(self, shape: tuple[int, ...], *, stddev: float) -> NDArray[np.float64]:
        """Independent N(0, stddev^2) numbers in float64, by inversion of the normal distribution."""
        self._drawn.append(stddev)
        uniform = self._entropy.uniform(int(np.prod(shape, dtype=np.int64)))
        normal: NDArray[np.float64] = stddev * ndtri(uniform).reshape(shape)
        return normal

    def taken(self) -> list[float]:
        """The standard deviation of every draw since the last call."""
        drawn, self._drawn = self._drawn, []
        return drawn
