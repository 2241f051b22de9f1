"""Bits: the most that a training can tell of one customer, whatever the attack, from what it is accounted for.

Let P be all that a customer gives, and whether the customer is there at all, and M what the training releases. For any
fixed distribution Q of M (Polyanskiy & Wu, *Information Theory*, 2025, theorem 4.1)

    I(P; M) <= E_P KL(M given P || Q),

with equality where Q is the distribution of M itself. Take as Q the same training without the customer: each KL is then
at most the Renyi divergence of order 1 of the run with a customer against that without, which composes by addition over
steps and mechanisms, adaptive ones too (Mironov 2017, *Renyi Differential Privacy*; Bun & Steinke 2016,
*Concentrated Differential Privacy*). So one number bounds every attribute, the presence and the whole profile
together, for whoever knows everything of all others. It holds in expectation over runs; for a customer whose data tell
nothing of another one's; and not for a household, which moves the sums as often as it has customers.

The order 1 is integrated here. The library's orders just above 1, which bound it from above, too, add an alternating
series without its signs: 1.01 to 7 times too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from scipy.integrate import quad

from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import RunLog
from models.values.scope import Measure, without_error

_FAR = 12.0  # standard deviations; what lies beyond is below 1e-30
_NEARLY = 1e-3
_LITTLE_NOISE = 0.1


def upper_bits(
    *,
    sampling_rate: float,
    noise_multiplier: float,
    steps: int,
    statistics: Sequence[float] = (),
    pure: float = 0.0,
) -> float:
    """The bound of I(P; M) in bits, of `steps` Poisson-sampled Gaussian mechanisms and what ran beside them.

    `statistics` are the noise multipliers of noised sums of all customers, `pure` the epsilon of a pure mechanism. It
    is infinite where something was released without noise. All these numbers are public, and so is the bound.
    """
    nats = steps * sampled_gaussian(sampling_rate, noise_multiplier)
    nats += math.fsum(sampled_gaussian(1.0, sigma) for sigma in statistics)
    return (nats + randomised_response(pure)) / math.log(2)


def upper_bits_of(log: RunLog) -> float:
    """The bound for what `log` says that ran; no count of customers is read."""
    beside = upper_bits(
        sampling_rate=log.sampling_rate,
        noise_multiplier=math.inf,
        steps=0,
        statistics=tuple(statistic.noise_multiplier for statistic in log.statistics),
        pure=0.0 if log.cap is None else log.cap.epsilon,
    )
    nats = math.fsum(sampled_gaussian(log.sampling_rate, step.noise_multiplier) for step in log.steps)
    return beside + nats / math.log(2)


def upper_bits_planned(plan: PrivacyPlan) -> float:
    """The bound for a training that keeps `plan`."""
    return upper_bits(
        sampling_rate=plan.sampling_rate,
        noise_multiplier=plan.noise_multiplier,
        steps=plan.steps,
        statistics=plan.beside.gaussians,
        pure=plan.beside.pure,
    )


@lru_cache(maxsize=4096)
def sampled_gaussian(sampling_rate: float, noise_multiplier: float) -> float:
    """KL in nats of (1 - q) N(0, s^2) + q N(1, s^2) against N(0, s^2), which is the larger of the two directions.

    q = `sampling_rate`, s = `noise_multiplier`. With r the ratio of the densities it is the mean of r log r - r + 1
    under N(0, s^2), which is nowhere negative; the quadrature's own bound of its error is added. Without sampling it is
    1 / (2 s^2), and with little noise q times that, since KL is convex.
    """
    if noise_multiplier <= 0:
        return math.inf
    q, s = sampling_rate, noise_multiplier
    if q == 1 or s < _LITTLE_NOISE or math.isinf(s):
        return q / (2 * s * s)

    def integrand(x: float) -> float:
        u = q * math.expm1((2 * x - 1) / (2 * s * s))
        return _bregman(u) * math.exp(-x * x / (2 * s * s)) / (s * math.sqrt(2 * math.pi))

    edges = (-_FAR * s, 0.0, 1.0, 1.0 + _FAR * s)
    parts = [quad(integrand, *way, limit=500, epsabs=0, epsrel=1e-9) for way in pairwise(edges)]
    return math.fsum(value + error for value, error in parts)


def randomised_response(epsilon: float) -> float:
    """KL in nats of the two answers of randomised response: no mechanism of pure `epsilon` tells more.

    Every such mechanism is a function of one randomised bit (Kairouz et al. 2015, theorem 3.4), and KL does not grow
    by a function.
    """
    return epsilon * math.tanh(epsilon / 2)


def _bregman(u: float) -> float:
    """(1 + u) log(1 + u) - u, by its series near 0."""
    if abs(u) < _NEARLY:
        return u * u * (1 / 2 - u * (1 / 6 - u * (1 / 12 - u / 20)))
    return (1 + u) * math.log1p(u) - u


def as_measure(bits: float) -> Measure:
    """The bound as a public number without an error."""
    how = "the accountant's bound, Renyi DP at order 1"
    return without_error("leakage (bits, upper bound)", bits, how=how)


def advantage_at_most(bits: float) -> Measure:
    """The most that `bits` allow anyone to tell members from others: twice the AUC less one.

    By Pinsker's inequality the two distributions lie at most t = sqrt(nats / 2) apart in total variation, so that at
    every threshold TPR <= FPR + t: the area under that is (1 + 2 t - t^2) / 2.
    """
    apart = min(1.0, math.sqrt(bits * math.log(2) / 2))
    most = 2 * apart - apart * apart
    how = "the accountant's bound in bits, by Pinsker's inequality"
    return without_error("membership advantage (upper bound)", most, how=how)
