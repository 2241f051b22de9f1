"""The scope of numbers: what a disclosed count may tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.values.scope import Measure, disclose

COUNTS = st.integers(0, 10**9)
MINIMA = st.integers(2, 1000)


@given(count=COUNTS, minimum=MINIMA)
def test_public_counts_are_exact(count, minimum):
    assert disclose(count, minimum=minimum, public=True) == str(count)


@given(first=COUNTS, second=COUNTS, minimum=MINIMA)
def test_all_counts_of_one_step_look_the_same(first, second, minimum):
    same = first // minimum == second // minimum
    shown = [disclose(count, minimum=minimum, public=False) for count in (first, second)]
    assert (shown[0] == shown[1]) is same


@given(count=COUNTS, minimum=MINIMA)
def test_a_private_count_is_hidden_or_a_lower_multiple(count, minimum):
    shown = disclose(count, minimum=minimum, public=False)
    if count < minimum:
        assert shown == f"<{minimum}"
        return
    told = int(shown.removeprefix("~"))
    assert told % minimum == 0
    assert 0 <= count - told < minimum


@pytest.mark.parametrize(("low", "value", "high"), [(2, 1, 3), (0, 4, 3), (float("nan"), 1, 2)])
def test_a_measure_lies_within_its_interval(low, value, high):
    with pytest.raises(ValueError, match="low <= value <= high does not hold"):
        Measure(name="auc", value=value, low=low, high=high, scope="internal", how="bootstrap")


def test_a_measure_says_its_scope():
    with pytest.raises(ValueError, match="scope"):
        Measure(name="auc", value=1, low=1, high=1, how="exact")
