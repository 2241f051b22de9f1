"""Accounting: the claim of a run, computed from what its log says."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import dp_accounting

from models.privacy.epsilon import (
    COARSE,
    Beside,
    dp_sgd_event,
    group_event,
    pld_epsilon,
    rdp_epsilon,
    unamplified_event,
)
from models.privacy.errors import PlanViolation
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import RunLog, differences
from models.values.evidence import PrivacyClaim

KNOWN_LIMITS = (
    "The noise is a Gaussian in float32 (Box-Muller on 63 and 32 random bits), added in float32: floating-point "
    "attacks on its last bits (Mironov 2012) are not excluded; it is bounded to 9.4 standard deviations.",
    "Clipping is in float32: a customer's norm may exceed the clipping norm by a relative 1e-6.",
    "The time that a step takes depends on how many customers were sampled.",
)


def claim(plan: PrivacyPlan, log: RunLog, group_size: int = 1) -> PrivacyClaim:
    """The epsilon of the run in `log` for one customer, and for `group_size` customers of one household.

    The neighbouring relation is adding or removing one customer; replacing one costs as much as a group
    of two. Raises PlanViolation if the log differs from the plan, and PrivacyError if the accountant
    knows no bound.
    """
    if reasons := differences(plan, log):
        raise PlanViolation(f"no epsilon can be claimed: {'; '.join(reasons)}; train again under one plan")
    delta, runs, cap, beside = plan.target.delta, _runs(log), log.cap, _beside(log)
    return PrivacyClaim(
        epsilon=pld_epsilon(_composed(dp_sgd_event(**run) for run in runs), delta, beside=beside),
        epsilon_rdp=rdp_epsilon(_composed(dp_sgd_event(**run) for run in runs), delta, beside=beside),
        epsilon_unamplified=pld_epsilon(_composed(_unamplified(run) for run in runs), delta, beside=beside),
        delta=delta,
        unit=plan.target.unit,
        neighbouring=plan.target.neighbouring,
        sampler=log.sampler,
        noise_source=log.noise_source,
        steps=len(log.steps),
        sampling_rate=log.sampling_rate,
        noise_multiplier=min(run["noise_multiplier"] for run in runs),
        clipping_norm=max(step.clipping_norm for step in log.steps),
        group_size=group_size,
        group_epsilon=_group_epsilon(runs, delta, group_size, beside) if group_size > 1 else None,
        known_limits=KNOWN_LIMITS,
        clipping=log.clipping,
        clipping_groups=log.clipping_groups,
        clipping_quantile=None if plan.adaptive is None else plan.adaptive.quantile,
        cap=None if cap is None else cap.value,
        cap_quantile=None if cap is None else cap.quantile,
        cap_epsilon=None if cap is None else cap.epsilon,
        statistics=tuple(statistic.name for statistic in log.statistics),
        delta_exception=plan.target.delta_exception,
    )


def logged_epsilon(log: RunLog, delta: float) -> float:
    """Epsilon of whatever `log` says that ran, with no regard to any plan."""
    return pld_epsilon(_composed(dp_sgd_event(**run) for run in _runs(log)), delta, beside=_beside(log))


def _beside(log: RunLog) -> Beside:
    """What ran on the same customers beside the steps."""
    pure = 0.0 if log.cap is None else log.cap.epsilon
    return Beside(pure, tuple(statistic.noise_multiplier for statistic in log.statistics))


def _runs(log: RunLog) -> list[dict[str, Any]]:
    """The steps of the log, those with the same noise multiplier counted together."""
    counts = Counter(step.noise_multiplier for step in log.steps)
    return [
        {"sampling_rate": log.sampling_rate, "noise_multiplier": sigma, "steps": count}
        for sigma, count in counts.items()
    ]


def _composed(events: Any) -> Any:
    return dp_accounting.ComposedDpEvent(list(events))


def _unamplified(run: dict[str, Any]) -> Any:
    """As if these steps were epochs of shuffled batches, each customer in one batch of every epoch."""
    participations = math.ceil(run["sampling_rate"] * run["steps"])
    return unamplified_event(noise_multiplier=run["noise_multiplier"], participations=participations)


def _group_epsilon(runs: list[dict[str, Any]], delta: float, group_size: int, beside: Beside) -> float:
    """Coarser grids for larger groups, whose losses span hundreds; rounding stays pessimistic."""
    interval = COARSE if group_size <= 5 else 10 * COARSE
    events = _composed(group_event(**run, group_size=group_size) for run in runs)
    return pld_epsilon(events, delta, interval=interval, beside=beside.of_group(group_size))
