"""Spreads: whether canaries' scores move as the plan says, each a test at a small level with its power.

Scores are those of models/attacks/dirac.py. Three things are compared with the plan, each in both directions: the
spread of the excluded (the noise that ran), the mean of the included (what one part counts: clipping, divisor, steps),
and how much more the included spread than the excluded (the sampler: T q (1 - q) under Poisson sampling, about nothing
if everybody takes part equally often, as with shuffled batches).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from models.attacks.dirac import CanaryRun
from models.attacks.guessing import POWER
from models.privacy.plan import PrivacyPlan

Floats = NDArray[np.float64]
_TAILS = 6


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What is expected of canaries, `inside` included and `outside` excluded, in a run of `plan`.

    `error` is the chance that a correct run is called another one by any of the tests; `part` is the a of dirac.py.
    """

    plan: PrivacyPlan
    inside: int
    outside: int
    error: float
    part: float = 1.0

    @classmethod
    def of(cls, plan: PrivacyPlan, run: CanaryRun, error: float) -> Spread:
        """The expectations of a run."""
        inside = int(run.included.sum())
        return cls(plan=plan, inside=inside, outside=len(run.included) - inside, error=error, part=run.part)

    @property
    def canaries(self) -> int:
        """All of them."""
        return self.inside + self.outside

    @property
    def noise_variance(self) -> float:
        """T sigma^2."""
        return self.plan.steps * self.plan.noise_multiplier**2

    @property
    def mean(self) -> float:
        """a T q."""
        return self.part * self.plan.steps * self.plan.sampling_rate

    @property
    def sampling_variance(self) -> float:
        """a^2 T q (1 - q)."""
        return self.part * self.mean * (1 - self.plan.sampling_rate)

    @property
    def reach(self) -> float:
        """How many standard errors a correct run may be off."""
        return float(norm.isf(self.error / _TAILS))

    def contradictions(self, run: CanaryRun) -> dict[str, str]:
        """What ran otherwise than planned, each in a sentence under its name; empty if nothing shows."""
        inside, outside = run.scores[run.included], run.scores[~run.included]
        found = {}
        if not self._is_the_noise(outside):
            found["noise"] = f"the noise that ran was {self._noise(outside):.2f} of the planned one"
        counted = float(inside.mean()) / self.mean
        if abs(counted - 1) > self.reach * self._mean_error:
            found["count"] = (
                f"a customer counted for {counted:.3g} of what clipping, sampling, steps and divisor of the plan allow"
            )
        more = self._more(inside, outside)
        if more is not None and abs(more - 1) > self.reach * self._sampler_error(sampled=True):
            found["sampler"] = (
                f"how often customers took part varied {max(0.0, more):.2f} times as much as under Poisson sampling, "
                "which was accounted for"
            )
        return found

    @property
    def noise_found(self) -> float:
        """The share of the planned noise below which a run is found out with a chance of POWER."""
        least = chi2.ppf(self.error / _TAILS, self.outside)
        return math.sqrt(float(least / chi2.ppf(POWER, self.outside)))

    @property
    def count_found(self) -> float:
        """How many times too much a customer must count to be found out with a chance of POWER."""
        return 1 + (self.reach + float(norm.ppf(POWER))) * self._mean_error

    @property
    def shuffling_found(self) -> float:
        """The chance to find out that everybody takes part equally often; 0 where all take part in every step."""
        if not self.sampling_variance:
            return 0.0
        short = 1 - self.reach * self._sampler_error(sampled=True)
        return float(norm.cdf(short / self._sampler_error(sampled=False)))

    def _is_the_noise(self, outside: Floats) -> bool:
        edge, squares = self.error / _TAILS, len(outside) * self._noise(outside) ** 2
        return bool(chi2.ppf(edge, len(outside)) <= squares <= chi2.isf(edge, len(outside)))

    def _noise(self, outside: Floats) -> float:
        """The share of the planned noise that the spread shows."""
        return math.sqrt(float(np.square(outside).mean()) / self.noise_variance)

    def _more(self, inside: Floats, outside: Floats) -> float | None:
        """How much more the included spread, as a share of what the sampler adds; None if all are always sampled."""
        if not self.sampling_variance:
            return None
        return float(inside.var(ddof=1) - outside.var(ddof=1)) / self.sampling_variance

    @property
    def _mean_error(self) -> float:
        """The standard error of the included canaries' mean, as a share of it."""
        return math.sqrt((self.sampling_variance + self.noise_variance) / self.inside) / self.mean

    def _sampler_error(self, *, sampled: bool) -> float:
        """The standard error of the difference of both variances, as a share of the sampler's."""
        extra = self.sampling_variance if sampled else 0.0
        rate = self.plan.sampling_rate
        peaked = (1 - 6 * rate * (1 - rate)) / (self.plan.steps * rate * (1 - rate))  # excess kurtosis
        inside = 2 * (extra + self.noise_variance) ** 2 + peaked * extra**2
        outside = 2 * self.noise_variance**2
        return math.sqrt(inside / self.inside + outside / self.outside) / self.sampling_variance
