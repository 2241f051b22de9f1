"""The run log: what a training really did, step by step.

It holds exact private numbers (how many customers took part), so its scope is internal.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pydantic import Field
from scipy.stats import chi2

from models.privacy.cap import ChosenCap
from models.privacy.clipping.rule import joint_noise_multiplier
from models.privacy.plan import PrivacyPlan
from models.values.base import Value

_RELATIVE = 1e-6  # the query keeps its state in float32
_SIGMAS = 6.0
_TAIL = 1e-9


class StepLog(Value):
    """One step. `noise_stddev` is the smallest that any variable got, `divisor` what divided the sum.

    With adaptive clipping `share` is the noised share of norms at most `clipping_norm` that the step released, and
    `count_stddev` the noise that its count got.
    """

    sampled: int = Field(ge=0)
    noise_stddev: float = Field(ge=0)
    noise_draws: int = Field(ge=0)
    clipping_norm: float = Field(gt=0)
    divisor: float = Field(gt=0)
    share: float | None = None
    count_stddev: float | None = Field(default=None, ge=0)

    @property
    def noise_multiplier(self) -> float:
        """Of all that the step released together; 0 for a count that was released without noise."""
        if self.share is not None and self.count_stddev is None:
            return 0.0
        return joint_noise_multiplier(self.clipping_norm, self.noise_stddev, self.count_stddev)


class TableLog(Value):
    """An embedding table with lazy noise: what was added to its rows, counted where it was added.

    `row_steps` counts every row once for every step whose noise it got, `variance` sums over rows the variance
    added per coordinate. The table was updated by SGD with this `learning_rate`.
    """

    rows: int = Field(ge=1)
    steps: int = Field(ge=0)
    row_steps: int = Field(ge=0)
    variance: float = Field(ge=0)
    learning_rate: float = Field(gt=0)


class StatisticLog(Value):
    """A noised sum of one vector per customer, of norm at most `norm`: the noise that every cell got, and how often."""

    name: str
    norm: float = Field(gt=0)
    noise_stddev: float = Field(ge=0)
    noise_draws: int = Field(ge=0)
    noise_source: str

    @property
    def noise_multiplier(self) -> float:
        """Of the sum; 0, of which no epsilon can be claimed, unless it was noised exactly once."""
        return self.noise_stddev / self.norm if self.noise_draws == 1 else 0.0


class RunLog(Value):
    """What ran: `population` is how many customers were sampled from, `variables` how many tensors noised.

    `clipping` is how gradients were clipped, in `clipping_groups` groups; `cap` how the cap of examples was chosen,
    if from data; `statistics` what else was released of the same customers.
    """

    plan_digest: str
    sampler: str
    sampling_rate: float
    noise_source: str
    population: int = Field(ge=0)
    variables: int = Field(ge=1)
    steps: tuple[StepLog, ...]
    tables: tuple[TableLog, ...] = ()
    clipping: str = "flat"
    clipping_groups: int = Field(default=1, ge=1)
    cap: ChosenCap | None = None
    statistics: tuple[StatisticLog, ...] = ()


def differences(plan: PrivacyPlan, log: RunLog) -> tuple[str, ...]:
    """Why `log` is not a run of `plan`, each in a sentence without private numbers; empty if it is one."""
    rules = {
        "the log belongs to another plan": log.plan_digest == plan.digest(),
        f"the sampler was not {plan.sampler}": log.sampler == plan.sampler,
        "the sampling rate was not the planned one": log.sampling_rate == plan.sampling_rate,
        f"the noise did not come from {plan.noise_source}": log.noise_source == plan.noise_source,
        f"not {plan.steps} steps ran": len(log.steps) == plan.steps,
        "a step did not draw its noise once per variable": _all(
            log, lambda step: step.noise_draws == log.variables
        ),
        f"the clipping was not {plan.clipping}": log.clipping == plan.clipping
        and (log.clipping == "per-layer" or log.clipping_groups == 1),
        "the cap of examples was not chosen as planned": log.cap == plan.cap,
        "the statistics were not those planned, or not noised as planned": _statistics_match(plan, log),
        "a step's noise was not the planned one": all(
            math.isclose(step.noise_stddev, plan.sum_noise_multiplier * norm, rel_tol=_RELATIVE)
            for step, norm in zip(log.steps, _norms(plan, log), strict=True)
        ),
        "a step's clipping norm was not the planned one": all(
            math.isclose(step.clipping_norm, norm, rel_tol=_RELATIVE)
            for step, norm in zip(log.steps, _norms(plan, log), strict=True)
        ),
        "a step's count of clipped customers was not noised as planned": _all(
            log, lambda step: _count_is_noised(plan, step)
        ),
        "a step was not divided by the public expected batch": _all(
            log, lambda step: math.isclose(step.divisor, plan.expected_batch, rel_tol=_RELATIVE)
        ),
        "a table lacks the noise of a step or has it twice": all(
            _settled(plan, log, table) for table in log.tables
        ),
        "customers were not sampled at the planned rate": _rate_is_plausible(plan, log),
        "batch sizes do not vary as under Poisson sampling": _variance_is_plausible(plan, log),
    }
    return tuple(reason for reason, holds in rules.items() if not holds)


def _all(log: RunLog, holds: Callable[[StepLog], bool]) -> bool:
    return all(holds(step) for step in log.steps)


def _norms(plan: PrivacyPlan, log: RunLog) -> list[float]:
    """The clipping norm that each step had to use: the plan's, or what follows from the step before it."""
    if plan.adaptive is None:
        return [plan.clipping_norm] * len(log.steps)
    followed = [
        plan.adaptive.next_norm(step.clipping_norm, step.share or 0.0, plan.clipping_norm)
        for step in log.steps[:-1]
    ]
    return [plan.clipping_norm, *followed][: len(log.steps)]


def _count_is_noised(plan: PrivacyPlan, step: StepLog) -> bool:
    """A count was released if and only if it was planned, with the planned noise."""
    if plan.adaptive is None or step.share is None or step.count_stddev is None:
        return plan.adaptive is None and step.share is None and step.count_stddev is None
    return math.isclose(step.count_stddev, plan.adaptive.clipped_count_stddev, rel_tol=_RELATIVE)


def _statistics_match(plan: PrivacyPlan, log: RunLog) -> bool:
    """Every planned statistic, and no other, was released once, with its noise from the planned source."""
    made = {
        each.name: each.noise_multiplier for each in log.statistics if each.noise_source == plan.noise_source
    }
    return (
        len(made) == len(log.statistics)
        and made.keys() == plan.statistics.keys()
        and all(math.isclose(made[name], sigma, rel_tol=_RELATIVE) for name, sigma in plan.statistics.items())
    )


def _settled(plan: PrivacyPlan, log: RunLog, table: TableLog) -> bool:
    """Every row has the noise of every step: variance (learning rate * the step's stddev / B)^2 each."""
    due = table.rows * math.fsum(
        (table.learning_rate * step.noise_stddev / plan.expected_batch) ** 2 for step in log.steps
    )
    whole = table.steps == plan.steps and table.row_steps == table.rows * plan.steps
    return whole and math.isclose(table.variance, due, rel_tol=_RELATIVE)


def _rate_is_plausible(plan: PrivacyPlan, log: RunLog) -> bool:
    """The number of inclusions is within six standard deviations of Binomial(population * steps, q)."""
    draws = log.population * len(log.steps)
    spread = math.sqrt(draws * plan.sampling_rate * (1 - plan.sampling_rate))
    included = sum(step.sampled for step in log.steps)
    return abs(included - draws * plan.sampling_rate) <= _SIGMAS * spread + 1


def _variance_is_plausible(plan: PrivacyPlan, log: RunLog) -> bool:
    """The spread of batch sizes fits N q (1 - q); fixed batches have none. Tiny runs tell nothing."""
    variance = log.population * plan.sampling_rate * (1 - plan.sampling_rate)
    if variance < 10 or len(log.steps) < 2:
        return True
    mean = log.population * plan.sampling_rate
    statistic = sum((step.sampled - mean) ** 2 for step in log.steps) / variance
    return bool(_TAIL < chi2.cdf(statistic, len(log.steps)) < 1 - _TAIL)
