"""The privacy target: bounds that no training may leave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.values.target import PrivacyTarget

REFUSED = [
    {"epsilon": 0},
    {"epsilon": -1},
    {"epsilon": 20.1},
    {"epsilon": float("nan")},
    {"epsilon": float("inf")},
    {"delta": 0},
    {"delta": 1},
    {"delta": float("nan")},
    {"n_public": 99},
    {"unit": "row"},
    {"neighbouring": "replace_one"},
    {"seed": 1},
]


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_a_target_out_of_bounds_is_refused(change):
    with pytest.raises(ValidationError):
        PrivacyTarget(**{"delta": 1e-6, "n_public": 1000, **change})


@given(n=st.integers(100, 10**12))
def test_the_default_delta_is_always_allowed_and_never_above_1e_5(n):
    delta = PrivacyTarget.default_delta(n)
    assert delta <= 1e-5
    assert PrivacyTarget(delta=delta, n_public=n).delta * 10 * n <= 1 + 1e-12


@given(n=st.integers(100, 10**6), factor=st.floats(1.001, 1000))
def test_a_delta_above_one_in_ten_n_is_refused_with_the_way_out(n, factor):
    with pytest.raises(ValidationError, match=r"is above 1/\(10 n_public\) = .*; lower delta|less than 1"):
        PrivacyTarget(delta=factor / (10 * n), n_public=n)


def test_a_target_is_frozen():
    with pytest.raises(ValidationError):
        PrivacyTarget(delta=1e-6, n_public=1000).epsilon = 9
