"""Consents: what each customer allows, purpose by purpose, with the day and version of the form."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.shop.purchases import Integers

PURPOSES = ("analytics", "fraud_detection", "support", "recommendation")
_VERSIONS = ("2020-1", "2023-1", "2024-1", "2024-2")
_IN_FORCE = (1_672_531_200, 1_704_067_200, 1_719_792_000)  # 2023-01-01, 2024-01-01, 2024-07-01
_DAY = 86_400
_END = 1_772_323_200  # 2026-03-01, when the shop's files were written


def draw_consents(rng: np.random.Generator, joined_day: Integers) -> dict[str, Any]:
    """Rows of customer (from 0), purpose, state, recorded_at (seconds since 1970) and version, by customer.

    A choice is recorded within a month of joining (`joined_day` [customers], days since 1970). Of all
    customers and purposes about 84 % are granted, 6 % granted and later withdrawn (two rows), 5 % in the
    state unknown, and 5 % have no row.
    """
    customer, purpose = (grid.ravel() for grid in np.indices((len(joined_day), len(PURPOSES))))
    drawn = rng.random(len(customer))
    at = joined_day[customer] * _DAY + rng.integers(0, 30 * _DAY, len(customer))
    state = np.where(drawn < 0.90, "granted", "unknown")
    told = drawn < 0.95
    withdrawn = drawn < 0.06
    later = at + _DAY + (rng.random(len(at)) * (_END - _DAY - at)).astype(np.int64)
    rows = {
        "customer": _both(customer, told, customer, withdrawn),
        "purpose": np.array(PURPOSES, dtype=object)[_both(purpose, told, purpose, withdrawn)],
        "state": _both(state, told, np.full(len(at), "withdrawn"), withdrawn).astype(object),
        "recorded_at": _both(at, told, later, withdrawn),
    }
    rows["version"] = _versions(rows["recorded_at"])
    order = np.lexsort((rows["recorded_at"], rows["customer"]))
    return {name: column[order] for name, column in rows.items()}


def _both(first: Any, told: Any, second: Any, withdrawn: Any) -> Any:
    return np.concatenate((first[told], second[withdrawn]))


def _versions(recorded_at: Integers) -> Any:
    """The form in force: each from its day of `_IN_FORCE`."""
    return np.array(_VERSIONS, dtype=object)[np.searchsorted(_IN_FORCE, recorded_at, side="right")]
