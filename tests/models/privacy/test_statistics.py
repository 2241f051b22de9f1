from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.privacy.accounting import claim
from models.privacy.epsilon import Beside, pld_epsilon, rdp_epsilon
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.plan import PrivacyPlan, share_noise
from models.privacy.runlog import RunLog, StepLog
from models.privacy.statement import statement
from models.privacy.statistics import Contributions, clipped_sum, noised_sum
from models.values.target import PrivacyTarget

TARGET = PrivacyTarget(epsilon=3.0, delta=1e-6, n_public=10_000)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.floats(-100, 100) | st.just(math.nan)), max_size=30
)


def _given(entries: list[tuple[int, int, float]]) -> Contributions:
    customer, cell, value = (
        (np.array(part) for part in zip(*entries, strict=True)) if entries else ([], [], [])
    )
    return Contributions(
        customer=np.asarray(customer, np.int64),
        cell=np.asarray(cell, np.int64),
        value=np.asarray(value, np.float64),
        cells=4,
    )


def _by_hand(entries: list[tuple[int, int, float]]) -> Any:
    total = np.zeros(4)
    for who in {entry[0] for entry in entries}:
        vector = np.zeros(4)
        for customer, cell, value in entries:
            if customer == who:
                vector[cell] += value
        if np.isfinite(vector).all():
            total += vector / max(1.0, float(np.linalg.norm(vector)))
    return total


@given(ENTRIES)
def test_the_sum_is_that_of_vectors_clipped_one_by_one(entries: list[tuple[int, int, float]]) -> None:
    assert clipped_sum(_given(entries)) == pytest.approx(_by_hand(entries), abs=1e-9)


@given(ENTRIES, st.integers(0, 5))
def test_one_customer_moves_the_sum_by_at_most_one(entries: list[tuple[int, int, float]], who: int) -> None:
    rest = [entry for entry in entries if entry[0] != who]
    moved = clipped_sum(_given(entries)) - clipped_sum(_given(rest))
    assert float(np.linalg.norm(moved)) <= 1 + 1e-9


def test_every_cell_gets_its_noise() -> None:
    """DIST: variance of 20,000 cells within 6 standard errors, and no cell without noise (false alarm 1e-6)."""
    nothing = Contributions(customer=np.array([0]), cell=np.array([0]), value=np.array([0.0]), cells=20_000)
    noised, log = noised_sum(nothing, name="popularity", noise_multiplier=7.0)
    assert np.all(noised != 0)
    assert stats.kstest(noised / 7.0, "norm").pvalue > 1e-6
    assert np.var(noised) == pytest.approx(49.0, rel=6 * math.sqrt(2 / 20_000))
    assert (log.noise_multiplier, log.noise_draws, log.norm) == (7.0, 1, 1.0)


def test_cells_are_public_and_bound() -> None:
    with pytest.raises(PrivacyError, match=r"not in \[0, 4\)"):
        _given([(1, 4, 1.0)])


def _plan(**statistics: float) -> PrivacyPlan:
    return PrivacyPlan.calibrate(
        TARGET, expected_batch=500, steps=100, max_examples=2, clipping_norm=1.0, statistics=statistics
    )


def test_a_plan_pays_for_its_statistics() -> None:
    free, paid = _plan(), _plan(popularity=0.1, terminals=0.1)
    assert paid.epsilon <= 3.0
    assert paid.noise_multiplier > free.noise_multiplier
    cheap = paid.model_copy(update={"statistics": {}})
    assert cheap.epsilon < 2.9
    assert paid.digest() != cheap.digest()


def test_a_share_is_of_mu_squared() -> None:
    """Two statistics of one half each and nothing else cost the target, by both accountants' composition."""
    half = share_noise(TARGET, 0.5)
    none = Beside(0.0, (half,)).events()[0]
    assert pld_epsilon(none, 1e-6, beside=Beside(0.0, (half,))) == pytest.approx(3.0, abs=2e-3)
    assert rdp_epsilon(none, 1e-6, beside=Beside(0.0, (half,))) >= 3.0
    with pytest.raises(PrivacyError, match="share 1 of a target"):
        share_noise(TARGET, 1.0)


def _log(plan: PrivacyPlan) -> RunLog:
    """As a run leaves it that released no statistic."""
    rng = np.random.default_rng(0)
    steps = [
        StepLog(
            sampled=int(rng.binomial(9_000, plan.sampling_rate)),
            noise_stddev=plan.noise_stddev,
            noise_draws=2,
            clipping_norm=plan.clipping_norm,
            divisor=plan.expected_batch,
        )
        for _ in range(plan.steps)
    ]
    return RunLog(
        plan_digest=plan.digest(),
        sampler=plan.sampler,
        sampling_rate=plan.sampling_rate,
        noise_source=plan.noise_source,
        population=9_000,
        variables=2,
        steps=tuple(steps),
    )


def test_a_claim_needs_the_statistics_as_they_were_planned() -> None:
    plan = _plan(popularity=0.2)
    log, noise = _log(plan), plan.statistics["popularity"]
    with pytest.raises(PlanViolation, match="statistics"):
        claim(plan, log)
    nothing = Contributions(customer=np.array([0]), cell=np.array([0]), value=np.array([0.0]), cells=3)
    _, made = noised_sum(nothing, name="popularity", noise_multiplier=noise)
    whole = log.model_copy(update={"statistics": (made,)})
    said = claim(plan, whole, group_size=2)
    assert said.statistics == ("popularity",)
    assert said.epsilon <= plan.target.epsilon
    assert said.group_epsilon is not None
    assert said.group_epsilon > said.epsilon
    assert "popularity" in statement(said, "en")
    assert "popularity" in statement(said, "zh")
    for change in ({"noise_stddev": noise / 2}, {"noise_draws": 2}, {"noise_source": "fixed"}, {"name": "x"}):
        other = log.model_copy(update={"statistics": (made.model_copy(update=change),)})
        with pytest.raises(PlanViolation, match="statistics"):
            claim(plan, other)
    with pytest.raises(PlanViolation, match="statistics"):
        claim(plan, log.model_copy(update={"statistics": (made, made)}))
