"""Consents: the shares of the states, and withdrawals after grants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.shop.consents import PURPOSES, draw_consents

CUSTOMERS = 20_000
SHARES = {"granted": 0.84, "withdrawn": 0.06, "unknown": 0.05}


@pytest.fixture(scope="module")
def latest() -> dict[tuple[int, str], list[tuple[int, str]]]:
    rows: dict[str, Any] = draw_consents(np.random.default_rng(2), np.full(CUSTOMERS, 19_000))
    states: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for customer, purpose, state, at in zip(
        rows["customer"], rows["purpose"], rows["state"], rows["recorded_at"], strict=True
    ):
        states.setdefault((customer, purpose), []).append((at, state))
    return states


@pytest.mark.parametrize("state", SHARES)
def test_shares_of_the_latest_states(latest: dict[Any, Any], state: str) -> None:
    share = sum(max(rows)[1] == state for rows in latest.values()) / (CUSTOMERS * len(PURPOSES))
    assert share == pytest.approx(SHARES[state], abs=0.01)


def test_one_in_twenty_has_no_row(latest: dict[Any, Any]) -> None:
    assert 1 - len(latest) / (CUSTOMERS * len(PURPOSES)) == pytest.approx(0.05, abs=0.01)


def test_a_withdrawal_follows_a_grant(latest: dict[Any, Any]) -> None:
    told_twice = [sorted(rows) for rows in latest.values() if len(rows) > 1]
    assert told_twice
    assert all([state for _, state in rows] == ["granted", "withdrawn"] for rows in told_twice)
