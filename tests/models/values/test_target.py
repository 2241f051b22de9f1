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
    {"delta_exception": "published at this delta"},  # 1e-6 keeps the rule
    {"delta": 2e-4, "delta_exception": ""},
    {"delta": 2e-4, "delta_exception": " " * 20},
    {"delta": 2e-4, "delta_exception": "published\nat this delta"},
    {"delta": 1e-3, "delta_exception": "published at this delta"},  # 1/n_public
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


def test_only_a_reason_lifts_the_rule_of_delta():
    target = PrivacyTarget(delta=2e-4, n_public=1000, delta_exception="  published at this delta ")
    assert target.delta_exception == "published at this delta"
    with pytest.raises(ValidationError, match=r"0.0002 is above 1/\(10 n_public\) = 0.0001; lower delta"):
        PrivacyTarget(delta=2e-4, n_public=1000)


def test_targets_written_before_exceptions_are_read_and_digest_as_before():
    written = (
        '{"epsilon":3.0,"delta":1e-6,"n_public":1000,"unit":"customer","neighbouring":"add_or_remove_one"}'
    )
    target = PrivacyTarget.model_validate_json(written)
    assert (target.delta_exception, target.canonical()) == (None, written)


def test_a_target_is_frozen():
    with pytest.raises(ValidationError):
        PrivacyTarget(delta=1e-6, n_public=1000).epsilon = 9
