"""Epsilon: what composed mechanisms cost, by Google's dp_accounting.

Mechanisms are described as data (`DpEvent`), apart from the code that runs them. The claim comes from
the privacy loss distribution with pessimistic rounding; Renyi DP checks it from above. The central-limit
formula for Gaussian DP is not offered: it under-reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import dp_accounting
from absl import logging
from dp_accounting import dp_event
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from scipy.stats import binom

from models.privacy.errors import PrivacyError

FINE = 1e-4
COARSE = 1e-3
FEW_ORDERS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 64)  # whole ones are exact and quick


class Beside(NamedTuple):
    """What ran on the same customers beside a training, and is within its epsilon.

    `pure` is the epsilon of a pure mechanism, `gaussians` the noise multipliers of Gaussian ones on all customers.
    """

    pure: float = 0.0
    gaussians: tuple[float, ...] = ()

    def of_group(self, size: int) -> Beside:
        """What a group of `size` customers pays: they move every sum `size` times as far."""
        return Beside(self.pure * size, tuple(sigma / size for sigma in self.gaussians))

    def events(self) -> list[Any]:
        """The mechanisms as the accountant takes them."""
        pure = [pure_event(self.pure)] if self.pure else []
        return [*pure, *(dp_accounting.GaussianDpEvent(sigma) for sigma in self.gaussians)]


NOTHING = Beside()


def dp_sgd_event(*, sampling_rate: float, noise_multiplier: float, steps: int) -> Any:
    """`steps` Poisson-sampled Gaussian mechanisms; the unit is what is sampled and clipped: a customer."""
    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    return dp_accounting.SelfComposedDpEvent(
        dp_accounting.PoissonSampledDpEvent(sampling_rate, gaussian), steps
    )


def unamplified_event(*, noise_multiplier: float, participations: int) -> Any:
    """What would hold if it were known when a customer takes part, as with shuffled batches.

    k Gaussian mechanisms of noise multiplier sigma are exactly one of sigma / sqrt(k) (Dong et al. 2022,
    *Gaussian Differential Privacy*, corollary 3.3).
    """
    return dp_accounting.GaussianDpEvent(noise_multiplier / math.sqrt(participations))


def group_event(*, sampling_rate: float, noise_multiplier: float, steps: int, group_size: int) -> Any:
    """The same run seen by a group of `group_size` customers that come and go together.

    Of the group i ~ Binomial(group_size, sampling_rate) members are sampled and move the sum by at most i
    clipping norms: a mixture of Gaussians (Ganesh 2024, *Tight Group-Level DP Guarantees for DP-SGD with
    Sampling via Mixture of Gaussians Mechanisms*, arXiv 2401.10294).
    """
    members = range(group_size + 1)
    mixture = dp_event.MixtureOfGaussiansDpEvent(
        standard_deviation=noise_multiplier,
        sensitivities=[float(i) for i in members],
        sampling_probs=[float(binom.pmf(i, group_size, sampling_rate)) for i in members],
    )
    return dp_accounting.SelfComposedDpEvent(mixture, steps)


def pure_event(epsilon: float) -> Any:
    """Any mechanism of pure epsilon: what it tells is at most one randomised bit.

    Every pure mechanism is dominated by randomised response (Kairouz et al. 2015, *The Composition Theorem for
    Differential Privacy*, theorem 3.4). Discrete Laplace noise on an integer that moves by 1 has the same two
    privacy losses, epsilon and -epsilon, and the accountant takes it under adding or removing.
    """
    return dp_event.DiscreteLaplaceDpEvent(noise_parameter=epsilon, sensitivity=1)


def pld_epsilon(event: Any, delta: float, *, interval: float = FINE, beside: Beside = NOTHING) -> float:
    """Epsilon by the privacy loss distribution, rounded pessimistically to a grid of `interval`."""
    whole = dp_accounting.ComposedDpEvent([event, *beside.events()])
    return _epsilon(PLDAccountant(value_discretization_interval=interval), whole, delta)


def rdp_epsilon(
    event: Any, delta: float, *, beside: Beside = NOTHING, orders: Sequence[int] | None = None
) -> float:
    """Epsilon by Renyi DP, on the library's grid of orders unless given: a check from above of the claim.

    A pure epsilon is added (basic composition): Renyi DP knows it only by a looser bound.
    """
    accountant = RdpAccountant() if orders is None else RdpAccountant(orders=orders)
    whole = dp_accounting.ComposedDpEvent([event, *beside._replace(pure=0.0).events()])
    return _epsilon(accountant, whole, delta) + beside.pure


def running_epsilon(
    *, sampling_rate: float, noise_multiplier: float, steps: int, delta: float, beside: Beside = NOTHING
) -> float:
    """A quick upper bound for progress messages: Renyi DP on a few orders."""
    event = dp_sgd_event(sampling_rate=sampling_rate, noise_multiplier=noise_multiplier, steps=steps)
    return rdp_epsilon(event, delta, beside=beside, orders=FEW_ORDERS)


@lru_cache(maxsize=64)
def planned_epsilon(
    *, sampling_rate: float, noise_multiplier: float, steps: int, delta: float, beside: Beside = NOTHING
) -> float:
    """Epsilon of a plan on a coarse grid: never below the claim on the fine one."""
    event = dp_sgd_event(sampling_rate=sampling_rate, noise_multiplier=noise_multiplier, steps=steps)
    return pld_epsilon(event, delta, interval=COARSE, beside=beside)


def _epsilon(accountant: Any, event: Any, delta: float) -> float:
    try:
        with _without_notes():
            return float(accountant.compose(event).get_epsilon(delta))
    except dp_accounting.UnsupportedEventError as cause:
        raise PrivacyError(
            f"the accountant knows no bound for {type(event).__name__}; "
            "describe the mechanism by Gaussian events, an unknown one is never free"
        ) from cause


@contextmanager
def _without_notes() -> Iterator[None]:
    """The library notes every Renyi order that it leaves out; the bound by the other orders is as valid."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(before)
