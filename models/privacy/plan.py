"""The plan: sampling, clipping, noise and accounting of one training in one value."""

from __future__ import annotations

import math
from typing import Any

import dp_accounting
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from pydantic import Field, model_validator

from models.privacy.cap import ChosenCap
from models.privacy.clipping.rule import AdaptiveClip, Clipping
from models.privacy.epsilon import (
    COARSE,
    FEW_ORDERS,
    dp_sgd_event,
    planned_epsilon,
    pure_event,
    running_epsilon,
)
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

    `clipping` says how: "flat", all variables together; "per-layer", each of K layers to C / sqrt(K); "adaptive",
    all together to a norm that starts at C and follows `adaptive`, sigma being that of sum and count together. A
    `max_examples` chosen from data by `cap` is paid for within the same target.
    """

    target: PrivacyTarget
    steps: int = Field(ge=1, le=1_000_000)
    sampling_rate: float = Field(gt=0, le=1)
    max_examples: int = Field(ge=1)
    clipping_norm: float = Field(gt=0)
    noise_multiplier: float = Field(ge=_SMALLEST)
    sampler: Sampler = "poisson"
    noise_source: NoiseSource = KEYSTREAM
    clipping: Clipping = Field(default="flat", exclude_if=lambda how: how == "flat")
    adaptive: AdaptiveClip | None = None
    cap: ChosenCap | None = None

    @model_validator(mode="after")
    def _clips_as_it_says(self) -> PrivacyPlan:
        if (self.clipping == "adaptive") != (self.adaptive is not None):
            raise ValueError(
                f"clipping {self.clipping!r} and `adaptive` disagree; make the plan with PrivacyPlan.calibrate"
            )
        if not math.isfinite(self.sum_noise_multiplier):
            raise ValueError(
                f"clipped_count_stddev is not above half of the noise multiplier {self.noise_multiplier:g}, so the "
                "count alone would cost more than the plan; raise it"
            )
        if self.cap is not None and self.cap.value != self.max_examples:
            raise ValueError(
                f"max_examples {self.max_examples} is not the cap {self.cap.value} that was chosen; give that one"
            )
        return self

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
    def sum_noise_multiplier(self) -> float:
        """The noise multiplier of the sum alone: sigma, or more if a noised count is released beside it."""
        if self.adaptive is None:
            return self.noise_multiplier
        return self.adaptive.sum_noise_multiplier(self.noise_multiplier)

    @property
    def noise_stddev(self) -> float:
        """The standard deviation of the noise on the sum of clipped gradients; with adaptive clipping the first."""
        return self.sum_noise_multiplier * self.clipping_norm

    @property
    def cap_epsilon(self) -> float:
        """What choosing `max_examples` cost; 0 if it is public."""
        return 0.0 if self.cap is None else self.cap.epsilon

    @property
    def epsilon(self) -> float:
        """Epsilon of the plan at the target's delta, rounded up; a run's claim is computed from its log."""
        return planned_epsilon(
            sampling_rate=self.sampling_rate,
            noise_multiplier=self.noise_multiplier,
            steps=self.steps,
            delta=self.target.delta,
            pure=self.cap_epsilon,
        )

    @classmethod
    def calibrate(
        cls,
        target: PrivacyTarget,
        *,
        expected_batch: float,
        steps: int,
        max_examples: int | ChosenCap,
        clipping_norm: float,
        clipping: Clipping = "flat",
        quantile: float = 0.5,
        clipped_count_stddev: float | None = None,
    ) -> PrivacyPlan:
        """The plan with the least noise, in steps of 0.0001, that keeps the target. Deterministic.

        `expected_batch` is counted in customers of the public bound. A `max_examples` that `dp_cap` chose has its
        epsilon taken from the target. With adaptive clipping the norm follows the `quantile` of the customers' norms;
        the noise on its count is expected_batch / 20 (Andrew et al. 2021) or, for small batches, the noise
        multiplier, unless given. Raises PrivacyError if the batch is not in (0, n_public] or the cap costs all.
        """
        if not 0 < expected_batch <= target.n_public:
            raise PrivacyError(
                f"expected batch {expected_batch:g} is not in (0, {target.n_public}]; lower it below n_public"
            )
        sampling_rate = expected_batch / target.n_public
        cap = max_examples if isinstance(max_examples, ChosenCap) else None
        sigma = _least_noise(target, sampling_rate, steps, 0.0 if cap is None else cap.epsilon)
        count_stddev = clipped_count_stddev or max(expected_batch / 20, sigma)
        return cls(
            target=target,
            steps=steps,
            sampling_rate=sampling_rate,
            max_examples=max_examples if cap is None else cap.value,
            clipping_norm=clipping_norm,
            noise_multiplier=sigma,
            clipping=clipping,
            adaptive=AdaptiveClip(quantile=quantile, clipped_count_stddev=count_stddev)
            if clipping == "adaptive"
            else None,
            cap=cap,
        )


def _least_noise(target: PrivacyTarget, sampling_rate: float, steps: int, pure: float) -> float:
    """The least noise multiplier, rounded up to 0.0001, whose epsilon is at most the target's.

    `pure` is spent beside it. Renyi DP gives a first value that is surely enough, for a small epsilon by far; it is
    halved until it is too little, and the answer is sought between the last two.
    """
    if pure >= target.epsilon:
        raise PrivacyError(
            f"choosing the cap cost epsilon {pure:g}, the target is {target.epsilon:g}; choose it for less"
        )
    run: dict[str, Any] = {"sampling_rate": sampling_rate, "steps": steps}
    spent: dict[str, Any] = {"delta": target.delta, "pure": pure}
    if running_epsilon(**run, noise_multiplier=_SMALLEST, **spent) <= target.epsilon:
        return _SMALLEST
    enough = _calibrate(
        lambda: RdpAccountant(orders=FEW_ORDERS), run, (), target.epsilon - pure, target.delta, _SMALLEST, 1.0
    )
    while enough > _SMALLEST:
        half = max(_SMALLEST, math.ceil(enough / 2 * _GRID) / _GRID)
        if planned_epsilon(**run, noise_multiplier=half, **spent) > target.epsilon:
            break
        enough = half
    else:
        return _SMALLEST
    beside = (pure_event(pure),) if pure else ()
    return _calibrate(
        lambda: PLDAccountant(value_discretization_interval=COARSE),
        run,
        beside,
        target.epsilon,
        target.delta,
        half,
        enough,
    )


def _calibrate(
    accountant: Any, run: Any, beside: tuple[Any, ...], epsilon: float, delta: float, low: float, guess: float
) -> float:
    sigma = dp_accounting.calibrate_dp_mechanism(
        accountant,
        lambda sigma: dp_accounting.ComposedDpEvent([dp_sgd_event(**run, noise_multiplier=sigma), *beside]),
        epsilon,
        delta,
        dp_accounting.LowerEndpointAndGuess(low, guess),
        tol=1 / _GRID,
    )
    return math.ceil(float(sigma) * _GRID) / _GRID
