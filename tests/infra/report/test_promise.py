"""The promise: epsilon in numbers that a person can weigh."""

from __future__ import annotations

from math import e, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.report import digits
from infra.report.promise import best_accuracy, best_power, likelihood_ratio, posterior

epsilons = st.floats(0, 1000)
shares = st.floats(0, 1)


@pytest.mark.parametrize(
    ("prior", "epsilon", "expected"),
    [(0.5, 0, 0.5), (0.5, log(3), 0.75), (0.1, log(9), 0.5), (0.0, 3, 0.0), (1.0, 3, 1.0), (0.5, inf, 1.0)],
)
def test_posterior(prior: float, epsilon: float, expected: float) -> None:
    assert posterior(prior, epsilon) == pytest.approx(expected)


@given(shares, epsilons)
def test_a_posterior_is_a_probability_and_never_below_the_prior(prior: float, epsilon: float) -> None:
    assert prior - 1e-12 <= posterior(prior, epsilon) <= 1 + 1e-12


@given(epsilons)
def test_at_even_odds_accuracy_is_the_posterior(epsilon: float) -> None:
    assert best_accuracy(epsilon, 0) == pytest.approx(posterior(0.5, epsilon))


@given(shares, st.floats(0, 20), st.floats(0, 0.1))
def test_no_attack_is_forbidden_to_guess(rate: float, epsilon: float, delta: float) -> None:
    assert rate - 1e-9 <= best_power(rate, epsilon, delta) <= 1


def test_likelihood_ratio() -> None:
    assert likelihood_ratio(1) == pytest.approx(e)
    assert likelihood_ratio(10_000) == inf


@given(st.floats(0, 1e6))
def test_bounds_are_rounded_to_the_safe_side(value: float) -> None:
    assert float(digits.at_least(value)) <= value + 1e-9
    assert float(digits.at_most(value)) >= value - 1e-9


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.87, "2.87"), (2.8701, "2.88"), (3.0, "3.00"), (inf, "∞"), ("inf", "∞"), (None, "-")],
)
def test_at_most(value: float | str | None, text: str) -> None:
    assert digits.at_most(value) == text


@pytest.mark.parametrize(("value", "text"), [(2e-6, "1 in 500,000"), (1e-5, "1 in 100,000"), (0.0, "0")])
def test_one_in(value: float, text: str) -> None:
    assert digits.one_in(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(2e-6, "2·10⁻⁶"), (0.0256, "0.0256"), (50_000, "50,000"), (-inf, "-"), (0.0, "0")]
)
def test_plain(value: float, text: str) -> None:
    assert digits.plain(value) == text
