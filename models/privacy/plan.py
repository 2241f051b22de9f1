"""The plan: sampling, clipping, noise and accounting of one training in one value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import dp_accounting
from dp_accounting.gaussian_mechanism import get_sigma_gaussian
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from dp_accounting.rdp import RdpAccountant
from pydantic import Field, PositiveFloat, model_validator

from models.privacy.cap import ChosenCap
from models.privacy.clipping.rule import AdaptiveClip, Clipping
from models.privacy.epsilon import (
    COARSE,
    FEW_ORDERS,
    Beside,
    dp_sgd_event,
    planned_epsilon,
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
    `max_examples` chosen from data by `cap` is paid for within the same target, and so are `statistics`: sums of one
    vector of norm at most 1 per customer, by name, with the noise multiplier that each gets.
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
    statistics: dict[str, PositiveFloat] = Field(default_factory=dict, exclude_if=lambda held: not held)

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
    def beside(self) -> Beside:
        """What runs on the same customers beside the steps: the choice of the cap, and the statistics."""
        return Beside(self.cap_epsilon, tuple(self.statistics.values()))

    @property
    def epsilon(self) -> float:
        """Epsilon of the plan at the target's delta, rounded up; a run's claim is computed from its log."""
        return planned_epsilon(
            sampling_rate=self.sampling_rate,
            noise_multiplier=self.noise_multiplier,
            steps=self.steps,
            delta=self.target.delta,
            beside=self.beside,
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
        statistics: Mapping[str, float] | None = None,
    ) -> PrivacyPlan:
        """The plan with the least noise, in steps of 0.0001, that keeps the target. Deterministic.

        `expected_batch` is counted in customers of the public bound. A `max_examples` that `dp_cap` chose has its
        epsilon taken from the target. With adaptive clipping the norm follows the `quantile` of the customers' norms;
        the noise on its count is expected_batch / 20 (Andrew et al. 2021) or, for small batches, the noise
        multiplier, unless given. `statistics` are names with the share of the target that each may cost (see
        `share_noise`). Raises PrivacyError if the batch is not in (0, n_public] or cap and statistics
        cost all.
        """
        if not 0 < expected_batch <= target.n_public:
            raise PrivacyError(
                f"expected batch {expected_batch:g} is not in (0, {target.n_public}]; lower it below n_public"
            )
        sampling_rate = expected_batch / target.n_public
        cap = max_examples if isinstance(max_examples, ChosenCap) else None
        wanted = {name: share_noise(target, share) for name, share in (statistics or {}).items()}
        beside = Beside(0.0 if cap is None else cap.epsilon, tuple(wanted.values()))
        sigma = _least_noise(target, sampling_rate, steps, beside)
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
            statistics=wanted,
        )


def share_noise(target: PrivacyTarget, share: float) -> float:
    """The noise multiplier of a statistic that may cost `share` (0..1) of a target.

    Gaussian mechanisms of mu_1, mu_2, ... compose to one of mu^2 = mu_1^2 + mu_2^2 + ... (Dong et al. 2022), so shares
    are of mu^2, and the whole is the mu of the one Gaussian mechanism that costs the target (Balle & Wang 2018).
    """
    if not 0 < share < 1:
        raise PrivacyError(f"share {share:g} of a target for a statistic is not in (0, 1); lower it")
    return float(get_sigma_gaussian(target.epsilon, target.delta) / math.sqrt(share))


def _least_noise(target: PrivacyTarget, sampling_rate: float, steps: int, beside: Beside) -> float:
    """The least noise multiplier, rounded up to 0.0001, whose epsilon is at most the target's.

    `beside` is spent beside it. Renyi DP gives a first value that is surely enough, for a small epsilon by far; it is
    halved until it is too little, and the answer is sought between the last two.
    """
    if beside.pure >= target.epsilon:
        raise PrivacyError(
            f"choosing the cap cost epsilon {beside.pure:g}, the target is {target.epsilon:g}; choose it for less"
        )
    run: dict[str, Any] = {"sampling_rate": sampling_rate, "steps": steps}
    spent: dict[str, Any] = {"delta": target.delta, "beside": beside}
    if running_epsilon(**run, noise_multiplier=_SMALLEST, **spent) <= target.epsilon:
        return _SMALLEST
    enough = _calibrate(
        lambda: RdpAccountant(orders=FEW_ORDERS),
        run,
        beside._replace(pure=0.0),
        target.epsilon - beside.pure,
        target.delta,
        _SMALLEST,
        1.0,
    )
    while enough > _SMALLEST:
        half = max(_SMALLEST, math.ceil(enough / 2 * _GRID) / _GRID)
        if planned_epsilon(**run, noise_multiplier=half, **spent) > target.epsilon:
            break
        enough = half
    else:
        return _SMALLEST
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
    accountant: Any, run: Any, beside: Beside, epsilon: float, delta: float, low: float, guess: float
) -> float:
    sigma = dp_accounting.calibrate_dp_mechanism(
        accountant,
        lambda sigma: dp_accounting.ComposedDpEvent(
            [dp_sgd_event(**run, noise_multiplier=sigma), *beside.events()]
        ),
        epsilon,
        delta,
        dp_accounting.LowerEndpointAndGuess(low, guess),
        tol=1 / _GRID,
    )
    return math.ceil(float(sigma) * _GRID) / _GRID
