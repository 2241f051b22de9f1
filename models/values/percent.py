"""Percent: a share as a page shows it, never better than it is."""

from __future__ import annotations

from math import ceil


def percent_at_most(share: float, decimals: int = 1) -> str:
    """An upper bound (0..1) in percent, rounded up, with more decimals where fewer would say 100 of less than 1."""
    while True:
        scale = 10**decimals
        shown = ceil(round(share * 100 * scale, 9)) / scale
        if shown < 100 or share >= 1 or decimals >= 9:
            return f"{shown:.{decimals}f}"
        decimals += 1
