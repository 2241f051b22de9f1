from __future__ import annotations

import math
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

import dp_accounting
import numpy as np
import pytest
from dp_accounting.gaussian_mechanism import get_epsilon_gaussian
from scipy.stats import binom, norm

from models.privacy.epsilon import (
    COARSE,
    FEW_ORDERS,
    dp_sgd_event,
    group_event,
    planned_epsilon,
    pld_epsilon,
    rdp_epsilon,
    running_epsilon,
    unamplified_event,
)
from models.privacy.errors import PrivacyError

# customers, batch, sigma, epochs, delta, then RDP, PLD and unamplified epsilon of dp-accounting 0.6.0.
REFERENCE = [
    (60_000, 256, 1.1, 60, 1e-5, 2.597, 2.382, 54.05),
    (60_000, 256, 1.3, 15, 1e-5, 0.955, 0.865, 16.53),
    (60_000, 256, 0.7, 45, 1e-5, 6.320, 5.640, 85.96),
    (60_000, 512, 1.23, 40, 1e-5, 2.581, 2.364, 34.42),
    (50_000, 1024, 1.54, 30, 1e-5, 2.609, 2.387, 20.84),
    (800_167, 10_000, 0.6, 1600 * 10_000 / 800_167, 1e-6, 14.30, 12.75, 62.44),
]


@pytest.mark.parametrize("row", REFERENCE)
def test_reference_values(row: tuple[float, ...]) -> None:
    customers, batch, sigma, epochs, delta, rdp, pld, unamplified = row
    steps = math.ceil(round(epochs * customers / batch, 6))
    event = dp_sgd_event(sampling_rate=batch / customers, noise_multiplier=sigma, steps=steps)
    plain = unamplified_event(noise_multiplier=sigma, participations=math.ceil(epochs))
    assert rdp_epsilon(event, delta) == pytest.approx(rdp, abs=5e-4 if rdp < 10 else 5e-3)
    assert pld_epsilon(event, delta) == pytest.approx(pld, abs=5e-4 if pld < 10 else 5e-3)
    assert pld_epsilon(plain, delta) == pytest.approx(unamplified, abs=5e-3)


@pytest.mark.parametrize("rate", [0.003, 0.03, 0.3])
@pytest.mark.parametrize("sigma", [0.8, 1.5, 4.0])
@pytest.mark.parametrize("steps", [1, 30, 500])
def test_bounds_are_ordered(rate: float, sigma: float, steps: int) -> None:
    def event() -> Any:
        return dp_sgd_event(sampling_rate=rate, noise_multiplier=sigma, steps=steps)

    fine = pld_epsilon(event(), 1e-6, interval=COARSE / 2)
    coarse = planned_epsilon(sampling_rate=rate, noise_multiplier=sigma, steps=steps, delta=1e-6)
    quick = running_epsilon(sampling_rate=rate, noise_multiplier=sigma, steps=steps, delta=1e-6)
    assert fine <= coarse + 1e-9
    assert coarse <= min(quick, rdp_epsilon(event(), 1e-6))


def _by_50_digits(rate: float, sigma: float, steps: int, delta: float) -> float:
    """Renyi DP of whole orders (Mironov et al. 2019, arXiv 1908.10530, section 3.3), turned into epsilon.

    The turning is theorem 21 of Balle et al. 2020, *Hypothesis Testing Interpretations and Renyi DP*.
    """
    q, variance, found = Decimal(rate), Decimal(sigma) ** 2, []
    for order in FEW_ORDERS:
        moments = sum(
            math.comb(order, k) * (1 - q) ** (order - k) * q**k * ((k * k - k) / (2 * variance)).exp()
            for k in range(order + 1)
        )
        renyi = steps * moments.ln() / (order - 1)
        turned = (1 - Decimal(1) / order).ln() - (Decimal(delta) * order).ln() / (order - 1)
        found.append(renyi + turned)
    return float(max(min(found), Decimal(0)))


@pytest.mark.prove
def test_500_plans_whose_claim_is_below_its_check() -> None:
    """The privacy loss distribution never above Renyi DP, and Renyi DP as computed with 50 digits.

    Compared are plans of an epsilon that somebody would train with: below 0.05 the rounding up to the grid of losses
    outweighs what Renyi DP gives away (at 0.006 the claim is a third above its check; both are upper bounds).
    """
    rates = (1e-4, 1e-3, 0.002, 0.004, 0.01, 0.02, 0.05, 0.1, 0.3, 0.6)
    sigmas = (0.5, 0.6, 0.7, 0.8, 1.0, 1.3, 2.0, 4.0, 8.0)
    compared = 0
    for rate, sigma, steps in product(rates, sigmas, (1, 10, 60, 200, 600, 1500, 4000, 10_000)):
        run = {"sampling_rate": rate, "noise_multiplier": sigma, "steps": steps}
        quick = running_epsilon(**run, delta=1e-6)
        with localcontext(prec=50):
            assert quick == pytest.approx(_by_50_digits(rate, sigma, steps, 1e-6), rel=1e-9, abs=1e-9)
        check = min(quick, rdp_epsilon(dp_sgd_event(**run), 1e-6))
        if 0.05 <= check < 100:
            compared += 1
            fast = pld_epsilon(dp_sgd_event(**run), 1e-6, interval=COARSE)
            assert fast <= check or pld_epsilon(dp_sgd_event(**run), 1e-6) <= check
    assert compared >= 500


def test_200_closed_forms() -> None:
    """T Gaussian mechanisms are one of sigma / sqrt(T), whose epsilon is known exactly."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        sigma, steps = rng.uniform(2, 20), int(rng.integers(1, 50))
        delta = 10 ** rng.uniform(-9, -4)
        exact = get_epsilon_gaussian(sigma / np.sqrt(steps), delta)
        event = dp_sgd_event(sampling_rate=1.0, noise_multiplier=sigma, steps=steps)
        one = unamplified_event(noise_multiplier=sigma, participations=steps)
        assert exact <= pld_epsilon(event, delta, interval=COARSE) <= exact * 1.01 + 0.01
        assert rdp_epsilon(event, delta) >= exact
        assert pld_epsilon(one, delta, interval=COARSE) == pytest.approx(exact, abs=2e-3)


def test_a_group_of_one_is_one_customer_and_more_cost_more() -> None:
    run: dict[str, Any] = {"sampling_rate": 0.03, "noise_multiplier": 2.0, "steps": 100}
    single = pld_epsilon(dp_sgd_event(**run), 1e-6, interval=COARSE)
    groups = [pld_epsilon(group_event(**run, group_size=size), 1e-6, interval=COARSE) for size in (1, 2, 5)]
    assert groups[0] == pytest.approx(single, rel=1e-3)
    assert 2 * groups[0] <= groups[1] < groups[2]


@pytest.mark.parametrize(("size", "rate"), [(2, 0.1), (3, 0.6)])
def test_a_groups_epsilon_by_integration(size: int, rate: float) -> None:
    """One step: delta is the hockey-stick divergence of the mixture and the Gaussian, the worse of both ways."""
    sigma, delta, x = 2.0, 1e-4, np.linspace(-30, 40, 400_001)
    mixture = sum(binom.pmf(i, size, rate) * norm.pdf(x, i, sigma) for i in range(size + 1))
    alone = norm.pdf(x, 0, sigma)
    event = group_event(sampling_rate=rate, noise_multiplier=sigma, steps=1, group_size=size)
    epsilon = pld_epsilon(event, delta, interval=COARSE)
    excess = [np.maximum(p - np.exp(epsilon) * q, 0) for p, q in ((mixture, alone), (alone, mixture))]
    assert max(np.trapezoid(part, x) for part in excess) == pytest.approx(delta, rel=0.05)


@pytest.mark.parametrize("account", [pld_epsilon, rdp_epsilon])
def test_an_unknown_mechanism_is_not_free(account: Any) -> None:
    event = dp_accounting.ComposedDpEvent(
        [dp_sgd_event(sampling_rate=0.01, noise_multiplier=1.0, steps=1), dp_accounting.UnsupportedDpEvent()]
    )
    with pytest.raises(PrivacyError, match="never free"):
        account(event, 1e-6)
