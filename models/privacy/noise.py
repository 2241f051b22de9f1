"""Noise: Gaussian numbers from a cryptographic keystream, and the count of what was drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from models.privacy.entropy import (
    KEYSTREAM,
    PHILOX,
    Entropy,
    KeyStream,
    NoiseSource,
    Philox,
    counter_mode,
    source,
)
from models.privacy.errors import PrivacyError
from models.privacy.normals import Floats32, Normals

__all__ = [
    "KEYSTREAM",
    "PHILOX",
    "Entropy",
    "GaussianNoise",
    "KeyStream",
    "NoiseSource",
    "Philox",
    "counter_mode",
    "source",
]


class GaussianNoise:
    """Draws Gaussian arrays and keeps count of what it drew, so that the log says what was really added."""

    def __init__(self, entropy: Entropy) -> None:
        self.source: Final = entropy.name
        self._entropy = entropy
        self._normals = Normals(entropy)
        self._drawn: list[float] = []

    def vector(self, count: int, *, stddev: float) -> Floats32:
        """`count` independent N(0, stddev^2) numbers in float32 (see `normals`): one draw."""
        self._drawn.append(_checked(stddev))
        return self._normals.scaled(count, stddev)

    def flat(self, shapes: Sequence[tuple[int, ...]], *, stddev: float) -> Floats32:
        """The numbers for arrays of `shapes`, one after the other, made in one go; each counts as a draw."""
        self._drawn.extend([_checked(stddev)] * len(shapes))
        return self._normals.scaled(sum(map(math.prod, shapes)), stddev)

    def arrays(self, shapes: Sequence[tuple[int, ...]], *, stddev: float) -> list[Floats32]:
        """Arrays of `shapes`: views of `flat`."""
        whole = self.flat(shapes, stddev=stddev)
        ends = np.cumsum([math.prod(shape) for shape in shapes], dtype=np.int64)
        parts = np.split(whole, ends[:-1]) if len(ends) else []
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def standard(self, count: int) -> Floats32:
        """`count` independent N(0, 1) numbers that are not noted here: for LazyNoise, which counts by rows."""
        return self._normals.scaled(count, 1.0)

    def draw(self, shape: tuple[int, ...], *, stddev: float) -> NDArray[np.float64]:
        """Independent N(0, stddev^2) numbers in float64, by inversion of 52 random bits: for a few, slow."""
        self._drawn.append(_checked(stddev))
        uniform = self._entropy.uniform(math.prod(shape))
        normal: NDArray[np.float64] = stddev * ndtri(uniform).reshape(shape)
        return normal

    def taken(self) -> list[float]:
        """The standard deviation of every draw since the last call."""
        drawn, self._drawn = self._drawn, []
        return drawn


def _checked(stddev: float) -> float:
    if not 0 <= stddev < math.inf:
        raise PrivacyError(f"standard deviation {stddev} of noise is none; give a number from 0 on")
    return float(stddev)
