"""The allow-list: names, plain values and shareable measures only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from infra.report.facts import (
    MEASURES,
    PARAMS,
    TAGS,
    RegistryError,
    allowed,
    allowed_measures,
    measures,
    params,
    tags,
)
from tests.infra.report import evidence_sample as sample


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("confusion_matrix", "3 1 0 9"),
        ("sampler", [1, 2, 3]),
        ("sampler", np.ones((2, 2))),
        ("sampler", {"customer": "C0000001"}),
        ("sampler", "x" * 501),
    ],
)
def test_other_names_and_other_kinds_are_refused(name: str, value: Any) -> None:
    with pytest.raises(RegistryError):
        allowed({name: value}, TAGS)


def test_a_refusal_does_not_quote_the_value() -> None:
    with pytest.raises(RegistryError) as refused:
        allowed({"sampler": ["C0000001"]}, TAGS)
    assert "C0000001" not in str(refused.value)


@pytest.mark.parametrize("name", ["utility_released", "utility_exact", "confusion", "epsilon"])
def test_an_internal_measure_of_private_data_is_refused(name: str) -> None:
    inside = sample.measure("auc", 0.7, "internal", "exact")
    with pytest.raises(RegistryError):
        allowed_measures({name: inside}, sample.evidence())


def test_a_measure_that_is_internal_by_kind_is_refused_whatever_its_label() -> None:
    mislabelled = sample.measure("auc", 0.7, "public", "exact")
    with pytest.raises(RegistryError, match="internal"):
        allowed_measures({"utility_twin": mislabelled}, sample.evidence())


def test_a_bare_number_carries_no_scope() -> None:
    with pytest.raises(RegistryError, match="no scope"):
        allowed_measures({"epsilon": 2.0}, sample.evidence())  # type: ignore[dict-item]


def test_facts_of_private_data_do_not_depend_on_internal_numbers() -> None:
    one, other = sample.evidence(), sample.evidence(**sample.other_world())
    assert (tags(one), params(one), measures(one)) == (tags(other), params(other), measures(other))


def test_public_data_shows_all() -> None:
    shown = sample.evidence(synthetic=sample.LABEL)
    assert set(measures(shown)) == MEASURES
    assert set(params(shown)) == PARAMS
    assert tags(shown)["synthetic"] == sample.LABEL
