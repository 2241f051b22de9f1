"""DP-ALS: the sensitivity of its sums, what it learns without noise, and what it costs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.cases import als
from models.cases.als import AlsPlan, fit_als
from models.privacy.errors import PrivacyError
from models.values.target import PrivacyTarget

TARGET = PrivacyTarget(epsilon=3, delta=2e-6, n_public=50_000)
ITEMS = 41
EVERY = np.arange(1, ITEMS)


def _two_tastes(customers: int, seed: int = 0) -> np.ndarray:
    """Customers who buy six items of the first half or of the second half of the catalogue."""
    rng = np.random.default_rng(seed)
    half = np.arange(customers) % 2
    return np.stack([rng.permutation(20)[:6] + 1 + 20 * side for side in half])


def _quiet(monkeypatch: pytest.MonkeyPatch, stddev: float = 1e-9) -> None:
    monkeypatch.setattr(AlsPlan, "noise_multiplier", property(lambda _: stddev))


@pytest.mark.parametrize("items", [1, 2, 24])
@pytest.mark.parametrize("length", [0.1, 1.0])
def test_a_customer_moves_the_sums_by_at_most_one(items: int, length: float) -> None:
    """Two worlds: the sums with and without one customer."""
    rng = np.random.default_rng(items)
    customers = rng.normal(size=(3, 8))
    customers *= length / np.linalg.norm(customers, axis=1, keepdims=True)
    own = np.stack([np.pad(rng.permutation(24)[:items] + 1, (0, 24 - items)) for _ in range(3)])
    moved = als._sums(customers, own, 25) - als._sums(customers[1:], own[1:], 25)
    assert np.linalg.norm(moved) <= 1 + 1e-9
    assert np.linalg.norm(moved) == pytest.approx(math.sqrt((length**2 + 2 * length**4) / 3))


def test_a_customers_factor_is_never_longer_than_one() -> None:
    factors = np.random.default_rng(0).normal(size=(ITEMS, 8)) / 100
    assert np.linalg.norm(als._customers(factors, _two_tastes(50), 1e-6), axis=1).max() <= 1 + 1e-9


def test_one_who_is_not_finite_gives_nothing() -> None:
    own = np.ones((2, 3), np.int64)
    customers = np.array([[np.nan, 1.0], [0.5, 0.5]])
    np.testing.assert_array_equal(als._sums(customers, own, 3), als._sums(customers[1:], own[1:], 3))


def test_tastes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    _quiet(monkeypatch)
    found = fit_als(AlsPlan(target=TARGET, width=4, ridge=1.0), _two_tastes(2000), items=ITEMS, head=EVERY)
    near = found.customers(_two_tastes(100, seed=1)) @ found.factors.T
    first = near[:, 1:21].mean(axis=1) > near[:, 21:].mean(axis=1)
    assert (first == (np.arange(100) % 2 == 0)).mean() > 0.95


def test_other_customers_are_not_in_ones_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    _quiet(monkeypatch)
    found = fit_als(AlsPlan(target=TARGET), _two_tastes(200), items=ITEMS, head=EVERY)
    history = _two_tastes(10)
    np.testing.assert_allclose(found.customers(history)[:1], found.customers(history[:1]))


def test_items_outside_the_head_have_no_factor() -> None:
    found = fit_als(AlsPlan(target=TARGET), _two_tastes(200), items=ITEMS, head=EVERY[:5])
    assert (found.factors[6:] == 0).all()
    assert (found.factors[0] == 0).all()


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_what_is_drawn_is_what_is_accounted(rounds: int, share: float) -> None:
    plan = AlsPlan(target=TARGET, rounds=rounds, share=share)
    found = fit_als(plan, _two_tastes(100), items=ITEMS, head=EVERY)
    assert found.drawn == (plan.noise_multiplier,) * rounds
    assert plan.epsilon <= TARGET.epsilon + 1e-3
    if share == 1.0:
        assert plan.epsilon == pytest.approx(TARGET.epsilon, rel=0.01)


def test_an_unknown_item_is_refused() -> None:
    with pytest.raises(PrivacyError, match=r"not in \[0, 41\)"):
        fit_als(AlsPlan(target=TARGET), np.full((2, 3), 41), items=ITEMS, head=EVERY)
