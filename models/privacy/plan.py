"""The plan: sampling, clipping, noise and accounting of one training in one value."""

from __future__ import annotations

import math
from typing import Any

import dp_accounting
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from pydantic import Field, model_validator

from models.privacy.epsilon import COARSE, FEW_ORDERS, dp_sgd_event, planned_epsilon, running_epsilon
from models.privacy.errors import PrivacyError
from models.privacy.noise import KEYSTREAM, NoiseSource
from models.privacy.sampler import Sampler
from models.values.base import Value
from models.values.target import PrivacyTarget

_GRID = 10_000
_SMALLEST = 0.3  # with less noise the accountants' grids mean little


class PrivacyPlan(Value):
    """What one training will do, fixed before it starts; a plan above its target cannot be made.

    Every customer is sampled with probability q = `sampling_rate` in each of `steps` steps, gives at most
    `max_examples` examples, and its gradient is clipped to norm C = `clipping_norm`. The sum gets Gaussian
    noise of standard deviation sigma C, sigma = `noise_multiplier`, and is divided by `expected_batch`.
    No value is a fact about private data: the sizes come from the public bound `target.n_public`.
    """

    target: PrivacyTarget
    steps: int = Field(ge=1, le=1_000_000)
    sampling_rate: float = Field(gt=0, le=1)
    max_examples: int = Field(ge=1)
    clipping_norm: float = Field(gt=0)
    noise_multiplier: float = Field(ge=_SMALLEST)
    sampler: Sampler = "poisson"
    noise_source: NoiseSource = KEYSTREAM

    @model_validator(mode="after")
    def _keeps_its_target(self) -> PrivacyPlan:
        if self.epsilon > self.target.epsilon:
            raise ValueError(
                f"the plan costs epsilon {self.epsilon:.3f}, its target is {self.target.epsilon:g}; "
                "make it with PrivacyPlan.calibrate"
            )
        return self

    @property
    def expected_batch(self) -> float:
        """q times the public bound of customers: the constant by which every noised sum is divided."""
        return self.sampling_rate * self.target.n_public

    @property
    def noise_stddev(self) -> float:
        """sigma C, the standard deviation of the noise on the sum of clipped gradients."""
        return self.noise_multiplier * self.clipping_norm

    @property
    def epsilon(self) -> float:
        """Epsilon of the plan at the target's delta, rounded up; a run's claim is computed from its log."""
        return planned_epsilon(
            sampling_rate=self.sampling_rate,
            noise_multiplier=self.noise_multiplier,
            steps=self.steps,
            delta=self.target.delta,
        )

    @classmethod
    def calibrate(
        cls,
        target: PrivacyTarget,
        *,
        expected_batch: float,
        steps: int,
        max_examples: int,
        clipping_norm: float,
    ) -> PrivacyPlan:
        """The plan with the least noise, in steps of 0.0001, that keeps the target. Deterministic.

        `expected_batch` is counted in customers of the public bound. Raises PrivacyError if it is not
        in (0, n_public].
        """
        if not 0 < expected_batch <= target.n_public:
            raise PrivacyError(
                f"expected batch {expected_batch:g} is not in (0, {target.n_public}]; lower it below n_public"
            )
        sampling_rate = expected_batch / target.n_public
        return cls(
            target=target,
            steps=steps,
            sampling_rate=sampling_rate,
            max_examples=max_examples,
            clipping_norm=clipping_norm,
            noise_multiplier=_least_noise(target, sampling_rate, steps),
        )


def _least_noise(target: PrivacyTarget, sampling_rate: float, steps: int) -> float:
    """The least noise multiplier, rounded up to 0.0001, whose epsilon is at most the target's.

    Renyi DP gives a first value that is surely enough; the answer is sought between its half and it.
    """
    run: dict[str, Any] = {"sampling_rate": sampling_rate, "steps": steps}
    if running_epsilon(**run, noise_multiplier=_SMALLEST, delta=target.delta) <= target.epsilon:
        return _SMALLEST
    enough = _calibrate(lambda: RdpAccountant(orders=FEW_ORDERS), run, target, _SMALLEST, 1.0)
    half = max(_SMALLEST, math.ceil(enough / 2 * _GRID) / _GRID)
    if planned_epsilon(**run, noise_multiplier=half, delta=target.delta) <= target.epsilon:
        return half
    return _calibrate(lambda: PLDAccountant(value_discretization_interval=COARSE), run, target, half, enough)


def _calibrate(accountant: Any, run: Any, target: PrivacyTarget, low: float, guess: float) -> float:
    sigma = dp_accounting.calibrate_dp_mechanism(
        accountant,
        lambda sigma: dp_sgd_event(**run, noise_multiplier=sigma),
        target.epsilon,
        target.delta,
        dp_accounting.LowerEndpointAndGuess(low, guess),
        tol=1 / _GRID,
    )
    return math.ceil(float(sigma) * _GRID) / _GRID
