"""Bounds from guesses: published values, a plain second reading of each algorithm, and simulated runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from models.attacks.guesses import epsilon_low, fewest, gaussian, of_profile, p_value, refuted
from models.attacks.guessing import chosen, right
from models.privacy.mechanism import Mechanism

CANARIES = 2000


def test_p_values_and_bounds_are_those_published() -> None:
    """Steinke et al. 2023: section 7 (figure 11) and appendix D."""
    assert p_value(math.log(3), 0.0, canaries=100, guesses=100, correct=75) == pytest.approx(0.5535, abs=1e-4)
    for canaries, guesses, correct, delta, published in (
        (1000, 100, 75, 1e-4, 0.673),
        (100_000, 1510, 1439, 1e-5, 2.675),
    ):
        found = epsilon_low(delta, canaries=canaries, guesses=guesses, correct=correct, error=0.05)
        assert found == pytest.approx(published, abs=1e-3)


@pytest.mark.parametrize("delta", [0.0, 1e-4, 1e-2])
def test_a_p_value_is_that_of_the_definition(delta: float) -> None:
    chance = [float(binom.pmf(k, 50, 1 / (1 + math.exp(-1)))) for k in range(51)]
    slope = max(sum(chance[40 - i : 40]) / i for i in range(1, 41))
    expected = min(1.0, sum(chance[40:]) + 2 * 200 * delta * slope)
    assert p_value(1.0, delta, canaries=200, guesses=50, correct=40) == pytest.approx(expected, rel=1e-9)


def test_the_recursion_is_that_of_the_paper() -> None:
    """Mahloujifar et al. 2024, algorithm 3, to its end and with whole lists."""
    canaries, guesses, error = 400, 120, 0.05
    for correct in (75, 90, 105, 119):
        h, r = [0.0] * (correct + 1), [0.0] * (correct + 1)
        h[correct] = error * (guesses - correct) / canaries
        r[correct] = error * correct / canaries
        for i in range(correct - 1, -1, -1):
            h[i] = max(h[i + 1], norm.cdf(norm.ppf(min(1.0, r[i + 1])) - 1.0))
            r[i] = r[i + 1] + i / (guesses - i) * (h[i] - h[i + 1])
        too_many = r[0] + h[0] > guesses / canaries
        assert too_many == refuted(
            gaussian(1.0), canaries=canaries, guesses=guesses, correct=correct, error=error
        )


def test_lines_of_a_profile_are_below_what_they_approach() -> None:
    epsilons = np.arange(0.0, 9.0, 0.05)
    deltas = norm.cdf(0.5 - epsilons) - np.exp(epsilons) * norm.cdf(-0.5 - epsilons)
    lines, exact = of_profile(epsilons, deltas), gaussian(1.0)
    for chance in np.linspace(0.001, 0.999, 97):
        assert exact(chance) - 0.002 <= lines(chance) <= exact(chance) + 1e-12


def test_no_bound_is_above_the_truth_and_more_guesses_right_prove_more() -> None:
    """A mechanism of distance 1, whose epsilon is 4.38: each bound errs in 5 % of the runs at most, in fact never."""
    rng, guesses = np.random.default_rng(0), 400
    needed = fewest(
        lambda c: refuted(gaussian(1.0), canaries=CANARIES, guesses=guesses, correct=c, error=0.05), guesses
    )
    for _ in range(100):
        included = rng.random(CANARIES) < 0.5
        correct = int(right(included + rng.normal(size=CANARIES), included, [guesses])[0])
        assert correct < needed
        assert epsilon_low(1e-5, canaries=CANARIES, guesses=guesses, correct=correct, error=0.05) < 4.38
    bounds = [
        epsilon_low(1e-5, canaries=CANARIES, guesses=400, correct=c, error=0.05) for c in (200, 300, 390, 400)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] == 0.0


def test_randomised_response_reaches_what_its_p_value_allows() -> None:
    """The bound is tight for it: of 4,000 runs about 5 % are called too many right, and not more."""
    rng, accuracy = np.random.default_rng(1), 1 / (1 + math.exp(-1))
    needed = fewest(
        lambda c: p_value(1.0, 0.0, canaries=CANARIES, guesses=CANARIES, correct=c) < 0.05, CANARIES
    )
    share = float(np.mean(rng.binomial(CANARIES, accuracy, 4_000) >= needed))
    assert 0.03 < share < 0.06


def test_the_number_of_guesses_follows_from_the_plan_alone() -> None:
    mechanism = Mechanism(0.05, 2.2, 100)
    judge = {"canaries": CANARIES, "error": 0.05}
    made = [
        chosen(
            lambda guesses, correct: refuted(gaussian(0.3), guesses=guesses, correct=correct, **judge),
            mechanism,
            canaries=CANARIES,
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].guesses // 2 < made[0].needed <= made[0].guesses
