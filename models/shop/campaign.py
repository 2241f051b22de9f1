"""The campaign: a voucher sent to half of the customers, drawn by lot, whose true effect is known.

Each customer's two potential answers (Rubin 1974) come from one uniform number u: without the voucher the
customer answers if u < base, with it if u < base + effect. The lot is fair and independent of everything, so a
difference of shares estimates the effect without bias, overall and in each tier.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.shop.places import Words

CAMPAIGN = "winter_voucher"
TREATED_SHARE = 0.5
BASE = {"none": 0.06, "bronze": 0.08, "silver": 0.11, "gold": 0.15}  # share that buys anyway, by loyalty tier
EFFECT = 0.03  # true effect of the voucher on the share that buys: + 3.0 percentage points
EFFECT_OF_OCCASIONAL = 0.08  # ... and + 8.0 percentage points in the tier "none"
_SENT = 1_768_208_400  # 2026-01-12 09:00, after the last order of the orders' year
_DAYS, _HOURS = 5, 9


def draw_campaign(rng: np.random.Generator, tier: Words) -> dict[str, Any]:
    """Rows customer (from 0), treated, contacted_at (seconds since 1970; -1: not contacted), responded, spend.

    `responded`: bought within four weeks; `spend`: for how much in all, in cents, 0 if not at all. Who buys
    spends as much with the voucher as without it. `tier` [customers] is the loyalty tier.
    """
    count = len(tier)
    treated = rng.random(count) < TREATED_SHARE
    chance = base_of(tier) + np.where(treated, effect_of(tier), 0.0)
    responded = rng.random(count) < chance
    sent = _SENT + rng.integers(_DAYS, size=count) * 86_400 + rng.integers(_HOURS * 3_600, size=count)
    spend = np.exp(rng.normal(3.2, 0.6, count)) * 100
    return {
        "customer": np.arange(count),
        "treated": treated,
        "contacted_at": np.where(treated, sent, -1),
        "responded": responded,
        "spend": np.where(responded, spend.astype(np.int64), 0),
    }


def base_of(tier: Words) -> Any:
    """The share [customers] that buys without the voucher."""
    return _by_tier(tier, BASE)


def effect_of(tier: Words) -> Any:
    """The true effect [customers] of the voucher on the share that buys."""
    return _by_tier(tier, dict.fromkeys(BASE, EFFECT) | {"none": EFFECT_OF_OCCASIONAL})


def _by_tier(tier: Words, values: dict[str, float]) -> Any:
    chosen = np.zeros(len(tier))
    for name, value in values.items():
        chosen[tier == name] = value
    return chosen


def true_effect(tier: Words) -> float:
    """The true effect on all customers: the mean of `effect_of`."""
    return float(np.mean(effect_of(tier)))
