"""Explanation: every transform said in plain words, with its parameters."""

from __future__ import annotations

from typing import Any

import pytest

from models.shop.profiling.explanation import explain
from models.values.spec import ShopSpec

NOISE = {"kind": "noise", "mechanism": "laplace", "epsilon": 0.5, "low": 0, "high": 100}
SAID: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "identifier",
        "string",
        {"kind": "pseudonym", "domain": "phone"},
        "phone numbers in one spelling (E.164)",
    ),
    ("identifier", "string", {"kind": "token", "domain": "bank", "length": 16}, "same form, 16 digits"),
    (
        "identifier",
        "string",
        {"kind": "token", "domain": "bank", "alphabet": "upper", "length": 5, "max_length": 9},
        "5 to 9 digits and capital letters",
    ),
    (
        "quasi_identifier",
        "string",
        {"kind": "hash_bucket", "domain": "city", "buckets": 64},
        "one of 64 groups",
    ),
    (
        "time",
        "date",
        {"kind": "date_shift", "days": 30},
        "all times of a customer alike; then the day is kept",
    ),
    ("attribute", "number", NOISE, "clamped to 0..100, laplace noise added: epsilon 0.5 per customer"),
    ("attribute", "number", {"kind": "micro_aggregate", "k": 5}, "the mean of 5 or more customers"),
    ("attribute", "string", {"kind": "suppress"}, "every value becomes"),
]


@pytest.mark.parametrize(("role", "kind", "transform", "said"), SAID)
def test_said_in_plain_words(role: str, kind: str, transform: dict[str, Any], said: str) -> None:
    columns = {"id": {"role": "key"}, "it": {"role": role, "type": kind, "transform": transform}}
    release = {
        "product": "attributes",
        "table": "people",
        "purpose": "care",
        "columns": ["it"],
        "anonymity": {},
    }
    spec = ShopSpec.model_validate(
        {
            "shop": "test",
            "regimes": ["gdpr"],
            "customers": {"table": "people", "public_bound": 1000},
            "purposes": {"care": {"basis": {"gdpr": "contract"}, "reason": "to answer questions"}},
            "budget": {"epsilon": 3, "delta": 1e-5},
            "tables": {"people": {"source": "p.csv", "key": ["id"], "customer": "id", "columns": columns}},
            "releases": {"out": release},
        }
    )
    (table,) = explain(spec, {})
    assert said in table.columns[1].what
