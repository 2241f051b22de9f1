"""The mechanism of a plan under any noise: what it allows, bounded from above and from below."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from dp_accounting.pld import privacy_loss_distribution as pld
from numpy.typing import NDArray

from models.privacy.epsilon import COARSE
from models.privacy.plan import PrivacyPlan

_ROUNDED: Final = 0.04  # twice what all steps together may lose by rounding


class Mechanism(NamedTuple):
    """T steps of a Poisson-sampled Gaussian mechanism: sampling rate q, noise multiplier sigma, T."""

    rate: float
    noise: float
    steps: int

    @classmethod
    def of(cls, plan: PrivacyPlan) -> Mechanism:
        """The steps of a plan."""
        return cls(plan.sampling_rate, plan.noise_multiplier, plan.steps)

    def deltas(self, epsilons: Sequence[float]) -> NDArray[np.float64]:
        """Delta at each epsilon, never less than it is: privacy losses are rounded up."""
        found = _losses(self, pessimistic=True, interval=COARSE).get_delta_for_epsilon(list(epsilons))
        return np.asarray(found, np.float64)

    def epsilon_low(self, delta: float) -> float:
        """Epsilon, never more than it is and at most 0.02 less: privacy losses are rounded down."""
        return _epsilon_low(self, delta)


@lru_cache(maxsize=64)
def _epsilon_low(mechanism: Mechanism, delta: float) -> float:
    interval = min(COARSE, _ROUNDED / mechanism.steps)
    return float(_losses(mechanism, pessimistic=False, interval=interval).get_epsilon_for_delta(delta))


def _losses(mechanism: Mechanism, *, pessimistic: bool, interval: float) -> pld.PrivacyLossDistribution:
    one = pld.from_gaussian_mechanism(
        mechanism.noise,
        pessimistic_estimate=pessimistic,
        value_discretization_interval=interval,
        sampling_prob=mechanism.rate,
        use_connect_dots=pessimistic,  # the better way of rounding, for one direction only
    )
    return one.self_compose(mechanism.steps)
