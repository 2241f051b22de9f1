"""The campaign: a fair lot, and the stated effect found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.shop.campaign import BASE, EFFECT, EFFECT_OF_OCCASIONAL, draw_campaign, true_effect

CUSTOMERS = 400_000
TIERS = tuple(BASE)


@pytest.fixture(scope="module")
def tier() -> Any:
    return np.array(TIERS, dtype=object)[np.random.default_rng(1).integers(4, size=CUSTOMERS)]


@pytest.fixture(scope="module")
def rows(tier: Any) -> dict[str, Any]:
    return draw_campaign(np.random.default_rng(2), tier)


def _difference(rows: dict[str, Any], among: Any) -> tuple[float, float]:
    """The difference of shares between treated and others, and its standard error."""
    shares = [(rows["responded"][among & (rows["treated"] == group)]) for group in (True, False)]
    error = np.sqrt(sum(group.mean() * (1 - group.mean()) / len(group) for group in shares))
    return shares[0].mean() - shares[1].mean(), float(error)


@pytest.mark.parametrize("name", TIERS)
def test_the_stated_effect_is_found_in_each_tier(rows: dict[str, Any], tier: Any, name: str) -> None:
    found, error = _difference(rows, tier == name)
    truth = EFFECT_OF_OCCASIONAL if name == "none" else EFFECT
    assert abs(found - truth) < 4 * error < 0.01


def test_the_mean_effect_is_found_in_all(rows: dict[str, Any], tier: Any) -> None:
    found, error = _difference(rows, np.ones(CUSTOMERS, dtype=bool))
    assert true_effect(tier) == pytest.approx((3 * EFFECT + EFFECT_OF_OCCASIONAL) / 4, abs=1e-3)
    assert abs(found - true_effect(tier)) < 4 * error


@pytest.mark.parametrize("name", TIERS)
def test_the_lot_is_fair_in_each_tier(rows: dict[str, Any], tier: Any, name: str) -> None:
    assert rows["treated"][tier == name].mean() == pytest.approx(0.5, abs=0.01)


def test_who_buys_spends_as_much_with_the_voucher(rows: dict[str, Any]) -> None:
    spent = [rows["spend"][rows["responded"] & (rows["treated"] == group)] for group in (True, False)]
    assert spent[0].mean() == pytest.approx(spent[1].mean(), rel=0.03)
    assert np.array_equal(rows["spend"] > 0, rows["responded"])


def test_only_who_was_treated_was_contacted(tables: Any) -> None:
    wrong = "SELECT count(*) FROM campaign_contacts WHERE treated::BOOLEAN <> (contacted_at IS NOT NULL)"
    assert tables.execute(wrong).fetchone() == (0,)
    query = "SELECT count(*) = (SELECT count(*) FROM customers) FROM campaign_contacts"
    assert tables.execute(query).fetchone() == (True,)
