from __future__ import annotations

import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting.rdp import RdpAccountant

from models.privacy.bits import (
    advantage_at_most,
    randomised_response,
    sampled_gaussian,
    upper_bits,
    upper_bits_of,
    upper_bits_planned,
)
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import RunLog, StatisticLog, StepLog
from models.values.target import PrivacyTarget

RUNS = [
    (0.05, 1.0),
    (0.05, 0.7),
    (0.01, 1.3),
    (0.001, 0.8),
    (1e-4, 0.6),
    (0.25, 4.0),
    (0.02, 0.5),
    (0.9, 20.0),
]


def _divergences(q: float, sigma: float, order: float) -> tuple[float, float]:
    """By a sum over a fine grid: (KL with||without, KL without||with), or Renyi's of `order` if it is not 1."""
    x = np.linspace(-14 * sigma, 1 + 14 * sigma, 1_000_001)
    without = np.exp(-x * x / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    ratio = 1 + q * np.expm1((2 * x - 1) / (2 * sigma**2))
    width = x[1] - x[0]
    if order == 1:
        return (
            float((without * ratio * np.log(ratio)).sum() * width),
            float(-(without * np.log(ratio)).sum() * width),
        )
    both = (float((without * ratio**power).sum() * width) for power in (order, 1 - order))
    one, other = (math.log(moment) / (order - 1) for moment in both)
    return one, other


@pytest.mark.parametrize(("q", "sigma"), RUNS)
def test_a_step_is_its_divergence_integrated_and_the_larger_direction(q: float, sigma: float) -> None:
    with_customer, without = _divergences(q, sigma, 1)
    assert sampled_gaussian(q, sigma) == pytest.approx(with_customer, rel=1e-5)
    assert sampled_gaussian(q, sigma) >= without * (1 - 1e-6)


@pytest.mark.parametrize(("q", "sigma"), RUNS)
def test_a_step_is_below_every_order_above_one(q: float, sigma: float) -> None:
    """Renyi's divergence grows with its order; the accountant's own numbers of small orders are above it."""
    step = sampled_gaussian(q, sigma)
    exact = [_divergences(q, sigma, order)[0] for order in (1.01, 1.5, 2.0)]
    assert step <= exact[0] <= exact[1] <= exact[2]
    assert step == pytest.approx(exact[0], rel=0.05)
    accountant = RdpAccountant(orders=[1.01, 2])
    accountant.compose(dp_accounting.PoissonSampledDpEvent(q, dp_accounting.GaussianDpEvent(sigma)))
    assert (accountant.rdp >= step).all()


def test_without_sampling_it_is_half_of_mu_squared() -> None:
    assert sampled_gaussian(1.0, 2.0) == pytest.approx(1 / 8)
    assert upper_bits(sampling_rate=1, noise_multiplier=2, steps=8) == pytest.approx(1 / math.log(2))
    assert sampled_gaussian(0.999999, 2.0) == pytest.approx(1 / 8, rel=1e-4)


def test_little_noise_is_bounded_and_none_has_no_bound() -> None:
    assert sampled_gaussian(0.01, 0.0999) >= sampled_gaussian(0.01, 0.1)
    assert sampled_gaussian(0.01, 0.0) == math.inf
    assert upper_bits(sampling_rate=0.1, noise_multiplier=1, steps=1, statistics=(0.0,)) == math.inf


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 1.0, 5.0])
def test_a_pure_mechanism_tells_no_more_than_randomised_response(epsilon: float) -> None:
    truth = math.exp(epsilon) / (1 + math.exp(epsilon))
    kl = truth * math.log(truth / (1 - truth)) + (1 - truth) * math.log((1 - truth) / truth)
    assert randomised_response(epsilon) == pytest.approx(kl)


def test_a_gaussian_tells_at_most_the_bound_of_any_profile() -> None:
    """A customer gives one of two values by lot to a noised sum: I(P; M) integrated, and its bound."""
    sigma = 1.5
    x = np.linspace(-20, 20, 400_001)
    each = np.exp(-((x[None] - np.array([[-1.0], [1.0]])) ** 2) / (2 * sigma**2)) / (
        sigma * math.sqrt(2 * math.pi)
    )
    mixed = each.mean(axis=0)
    told = float((each * np.log2(each / mixed)).sum(axis=1).mean() * (x[1] - x[0]))
    bound = upper_bits(sampling_rate=1, noise_multiplier=sigma, steps=1)
    assert 0.8 * bound < told <= bound


def test_a_plan_and_its_run_have_one_bound_and_statistics_add_to_it() -> None:
    target = PrivacyTarget(epsilon=3, delta=1e-6, n_public=20_000)
    sizes = {"expected_batch": 1000, "steps": 40, "max_examples": 4, "clipping_norm": 1.0}
    plan = PrivacyPlan.calibrate(target, **sizes, statistics={"popularity": 0.1})  # type: ignore[arg-type]
    step = StepLog(
        sampled=7,
        noise_stddev=plan.noise_multiplier,
        noise_draws=1,
        clipping_norm=1.0,
        divisor=1000,
    )
    statistic = StatisticLog(
        name="popularity",
        norm=1.0,
        noise_stddev=plan.statistics["popularity"],
        noise_draws=1,
        noise_source="keystream",
    )
    log = RunLog(
        plan_digest="",
        sampler="poisson",
        sampling_rate=plan.sampling_rate,
        noise_source="keystream",
        population=18_000,
        variables=1,
        steps=(step,) * plan.steps,
        statistics=(statistic,),
    )
    planned = upper_bits_planned(plan)
    assert upper_bits_of(log) == pytest.approx(planned)
    assert upper_bits_of(log.model_copy(update={"population": 3})) == upper_bits_of(log)
    alone = upper_bits_planned(PrivacyPlan.calibrate(target, **sizes))  # type: ignore[arg-type]
    assert 0.1 < alone < 2
    share = 1 / (2 * plan.statistics["popularity"] ** 2 * math.log(2))
    assert planned - share == pytest.approx(
        upper_bits(sampling_rate=plan.sampling_rate, noise_multiplier=plan.noise_multiplier, steps=plan.steps)
    )
    louder = log.model_copy(update={"steps": (step.model_copy(update={"noise_stddev": 0.0}), *log.steps[1:])})
    assert upper_bits_of(louder) == math.inf


@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0, 10.0, 50.0])
def test_bits_bound_how_well_members_can_be_told(sigma: float) -> None:
    """The best test of a Gaussian mechanism, AUC = Phi(1 / (sigma sqrt 2)), reaches no more; few bits bound nothing."""
    bits = 1 / (2 * sigma**2) / math.log(2)
    reached = math.erf(1 / (2 * sigma))
    bound = advantage_at_most(bits)
    assert reached <= bound.value == bound.low == bound.high <= 1
    assert bound.scope == "public"
    assert sigma <= 1 or bits < reached


def test_no_bits_allow_no_advantage_and_many_allow_all() -> None:
    assert advantage_at_most(0.0).value == 0
    assert advantage_at_most(math.inf).value == 1
