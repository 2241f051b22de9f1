"""Entropy: where random bits come from.

A general-purpose generator can be recovered from its output and then the noise be subtracted, so the
bits come from AES-256 in counter mode (NIST SP 800-38A) under a key that the operating system draws anew
for every stream and that is never stored. With the processor's AES instructions that is also the faster
of the two. Philox is there for a processor without them; a plan must name it, and then the claim does.
A deterministic source exists in tests only; its name is in no plan, so that no epsilon can be claimed with it.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from threading import Lock
from typing import Any, Final, Literal, NoReturn, Protocol, Self

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from numpy.typing import NDArray

NoiseSource = Literal[
    "AES-256-CTR keystream, key from os.urandom",
    "Philox 4x64-10 (not cryptographic), key from os.urandom",
]
KEYSTREAM: Final[NoiseSource] = "AES-256-CTR keystream, key from os.urandom"
PHILOX: Final[NoiseSource] = "Philox 4x64-10 (not cryptographic), key from os.urandom"

Words = NDArray[np.uint64]
_ZEROS: Final = bytes(1 << 20)


class Entropy(Protocol):
    """A source of random bits that says its name to the run log."""

    @property
    def name(self) -> str:
        """What the numbers come from, as it is compared with the plan."""

    def uniform(self, count: int) -> NDArray[np.float64]:
        """`count` independent uniform numbers, strictly between 0 and 1."""

    def fill(self, words: Words) -> None:
        """Overwrite `words` (contiguous) with 64 independent random bits each."""

    def split(self) -> Entropy:
        """A source of the same kind that is independent of this one, e.g. for another thread."""


class _Stream(ABC):
    """What both sources share: one key, one thread at a time, a new key in a process that was forked off.

    No bit is handed out twice: a stream goes forward only, is neither copied nor stored, and another
    process or `split` has another key.
    """

    name: NoiseSource

    def __init__(self) -> None:
        self._renew()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a source of noise is not copied: both copies would give the same noise; use split()")

    def uniform(self, count: int) -> NDArray[np.float64]:
        """`count` independent uniform numbers: (k + 1/2) / 2^52 for 52 random bits k, exact in float64."""
        words = np.empty(count, dtype=np.uint64)
        self.fill(words)
        uniform: NDArray[np.float64] = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
        return uniform

    def fill(self, words: Words) -> None:
        """Overwrite `words` (contiguous) with the next bits of the stream."""
        if os.getpid() != self._pid:
            self._renew()
        with self._lock:
            self._next(words)

    def split(self) -> Self:
        """A source of the same kind under a key of its own."""
        return type(self)()

    def _renew(self) -> None:
        self._pid, self._lock = os.getpid(), Lock()
        self._start()

    @abstractmethod
    def _start(self) -> None:
        """Begin a stream under a new key of the operating system."""

    @abstractmethod
    def _next(self, words: Words) -> None:
        """Overwrite `words` with the next bits of the stream."""


class KeyStream(_Stream):
    """AES-256-CTR keystream. Its counter of 128 bits does not come round."""

    name = KEYSTREAM

    def _start(self) -> None:
        self._context = counter_mode(key=os.urandom(32), nonce=bytes(16))

    def _next(self, words: Words) -> None:
        out = words.data.cast("B")
        for start in range(0, len(out), len(_ZEROS)):
            piece = out[start : start + len(_ZEROS)]
            self._context.update_into(memoryview(_ZEROS)[: len(piece)], piece)


class Philox(_Stream):
    """The counter-based generator of Salmon et al. 2011, *Parallel Random Numbers: As Easy as 1, 2, 3*.

    It passes statistical tests but promises nothing against an adversary.
    """

    name = PHILOX

    def _start(self) -> None:
        self._generator: Any = np.random.Philox(key=int.from_bytes(os.urandom(16), "little"))

    def _next(self, words: Words) -> None:
        words[:] = self._generator.random_raw(len(words))


def source(name: NoiseSource) -> KeyStream | Philox:
    """A new source of the kind that a plan names."""
    return KeyStream() if name == KEYSTREAM else Philox()


def counter_mode(*, key: bytes, nonce: bytes) -> CipherContext:
    """AES in counter mode; encrypting zeros yields the keystream. A key must serve one stream only."""
    return Cipher(algorithms.AES(key), modes.CTR(nonce)).encryptor()
