"""The discrete Gaussian: the stated law for small and large variances, and enough of it for epsilon and delta."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution as pld
from numpy.typing import NDArray
from scipy import stats

from models.anonymity.discrete import PARTS, _Bits, _gaussian, largest_rho, variance_parts

# A test by chi-square or Kolmogorov and Smirnov fails by chance once in 10,000 runs.
FALSE_ALARM = 1e-4
DRAWS = 20_000


def normal(variance: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The numbers of the discrete Gaussian within twelve standard deviations and their chances, by definition."""
    most = math.ceil(12 * math.sqrt(variance)) + 2
    numbers = np.arange(-most, most + 1)
    chances = np.exp(-(numbers**2) / (2 * variance))
    return numbers, chances / chances.sum()


@pytest.mark.parametrize("parts", [PARTS // 3, PARTS, 30 * PARTS + 7])
def test_draws_have_the_stated_law(parts: int) -> None:
    drawn = np.asarray([_gaussian(_Bits(f"{place}"), parts) for place in range(DRAWS)])
    numbers, chances = normal(parts / PARTS)
    found = np.asarray([(drawn == number).sum() for number in numbers])
    assert found.sum() == DRAWS
    often = chances * DRAWS >= 5
    expected = np.append(chances[often], chances[~often].sum()) * DRAWS
    chi = ((np.append(found[often], found[~often].sum()) - expected) ** 2 / expected).sum()
    assert stats.chi2(int(often.sum())).sf(chi) > FALSE_ALARM


def test_a_large_variance_is_that_of_a_normal_number() -> None:
    parts = 10**12 * PARTS
    drawn = [_gaussian(_Bits(f"{place}"), parts) / 10**6 for place in range(DRAWS // 4)]
    assert stats.kstest(drawn, "norm").pvalue > FALSE_ALARM


@pytest.mark.parametrize("epsilon", [0.2, 1.0, 8.0])
@pytest.mark.parametrize("delta", [9e-4, 1e-6, 1e-10])
@pytest.mark.parametrize("moved", [1, 7])
def test_the_variance_gives_epsilon_and_delta(epsilon: float, delta: float, moved: int) -> None:
    """Against the exact privacy loss distribution of dp-accounting; zCDP costs less than a fifth more noise."""
    parts = variance_parts(moved, epsilon, delta)
    enough = _delta(math.sqrt(parts / PARTS), moved, epsilon)
    assert 0 < enough <= delta
    if moved > 1:
        assert _delta(0.8 * math.sqrt(parts / PARTS), moved, epsilon) > delta


def _delta(deviation: float, moved: int, epsilon: float) -> float:
    exact = pld.from_discrete_gaussian_mechanism(
        deviation, sensitivity=moved, value_discretization_interval=1e-3
    )
    return float(exact.get_delta_for_epsilon(epsilon))


def test_rho_is_that_of_the_paper_and_grows_with_what_is_allowed() -> None:
    """rho + 2 sqrt(rho log(1 / delta)) is an epsilon that always holds (Bun & Steinke 2016): ours is no worse."""
    for epsilon, delta in ((0.5, 1e-5), (3.0, 1e-8)):
        root = math.sqrt(math.log(1 / delta))
        simple = (math.sqrt(root**2 + epsilon) - root) ** 2
        assert simple < largest_rho(epsilon, delta) < 2 * simple
        assert largest_rho(epsilon, delta) < largest_rho(epsilon, 2 * delta)


def test_many_values_of_a_customer_share_the_budget() -> None:
    """Values drawn by themselves: their rho adds up, so that the variance grows with the squared distance."""
    assert variance_parts(math.sqrt(16), 1.0, 1e-6) == pytest.approx(
        16 * variance_parts(1, 1.0, 1e-6), rel=1e-6
    )
