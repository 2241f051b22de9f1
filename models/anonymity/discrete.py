"""The discrete Gaussian: noise on whole numbers, drawn without any rounding (Canonne, Kamath & Steinke 2020).

Its variance is a fraction, and every choice on the way compares whole numbers of random bits, so that the law is the
stated one and nothing is added to delta. The bits are SHAKE-256 (FIPS 202) of a row's tag under the secret key.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Variances are whole multiples of 1 / PARTS.
PARTS = 1 << 20
_BLOCK = 192  # bytes of the stream to begin with: enough for most draws
_ROUNDED = 1 + 1e-9  # above every error of the floating point that computes a variance


def variance_parts(sensitivity: float, epsilon: float, delta: float) -> int:
    """The least variance, in 1 / PARTS, that gives (epsilon, delta) where values change by `sensitivity` in L2.

    Its noise is rho-zCDP with rho = sensitivity^2 / (2 variance) (theorem 4), for any number of values drawn by
    themselves; `largest_rho` leads to epsilon and delta.
    """
    return math.ceil(sensitivity**2 / (2 * largest_rho(epsilon, delta)) * _ROUNDED * PARTS)


def largest_rho(epsilon: float, delta: float) -> float:
    """The largest rho for which rho-zCDP implies (epsilon, delta)."""
    low, high = 0.0, epsilon + 1.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _log_delta(middle, epsilon) <= math.log(delta) else (low, middle)
    return low


def _log_delta(rho: float, epsilon: float) -> float:
    """The logarithm of the least delta at `epsilon` under `rho`-zCDP (proposition 12): over orders, it is convex."""

    def at(order: float) -> float:
        rest = (order - 1) * (order * rho - epsilon)
        return rest + order * math.log1p(-1 / order) - math.log(order - 1)

    low, high = 1 + 1e-9, (epsilon + 1) / max(rho, 1e-300) + 2
    for _ in range(200):
        third = (high - low) / 3
        low, high = (low, high - third) if at(low + third) < at(high - third) else (low + third, high)
    return at((low + high) / 2)


def discrete_gaussian(tag: ir.StringValue, parts: int) -> ir.IntegerValue:
    """A whole number of mean 0 and variance `parts` / PARTS for each of the secret `tag`s; the same for the same."""
    return _drawn(tag, ibis.literal(str(parts)))


@ibis.udf.scalar.pyarrow(name="privet_discrete_gaussian", signature=(("string", "string"), "int64"))  # type: ignore[untyped-decorator]
def _drawn(tags: Any, parts: Any) -> Any:
    import pyarrow as pa

    given = zip(tags.to_pylist(), parts.to_pylist(), strict=True)
    return pa.array([_gaussian(_Bits(tag), int(variance)) for tag, variance in given], pa.int64())


class _Bits:
    """Random whole numbers from the bits of a tag's stream."""

    def __init__(self, tag: str) -> None:
        self._tag, self._size, self._used = tag.encode(), _BLOCK, 0
        self._stream = self._read()

    def _read(self) -> int:
        return int.from_bytes(hashlib.shake_256(self._tag).digest(self._size), "little")

    def below(self, bound: int) -> int:
        """One of the numbers below `bound`, each as likely."""
        wide = (bound - 1).bit_length()
        while True:
            if self._used + wide > 8 * self._size:
                self._size *= 2
                self._stream = self._read()
            found = (self._stream >> self._used) & ((1 << wide) - 1)
            self._used += wide
            if found < bound:
                return found


def _gaussian(bits: _Bits, parts: int) -> int:
    """Algorithm 3: a discrete Laplace number, accepted as often as the Gaussian asks."""
    scale = math.isqrt(parts // PARTS) + 1
    for drawn in _laplaces(bits, scale):
        off = abs(drawn) * scale * PARTS - parts
        if _exponential(bits, off * off, 2 * parts * scale * scale * PARTS):
            return drawn
    raise AssertionError("numbers do not end")


def _laplaces(bits: _Bits, scale: int) -> Iterator[int]:
    """Algorithm 2: numbers n with chances as exp(-|n| / scale)."""
    while True:
        rest = bits.below(scale)
        if not _exponential(bits, rest, scale):
            continue
        size = rest
        while _exponential(bits, 1, 1):
            size += scale
        negative = bits.below(2)
        if size or not negative:
            yield -size if negative else size


def _exponential(bits: _Bits, over: int, under: int) -> bool:
    """Algorithm 1: true with chance exp(-over / under)."""
    while over > under:
        if not _below_one(bits, 1, 1):
            return False
        over -= under
    return _below_one(bits, over, under)


def _below_one(bits: _Bits, over: int, under: int) -> bool:
    tries = 1
    while bits.below(under * tries) < over:
        tries += 1
    return tries % 2 == 1
