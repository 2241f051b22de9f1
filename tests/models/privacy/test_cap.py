"""The cap of examples by a private quantile: its distribution, its privacy, and what it costs."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.stats import chisquare

from models.privacy import cap
from models.privacy.cap import ChosenCap, DPCap, dp_cap, weights
from models.privacy.entropy import KEYSTREAM
from models.privacy.epsilon import pld_epsilon, pure_event
from models.privacy.errors import PrivacyError
from models.privacy.plan import PrivacyPlan
from models.values.target import PrivacyTarget

FALSE_ALARM = 1e-6


def _chances(counts: Any, asked: DPCap) -> list[Fraction]:
    found = weights(np.array(counts, dtype=np.int64), asked)
    return [Fraction(one, sum(found)) for one in found]


def _formula(counts: Any, asked: DPCap) -> Any:
    """The exponential mechanism, written out in floats."""
    q, n, caps = asked.quantile, len(counts), range(1, asked.max_cap + 1)
    upto = {m: sum(min(max(c, 1), asked.max_cap) <= m for c in counts) for m in range(asked.max_cap + 1)}
    d = np.array([max(0, upto[m - 1] - q * n, q * n - upto[m]) for m in caps])
    raw = np.exp(-asked.epsilon * d / (2 * max(q, 1 - q)))
    return raw / raw.sum()


@pytest.mark.parametrize("quantile", [0.5, 0.9])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0])
def test_chances_are_those_of_the_formula(quantile: float, epsilon: float) -> None:
    asked = DPCap(quantile=quantile, epsilon=epsilon, max_cap=6)
    counts = [1, 1, 2, 2, 2, 3, 5, 5, 9, 40]
    np.testing.assert_allclose(
        [float(one) for one in _chances(counts, asked)], _formula(counts, asked), rtol=1e-6
    )


@pytest.mark.parametrize("quantile", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 10.0])
def test_no_neighbour_changes_a_chance_by_more_than_e_to_the_epsilon(quantile: float, epsilon: float) -> None:
    """All data sets of up to three customers over four counts, each with one customer more, in exact fractions."""
    asked = DPCap(quantile=quantile, epsilon=epsilon, max_cap=4)
    most = Fraction(np.exp(epsilon))
    worst = Fraction(1)
    for size in range(4):
        for counts in itertools.combinations_with_replacement(range(1, 5), size):
            before = _chances(counts, asked)
            for joined in range(1, 5):
                after = _chances([*counts, joined], asked)
                worst = max(worst, *(max(a / b, b / a) for a, b in zip(before, after, strict=True)))
    assert 1 < worst <= most


def test_draws_follow_the_chances() -> None:
    """Chi-square on 4000 draws; an alarm by chance has a probability of 1e-6."""
    asked = DPCap(quantile=0.5, epsilon=0.5, max_cap=5)
    counts = [1, 2, 2, 3, 3, 4, 5, 9]
    drawn = [dp_cap(counts, **asked.model_dump()).value for _ in range(4000)]
    expected = 4000 * _formula(counts, asked)
    assert chisquare(np.bincount(drawn, minlength=6)[1:], expected).pvalue > FALSE_ALARM


def test_with_many_customers_it_is_the_quantile() -> None:
    counts = np.random.default_rng(0).geometric(0.2, size=50_000)
    found = dp_cap(counts, quantile=0.9, epsilon=0.1, max_cap=64)
    assert abs(np.mean(counts <= found.value) - 0.9) < 0.05
    assert (found.epsilon, found.source) == (0.1, KEYSTREAM)


def test_equal_customers_get_their_own_count() -> None:
    """Ties: all of one count are at the quantile, and no larger cap is as good."""
    assert {dp_cap([3] * 500, epsilon=1.0, max_cap=20).value for _ in range(30)} == {3}


def test_nobody_gets_any_cap_and_no_cap_is_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = DPCap(epsilon=10.0, max_cap=3)
    assert len(set(_chances([], asked))) == 1
    assert min(weights(np.full(10**6, 3), asked)) > 2**53
    assert sum(weights(np.array([], np.int64), DPCap(max_cap=10_000))).bit_length() < cap._BITS


@pytest.mark.parametrize(
    "wrong",
    [{"quantile": 0.0}, {"quantile": 1.0}, {"epsilon": 0.0}, {"epsilon": float("inf")}, {"max_cap": 0}],
)
def test_impossible_choices_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        dp_cap([1, 2], **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1.0])
def test_a_pure_mechanism_costs_its_epsilon(epsilon: float) -> None:
    assert pld_epsilon(pure_event(epsilon), 0.0) == pytest.approx(epsilon, abs=1e-4)
    assert pld_epsilon(pure_event(epsilon), 0.0) >= epsilon - 1e-12


def _target() -> PrivacyTarget:
    return PrivacyTarget(epsilon=2, delta=1e-5, n_public=1000)


def _chosen(epsilon: float) -> ChosenCap:
    return ChosenCap(quantile=0.9, epsilon=epsilon, max_cap=16, value=3, source=KEYSTREAM)


def test_the_plan_pays_for_its_cap_within_its_target() -> None:
    sizes: dict[str, Any] = {"expected_batch": 50, "steps": 20, "clipping_norm": 1.0}
    free = PrivacyPlan.calibrate(_target(), max_examples=3, **sizes)
    paid = PrivacyPlan.calibrate(_target(), max_examples=_chosen(0.5), **sizes)
    assert (paid.max_examples, paid.cap_epsilon, free.cap_epsilon) == (3, 0.5, 0.0)
    assert paid.noise_multiplier > free.noise_multiplier
    assert 1.98 <= paid.epsilon <= 2
    without = paid.model_copy(update={"cap": None})
    assert paid.epsilon - 0.5 <= without.epsilon < paid.epsilon - 0.1
    assert PrivacyPlan.model_validate_json(paid.canonical()) == paid
    assert len({free.digest(), paid.digest(), without.digest()}) == 3
    assert paid.cap is not None
    assert paid.cap.event == pure_event(0.5)


def test_a_cap_that_costs_all_is_refused() -> None:
    with pytest.raises(PrivacyError, match="choose it for less"):
        PrivacyPlan.calibrate(
            _target(), max_examples=_chosen(2.0), expected_batch=50, steps=5, clipping_norm=1.0
        )


def test_a_cap_other_than_the_chosen_is_refused() -> None:
    plan = PrivacyPlan.calibrate(
        _target(), max_examples=_chosen(0.2), expected_batch=50, steps=5, clipping_norm=1.0
    )
    with pytest.raises(ValidationError, match="give that one"):
        PrivacyPlan(**plan.model_dump() | {"max_examples": 4})
