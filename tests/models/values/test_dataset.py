"""References to data sets: text and back, and names that lead elsewhere."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.values.dataset import DatasetRef, GateCheck, GateResult, Zone

PART = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
ZONES = st.sampled_from(get_args(Zone))
HOSTILE = [
    "",
    ".",
    "..",
    "../raw",
    "a/b",
    "a\\b",
    "A",
    "a b",
    "a\n",
    "-a",
    "_a",
    "a.b",
    "a%2fb",
    "\u0430",
    "a\x00b",
    "a" * 64,
]


@given(zone=ZONES, name=PART, version=PART)
def test_a_reference_survives_text(zone, name, version):
    ref = DatasetRef(zone=zone, name=name, version=version)
    assert DatasetRef.parse(str(ref)) == ref


@given(text=st.text())
def test_whatever_is_parsed_reads_the_same_again(text):
    try:
        ref = DatasetRef.parse(text)
    except ValueError:
        return
    assert str(ref) == text


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
@pytest.mark.parametrize("place", ["name", "version"])
def test_hostile_names_are_refused(place, part):
    with pytest.raises(ValidationError):
        DatasetRef(**{"zone": "raw", "name": "shop", "version": "v1", place: part})


@pytest.mark.parametrize("text", ["", "raw", "raw/shop", "raw/shop/v1/x", "top/shop/v1", "raw//v1"])
def test_other_texts_are_no_reference(text):
    with pytest.raises(ValueError):  # noqa: PT011  # of whatever kind
        DatasetRef.parse(text)


@pytest.mark.parametrize(("held", "passed"), [([], False), ([True], True), ([True, False], False)])
def test_a_gate_without_checks_has_not_passed(held, passed):
    checks = tuple(GateCheck(table="t", rule="r", passed=each) for each in held)
    assert GateResult(checks=checks).passed is passed
