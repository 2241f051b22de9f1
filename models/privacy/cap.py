"""The cap of examples per customer, chosen from data by a private quantile that is paid for.

The exponential mechanism (McSherry & Talwar 2007) over the caps 1 .. `max_cap`, with the distance in ranks to
the wanted quantile as Smith 2011, *Privacy-preserving Statistical Estimation with Optimal Convergence Rates*,
takes it. It is sampled in whole numbers from the keystream, so that no rounding of floats is in its epsilon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.privacy.entropy import Entropy, KeyStream
from models.privacy.epsilon import pure_event
from models.values.base import Value

_BITS = 192  # of a draw; the weights' sum is below 10,000 * 2^150
_DEEPEST = 60.0  # nats below the best: what is worse counts as this bad, so that no cap has a chance of 0
_ROUNDING = 1e-9  # the share of epsilon that covers exp() in float64


class DPCap(Value):
    """What is asked: the least cap that covers the share `quantile` of customers, at pure `epsilon`.

    All three are public choices. `max_cap` bounds memory and the candidates.
    """

    quantile: float = Field(default=0.9, gt=0, lt=1)
    epsilon: float = Field(default=0.1, ge=1e-3, le=10)
    max_cap: int = Field(default=64, ge=1, le=10_000)


class ChosenCap(DPCap):
    """The cap that the mechanism gave, `value`; DP-released. `source` is where its randomness came from."""

    value: int = Field(ge=1)
    source: str

    @model_validator(mode="after")
    def _is_a_candidate(self) -> ChosenCap:
        if self.value > self.max_cap:
            raise ValueError(f"cap {self.value} is above max_cap {self.max_cap}; choose it with dp_cap")
        return self

    @property
    def event(self) -> Any:
        """The mechanism as the accountant takes it."""
        return pure_event(self.epsilon)


def dp_cap(
    counts_per_customer: NDArray[np.int64] | Sequence[int],
    *,
    quantile: float = 0.9,
    epsilon: float = 0.1,
    max_cap: int = 64,
    entropy: Entropy | None = None,
) -> ChosenCap:
    """A cap near the `quantile` of `counts_per_customer` (n,), epsilon-DP under adding or removing a customer.

    Every call costs epsilon, whatever is done with its answer. Known limits: the time it takes depends on n and,
    by a rejected draw in less than one of two, on chance.
    """
    asked = DPCap(quantile=quantile, epsilon=epsilon, max_cap=max_cap)
    entropy = entropy or KeyStream()
    chosen = _drawn(weights(np.asarray(counts_per_customer, dtype=np.int64), asked), entropy)
    return ChosenCap(**asked.model_dump(), value=1 + chosen, source=entropy.name)


def weights(counts: NDArray[np.int64], asked: DPCap) -> list[int]:
    """How likely each cap 1 .. max_cap is, in whole numbers out of their sum.

    With F(m) the number of customers of at most m examples and q the quantile of all n, the distance of m is
    d(m) = max(0, F(m - 1) - q n, q n - F(m)): zero where the quantile lies. One customer more or less moves
    F(m) - q n by 1 - q or by -q, so d by at most D = max(q, 1 - q), and weights exp(-epsilon d / (2 D)) are
    epsilon-DP. Cutting d off keeps that. q is the fraction that the float is, computed without rounding.
    """
    q = Fraction(asked.quantile)
    held = np.bincount(np.clip(counts, 1, asked.max_cap), minlength=asked.max_cap + 1)
    upto = [int(total) for total in np.cumsum(held)]
    wanted, most = q * upto[-1], max(q, 1 - q)
    rate = asked.epsilon * (1 - _ROUNDING) / 2
    distances = [
        max(Fraction(0), upto[m - 1] - wanted, wanted - upto[m]) / most for m in range(1, asked.max_cap + 1)
    ]
    # above 2^53, so every float is a whole number already
    return [int(math.ldexp(math.exp(-min(rate * float(d), _DEEPEST)), 150)) for d in distances]


def _drawn(weighted: Sequence[int], entropy: Entropy) -> int:
    """A place, each as likely as its weight: a whole number below their sum, then where it falls."""
    ends = [sum(weighted[: place + 1]) for place in range(len(weighted))]
    number = _below(ends[-1], entropy)
    return next(place for place, end in enumerate(ends) if number < end)


def _below(limit: int, entropy: Entropy) -> int:
    """A uniform whole number in [0, limit), by throwing away those that are too large."""
    words = np.empty(_BITS // 64, dtype=np.uint64)
    while True:
        entropy.fill(words)
        number = int.from_bytes(words.tobytes(), "little") >> (_BITS - limit.bit_length())
        if number < limit:
            return number
