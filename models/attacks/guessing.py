"""Guessing: how many guesses about canaries an audit makes, chosen beforehand on simulated runs, and what it can show.

The runs are those of models/attacks/dirac.py under less and less of the planned noise; the audited run plays no part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.attacks import guesses as bounds
from models.attacks.guesses import BlowUp
from models.privacy.mechanism import Mechanism

POWER: Final = 0.9
SHARES: Final = tuple(
    round(0.95 - 0.05 * step, 2) for step in range(17)
)  # of the planned noise, down to 0.15
_NUMBERS: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # guesses for each canary
_RUNS: Final = 40
_LEAST_NOISE: Final = 0.25
_NEAR: Final = 1.005
_MOST_TIMES: Final = 64
_EPSILONS: Final = np.concatenate([np.arange(0, 4, 0.1), np.arange(4, 12, 0.25), np.arange(12, 41)])


@lru_cache(maxsize=32)
def allowed(mechanism: Mechanism) -> BlowUp:
    """What the mechanism's trade-off function allows, never less."""
    return bounds.of_profile(_EPSILONS, mechanism.deltas(_EPSILONS.tolist()))


def least_refuted(mechanism: Mechanism, judge: Callable[[BlowUp], bool]) -> Mechanism | None:
    """The mechanism with the least noise that `judge` refutes: more epsilon was spent. None if it refutes none.

    The more noise, the easier it is refuted. Sought to half a hundredth, up to 64 times its own noise.
    """

    def refuted(noise: float) -> bool:
        return judge(allowed(mechanism._replace(noise=noise)))

    high = mechanism.noise
    while not refuted(high):
        if high > _MOST_TIMES * mechanism.noise:
            return None
        high *= 2
    low = high / 2
    while low > _LEAST_NOISE and refuted(low):
        low, high = low / 2, low
    while low > _LEAST_NOISE and high / low > _NEAR:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return mechanism._replace(noise=high)


@dataclass(frozen=True, kw_only=True)
class Guessing:
    """How many guesses a bound is made of, and the fewest right ones that contradict the claim.

    `share` is the largest share of the planned noise that contradicts it with a chance of POWER; None if none does.
    """

    guesses: int
    needed: int
    share: float | None


def right(
    scores: NDArray[np.float64], included: NDArray[np.bool_], guesses: Sequence[int]
) -> NDArray[np.int64]:
    """For each number of guesses how many are right: the highest scores are taken for included, the lowest for not."""
    ordered = included[np.argsort(scores)]
    highest = np.concatenate([[0], np.cumsum(ordered[::-1])])
    lowest = np.concatenate([[0], np.cumsum(~ordered)])
    half = np.asarray(guesses) // 2
    return np.asarray(highest[half] + lowest[np.asarray(guesses) - half])


def chosen(
    judge: Callable[[int, int], bool], mechanism: Mechanism, *, canaries: int, part: float = 1.0
) -> Guessing:
    """The number of guesses that finds the least noise missing; `judge(guesses, correct)` contradicts a claim."""
    numbers = sorted({max(20, round(share * canaries)) for share in _NUMBERS})
    found = _simulated(mechanism, canaries, part, tuple(numbers))
    best: tuple[float, Guessing] | None = None
    for number, correct in zip(numbers, found, strict=True):
        needed = bounds.fewest(lambda right, number=number: judge(number, right), number)  # type: ignore[misc]
        chances = (correct >= needed).mean(axis=1)
        enough = [share for share, chance in zip(SHARES, chances, strict=True) if chance >= POWER]
        guessing = Guessing(guesses=number, needed=needed, share=max(enough, default=None))
        if best is None or chances.sum() > best[0]:
            best = (float(chances.sum()), guessing)
    assert best is not None
    return best[1]


@lru_cache(maxsize=8)
def _simulated(
    mechanism: Mechanism, canaries: int, part: float, numbers: tuple[int, ...]
) -> NDArray[np.int64]:
    """Right guesses (numbers, shares, runs) in simulated runs with a share of the noise."""
    rng = np.random.default_rng(0)
    correct = np.empty((len(numbers), len(SHARES), _RUNS), np.int64)
    for place, share in enumerate(SHARES):
        for run in range(_RUNS):
            included = rng.random(canaries) < 0.5
            took_part = rng.binomial(mechanism.steps, mechanism.rate, canaries) * included
            noise = rng.normal(scale=share * mechanism.noise * mechanism.steps**0.5, size=canaries)
            correct[:, place, run] = right(part * took_part + noise, included, numbers)
    return correct
