"""Transforms check themselves when they are born, and their column and release check the rest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from models.values.spec import Column, ShopSpec
from models.values.transform import Noise, Transform

TRANSFORM: TypeAdapter[Transform] = TypeAdapter(Transform)
NOISE = {"kind": "noise", "mechanism": "laplace", "epsilon": 1.0, "low": 0, "high": 100}

GOOD: list[dict[str, Any]] = [
    {"kind": "pseudonym", "domain": "phone", "region": "CN"},
    {"kind": "pseudonym", "domain": "contact", "values": "email"},
    {"kind": "token", "domain": "partner", "length": 6},
    {"kind": "token", "domain": "partner", "alphabet": "upper", "length": 4, "prefix": "AB-"},
    {"kind": "date_shift", "days": 30},
    {"kind": "hash_bucket", "domain": "city", "buckets": 64},
    {"kind": "suppress"},
    NOISE,
    {**NOISE, "mechanism": "geometric", "rows": 12},
    {**NOISE, "mechanism": "gaussian", "delta": 1e-6},
    {**NOISE, "mechanism": "discrete_gaussian", "delta": 1e-6},
    {"kind": "micro_aggregate", "k": 5},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"kind": "pseudonym", "domain": "order", "region": "CN"}, "values: phone"),
    ({"kind": "pseudonym", "domain": "phone", "region": "XX"}, "no region that is known"),
    ({"kind": "token", "domain": "partner", "length": 5}, "100000 tokens, 1000000 are needed"),
    ({"kind": "token", "domain": "partner", "alphabet": "lower", "length": 3}, "use pseudonym"),
    ({"kind": "token", "domain": "partner", "length": 40}, "too long"),
    ({"kind": "token", "domain": "partner", "length": 9, "max_length": 8}, "below length"),
    ({"kind": "date_shift", "days": 0}, "greater than or equal to 1"),
    ({"kind": "hash_bucket", "domain": "city", "buckets": 1}, "greater than or equal to 2"),
    ({**NOISE, "high": 0}, "not below"),
    ({**NOISE, "step": 3}, "multiples of step"),
    ({**NOISE, "delta": 1e-6}, "gaussian noise needs a delta"),
    ({**NOISE, "mechanism": "gaussian"}, "gaussian noise needs a delta"),
    ({**NOISE, "mechanism": "discrete_gaussian"}, "gaussian noise needs a delta"),
    (
        {**NOISE, "mechanism": "discrete_gaussian", "delta": 1e-9, "epsilon": 1e-7, "low": 0, "high": 1e9},
        "so fine a grid",
    ),
    ({**NOISE, "epsilon": 0.01, "high": 1e8, "mechanism": "geometric"}, "make step coarser"),
    ({"kind": "micro_aggregate", "k": 1}, "greater than or equal to 2"),
]


@pytest.mark.parametrize("written", GOOD, ids=lambda written: written["kind"])
def test_read_and_written_again(written: dict[str, Any]) -> None:
    transform = TRANSFORM.validate_python(written)
    assert TRANSFORM.validate_python(transform.model_dump()) == transform


@pytest.mark.parametrize(("written", "message"), BAD)
def test_refused_at_birth(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TRANSFORM.validate_python(written)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            {"role": "identifier", "transform": {"kind": "hash_bucket", "domain": "d", "buckets": 9}},
            "dropped or",
        ),
        ({"role": "key", "transform": {"kind": "micro_aggregate", "k": 3}}, "a key is pseudonymised"),
        ({"role": "quasi_identifier", "type": "number", "transform": NOISE}, "generalising"),
        ({"role": "free_text", "transform": {"kind": "token", "domain": "d", "length": 9}}, "redacted or"),
        ({"role": "attribute", "type": "string", "transform": NOISE}, "noise works on numbers or integers"),
        (
            {"role": "time", "type": "string", "transform": {"kind": "date_shift", "days": 9}},
            "works on timestamp",
        ),
        (
            {"role": "key", "type": "integer", "transform": {"kind": "token", "domain": "d", "length": 9}},
            "on string",
        ),
    ],
)
def test_refused_by_its_column(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Column.model_validate(column)


def shop(product: str, transform: dict[str, Any], key: str = "id") -> dict[str, Any]:
    anonymity = {"anonymity": {"k": 2}} if product == "attributes" else {}
    release = {"product": product, "table": "people", "purpose": "care", "columns": ["spent"], **anonymity}
    columns = {
        "id": {"role": "key"},
        "no": {"role": "key"},
        "spent": {"role": "attribute", "type": "number", "transform": transform},
    }
    return {
        "shop": "test",
        "regimes": ["gdpr"],
        "customers": {"table": "people", "public_bound": 1000},
        "purposes": {"care": {"basis": {"gdpr": "contract"}, "reason": "to answer questions"}},
        "budget": {"epsilon": 3, "delta": 1e-5},
        "tables": {"people": {"source": "p.csv", "key": [key], "customer": "id", "columns": columns}},
        "releases": {"people": release},
    }


def test_what_is_fitted_on_data_is_for_published_tables_only() -> None:
    """docs/privacy.md, rule 1: the DP path has per-customer transforms with public parameters only."""
    averaged = {"kind": "micro_aggregate", "k": 5}
    assert ShopSpec.model_validate(shop("attributes", averaged))
    with pytest.raises(ValidationError, match="is fitted on all customers' rows"):
        ShopSpec.model_validate(shop("events", averaged))
    with pytest.raises(ValidationError, match="one row a customer"):
        ShopSpec.model_validate(shop("attributes", averaged, key="no"))


def test_events_have_no_classes() -> None:
    written = shop("events", {"kind": "keep"})
    written["releases"]["people"]["anonymity"] = {"k": 2}
    with pytest.raises(ValidationError, match="anonymity is fitted on all customers' rows"):
        ShopSpec.model_validate(written)


def test_noise_spends_what_it_says_and_what_its_random_numbers_cost() -> None:
    epsilon, delta = Noise.model_validate({**NOISE, "rows": 10}).spends
    assert epsilon == 1.0
    assert 0 < delta < 1e-8
    epsilon, delta = Noise.model_validate({**NOISE, "mechanism": "gaussian", "delta": 1e-6}).spends
    assert 1e-6 < delta < 1.1e-6
    exact = Noise.model_validate({**NOISE, "mechanism": "discrete_gaussian", "delta": 1e-6})
    assert exact.spends == (1.0, 1e-6)
