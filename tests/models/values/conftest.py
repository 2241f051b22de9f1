"""A small spec as plain data, and ways to change one place in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

GOOD: dict[str, Any] = {
    "shop": "my-shop",
    "regimes": ["gdpr"],
    "customers": {"table": "customers", "public_bound": 5000, "split": "part", "group": "house"},
    "budget": {"epsilon": 6, "delta": 1e-5},
    "purposes": {"fraud": {"basis": {"gdpr": "consent"}, "reason": "to recognise stolen accounts"}},
    "consent": {"table": "consents"},
    "tables": {
        "customers": {
            "source": "customers.csv",
            "key": ["customer_id"],
            "customer": "customer_id",
            "columns": {
                "customer_id": {"role": "key"},
                "part": {"role": "attribute"},
                "house": {"role": "key", "type": "integer"},
                "name": {"role": "identifier"},
            },
        },
        "orders": {
            "source": "orders.csv",
            "key": ["order_id"],
            "customer": "customer_id",
            "columns": {
                "order_id": {"role": "key"},
                "customer_id": {"role": "key", "references": "customers.customer_id"},
                "amount": {"role": "attribute", "type": "number"},
            },
        },
        "lines": {
            "source": "lines.csv",
            "key": ["order_id"],
            "customer_via": "orders.order_id",
            "columns": {"order_id": {"role": "key"}},
        },
        "consents": {
            "source": "consents.csv",
            "key": ["customer_id", "purpose", "recorded_at"],
            "customer": "customer_id",
            "columns": {
                "customer_id": {"role": "key"},
                "purpose": {"role": "attribute"},
                "state": {"role": "attribute"},
                "recorded_at": {"role": "time", "type": "timestamp"},
            },
        },
    },
    "releases": {
        "events": {
            "product": "events",
            "table": "orders",
            "purpose": "fraud",
            "columns": ["customer_id", "amount"],
        },
        "people": {
            "product": "attributes",
            "table": "customers",
            "purpose": "fraud",
            "columns": ["part"],
            "anonymity": {"k": 10},
        },
    },
    "use_cases": {"fraud": {"case": "fraud", "purpose": "fraud", "tables": ["events"]}},
}
REMOVED = object()


@pytest.fixture
def removed() -> object:
    """The value that stands for `without this key`."""
    return REMOVED


@pytest.fixture
def spec_with() -> Callable[..., dict[str, Any]]:
    """The good spec with the value at a dotted place replaced, or removed."""

    def changed(place: str = "", value: object = None) -> dict[str, Any]:
        spec = copy.deepcopy(GOOD)
        if not place:
            return spec
        *way, last = place.split(".")
        part = spec
        for step in way:
            part = part[step]
        if value is REMOVED:
            del part[last]
        else:
            part[last] = value
        return spec

    return changed
