"""The run log: what a training really did, step by step.

It holds exact private numbers (how many customers took part), so its scope is internal.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pydantic import Field
from scipy.stats import chi2

from models.privacy.plan import PrivacyPlan
from models.values.base import Value

_RELATIVE = 1e-6  # the query keeps its state in float32
_SIGMAS = 6.0
_TAIL = 1e-9


class StepLog(Value):
    """One step. `noise_stddev` is the smallest that any variable got, `divisor` what divided the sum."""

    sampled: int = Field(ge=0)
    noise_stddev: float = Field(ge=0)
    noise_draws: int = Field(ge=0)
    clipping_norm: float = Field(gt=0)
    divisor: float = Field(gt=0)


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


class RunLog(Value):
    """What ran: `population` is how many customers were sampled from, `variables` how many tensors noised."""

    plan_digest: str
    sampler: str
    sampling_rate: float
    noise_source: str
    population: int = Field(ge=0)
    variables: int = Field(ge=1)
    steps: tuple[StepLog, ...]
    tables: tuple[TableLog, ...] = ()


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
        "a step's noise was not the planned one": _all(
            log, lambda step: math.isclose(step.noise_stddev, plan.noise_stddev, rel_tol=_RELATIVE)
        ),
        "a step's clipping norm was not the planned one": _all(
            log, lambda step: math.isclose(step.clipping_norm, plan.clipping_norm, rel_tol=_RELATIVE)
        ),
        "a step was not divided by the public expected batch": _all(
            log, lambda step: math.isclose(step.divisor, plan.expected_batch, rel_tol=_RELATIVE)
        ),
        "a table lacks the noise of a step or has it twice": all(
            _settled(plan, table) for table in log.tables
        ),
        "customers were not sampled at the planned rate": _rate_is_plausible(plan, log),
        "batch sizes do not vary as under Poisson sampling": _variance_is_plausible(plan, log),
    }
    return tuple(reason for reason, holds in rules.items() if not holds)


def _all(log: RunLog, holds: Callable[[StepLog], bool]) -> bool:
    return all(holds(step) for step in log.steps)


def _settled(plan: PrivacyPlan, table: TableLog) -> bool:
    """Every row has the noise of every step: variance (learning rate * sigma * C / B)^2 each."""
    each = (table.learning_rate * plan.noise_stddev / plan.expected_batch) ** 2
    due = table.rows * plan.steps * each
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
