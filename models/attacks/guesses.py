"""Guesses: what a number of right guesses about canaries proves of the epsilon of one run.

m canaries were each included by a fair coin; of r of them it was guessed whether they were, and c guesses were right.
How many may be right if the run keeps its claim? `p_value` and `epsilon_low` answer for (epsilon, delta): Steinke,
Nasr, Jagielski 2023, *Privacy Auditing with One (1) Training Run* (arXiv 2305.08846), corollary 5.4 and appendix D.
`refuted` answers for a whole trade-off function: Mahloujifar, Melis, Chaudhuri 2024, *Auditing f-Differential Privacy
in One Run* (arXiv 2410.22235), which follows the joint chances r_i and h_i of i right guesses and a right, or a wrong,
one among them. Both hold whatever the guesses are made from; r must be fixed before the run is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import binom

BlowUp = Callable[[float], float]
"""The least chance that an event has without a customer if it has chance x with them, or the other way round."""

_LARGEST = 50.0
_CELLS = 10_000


def p_value(epsilon: float, delta: float, *, canaries: int, guesses: int, correct: int) -> float:
    """An upper bound of the chance of `correct` right guesses or more in a run that is (epsilon, delta)-DP."""
    accuracy = 1 / (1 + math.exp(-epsilon))
    at_least = float(binom.sf(correct - 1, guesses, accuracy))
    just_below = np.cumsum(binom.pmf(np.arange(correct - 1, -1, -1), guesses, accuracy))
    slope = float(np.max(just_below / np.arange(1, correct + 1), initial=0.0))
    return min(1.0, at_least + 2 * canaries * delta * slope)


def epsilon_low(delta: float, *, canaries: int, guesses: int, correct: int, error: float) -> float:
    """A lower bound of epsilon at this delta, too high with a chance of at most `error`; 0 if nothing is shown."""
    low, high = 0.0, _LARGEST
    while high - low > 1e-4:
        middle = (low + high) / 2
        refuted_here = p_value(middle, delta, canaries=canaries, guesses=guesses, correct=correct) < error
        low, high = (middle, high) if refuted_here else (low, middle)
    return low


def gaussian(distance: float) -> BlowUp:
    """Of a Gaussian mechanism that one customer moves by `distance` standard deviations (mu-GDP)."""
    return lambda chance: float(ndtr(ndtri(min(1.0, chance)) - distance))


def of_profile(epsilons: NDArray[np.float64], deltas: NDArray[np.float64]) -> BlowUp:
    """Of any mechanism that is (epsilon, delta)-DP for each of these pairs: the best of their straight lines.

    From P(E) <= e^epsilon Q(E) + delta and the same of the opposite event. In each of many cells of x one line is used
    throughout, so nothing is larger than it is proved to be.
    """
    grow, slack = np.exp(epsilons), deltas
    slopes = np.concatenate([[0.0], 1 / grow, grow])
    heights = np.concatenate([[0.0], -slack / grow, 1 - slack - grow])
    middles = (np.arange(_CELLS) + 0.5) / _CELLS
    best = np.argmax(np.outer(middles, slopes) + heights, axis=1)
    slope, height = slopes[best].tolist(), heights[best].tolist()

    def blown(chance: float) -> float:
        cell = min(_CELLS - 1, int(chance * _CELLS))
        return max(0.0, slope[cell] * chance + height[cell])  # type: ignore[no-any-return]

    return blown


def refuted(blow_up: BlowUp, *, canaries: int, guesses: int, correct: int, error: float) -> bool:
    """Whether so many right guesses, or more, have a chance below `error` in every run with this trade-off.

    Algorithm 3 of the paper, for two answers: it assumes the chance to be `error` and follows what must then hold of
    fewer right guesses; if their chances would sum to more than 1, there is no such run.
    """
    share = error / canaries
    right, wrong = share * correct, share * (guesses - correct)
    whole = guesses / canaries
    for number in range(correct - 1, -1, -1):
        before, wrong = wrong, max(wrong, blow_up(right))
        right += number / (guesses - number) * (wrong - before)
        if right + wrong > whole:
            return True
    return False


def fewest(judge: Callable[[int], bool], guesses: int) -> int:
    """The fewest right guesses that `judge` calls too many, by bisection; `guesses` + 1 if none are."""
    low, high = guesses // 2, guesses + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if judge(middle) else (middle, high)
    return high
