"""Standard normal numbers in float32, made in blocks.

Box and Muller 1958: with u uniform on (0, 1] and an angle t uniform on the circle, sqrt(-2 ln u) cos t and
sqrt(-2 ln u) sin t are two independent standard normal numbers. Every pair takes 96 fresh bits:

- u = (k + 1/2) / 2^63 for 63 bits k, and its logarithm, are in float64. So the largest number is
  sqrt(2 * 64 ln 2) = 9.42 standard deviations, beyond which lies a mass of 5e-21, and radii are fine down
  to 1e-8.
- t = 2 pi j / 2^32 for 32 bits j, rounded to float32 like root, cosine, sine and product: a relative error
  of about 1e-7 of the radius. So each number is a multiple of at most 2^-23 of its radius, no finer: the
  same order as the rounding of the float32 sum that it is added to.
"""

from __future__ import annotations

import math
import os
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.privacy.entropy import Entropy

Floats32 = NDArray[np.float32]

PAIRS: Final = 1 << 14  # at a time, so that the work stays in the processor's second-level cache
BLOCK: Final = 4 * PAIRS
LARGEST: Final = math.sqrt(2 * 64 * math.log(2))
_TURN: Final = np.float32(math.pi * 2.0**-31)


class BoxMuller:
    """Makes blocks of standard normal numbers out of `entropy`. For one thread."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._words = np.empty(PAIRS + PAIRS // 2, dtype=np.uint64)
        self._uniform = np.empty(PAIRS, dtype=np.float64)
        self._radius = np.empty(PAIRS, dtype=np.float32)
        self._angle = np.empty(PAIRS, dtype=np.float32)

    def block(self) -> Floats32:
        """The next BLOCK numbers in an array of their own."""
        made = np.empty((BLOCK // (2 * PAIRS), 2, PAIRS), dtype=np.float32)
        for cosines, sines in made:
            self._entropy.fill(self._words)
            self._transform(cosines, sines)
        return made.reshape(BLOCK)

    def _transform(self, cosines: Floats32, sines: Floats32) -> None:
        """One chunk of words into two of numbers; every operation writes into memory that is there."""
        words, uniform, radius, angle = self._words[:PAIRS], self._uniform, self._radius, self._angle
        np.right_shift(words, np.uint64(1), out=words)  # numpy converts signed integers faster
        np.copyto(uniform, words.view(np.int64))
        np.add(uniform, 0.5, out=uniform)
        np.multiply(uniform, 2.0**-63, out=uniform)
        np.log(uniform, out=uniform)
        np.copyto(radius, uniform, casting="same_kind")
        np.multiply(radius, np.float32(-2), out=radius)
        np.sqrt(radius, out=radius)
        np.copyto(angle, self._words[PAIRS:].view(np.int32), casting="same_kind")
        np.multiply(angle, _TURN, out=angle)
        np.multiply(np.cos(angle, out=cosines), radius, out=cosines)
        np.multiply(np.sin(angle, out=sines), radius, out=sines)


class Normals:
    """A stream of standard normal numbers, each handed out once; threads may share it.

    A process that was forked off throws away what its parent has made and takes a new source.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._begin(entropy)

    def scaled(self, count: int, scale: float) -> Floats32:
        """The next `count` numbers times `scale`, in an array of their own."""
        if os.getpid() != self._pid:
            self._begin(self._entropy.split())
        out = np.empty(count, dtype=np.float32)
        factor, at = np.float32(scale), 0
        with self._lock:
            while at < count:
                part = self._unread(count - at)
                np.multiply(part, factor, out=out[at : at + len(part)])
                at += len(part)
        return out

    def _begin(self, entropy: Entropy) -> None:
        self._pid, self._lock = os.getpid(), Lock()
        self._rest: Floats32 = np.empty(0, dtype=np.float32)
        self._next = BoxMuller(entropy).block

    def _unread(self, count: int) -> Floats32:
        """Up to `count` numbers that nobody has had."""
        if not len(self._rest):
            self._rest = self._next()
        part, self._rest = self._rest[:count], self._rest[count:]
        return part
