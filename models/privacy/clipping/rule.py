"""The clipping rule of a plan: how far each customer's gradient is scaled down."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from models.values.base import Value

Clipping = Literal["flat", "per-layer", "adaptive"]
"""All variables together to C; K layers to C / sqrt(K) each; together to a norm that follows a quantile."""

SPAN = 1e6


class AdaptiveClip(Value):
    """A clipping norm that follows a quantile of the customers' norms.

    Andrew et al. 2021, *Differentially Private Learning with Adaptive Clipping* (arXiv 1905.03871): with b the
    noised share of sampled customers whose norm is at most C_t, the next norm is C_t exp(-rate (b - quantile)).
    The share gets Gaussian noise of standard deviation `clipped_count_stddev` on the count; every customer counts
    1/2 or -1/2, so that one more or less moves it by 1/2. C_t stays within a factor of 1e6 of the first one.
    """

    quantile: float = Field(default=0.5, gt=0, lt=1)
    learning_rate: float = Field(default=0.2, gt=0, le=1)
    clipped_count_stddev: float = Field(gt=0, allow_inf_nan=False)

    def sum_noise_multiplier(self, noise_multiplier: float) -> float:
        """The noise multiplier of the sum with which sum and count together have `noise_multiplier`.

        Both are one Gaussian mechanism: a customer moves sum / (z_sum C_t) by 1 / z_sum and count / b by 1 / (2 b),
        together by 1 / z = sqrt(z_sum^-2 + (2 b)^-2). Infinite if the count alone has less noise than that.
        """
        rest = noise_multiplier**-2 - (2 * self.clipped_count_stddev) ** -2
        return math.inf if rest <= 0 else rest**-0.5

    def next_norm(self, norm: float, share: float, first: float) -> float:
        """C_{t+1} from C_t = `norm`, the noised share and C_0 = `first`."""
        moved = norm * math.exp(-self.learning_rate * (min(1.0, max(0.0, share)) - self.quantile))
        return self.bounded(moved, first)

    @staticmethod
    def bounded(norm: float, first: float) -> float:
        """`norm` within a public factor of the first one, however long all norms lie on one side."""
        return min(first * SPAN, max(first / SPAN, norm))


def joint_noise_multiplier(norm: float, sum_stddev: float, count_stddev: float | None) -> float:
    """The noise multiplier of a step: of its sum, or of sum and count together if a count was released."""
    if sum_stddev == 0 or count_stddev == 0:
        return 0.0
    if count_stddev is None:
        return sum_stddev / norm
    joint = math.hypot(norm / sum_stddev, 0.5 / count_stddev) ** -1
    return (
        math.floor(joint * 1e10) / 1e10
    )  # C_t differs from step to step; equal multipliers are counted together
