"""The digits of a number as a page shows them: an upper bound is rounded up, a lower bound down."""

from __future__ import annotations

from math import ceil, floor, isfinite

from models.values.percent import percent_at_most

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def at_most(value: float | str | None) -> str:
    """An upper bound (a claimed epsilon) with two decimals, never smaller than it is."""
    if not isinstance(value, int | float) or not isfinite(value):
        return plain(value)
    return f"{ceil(round(value * 100, 9)) / 100:.2f}"


def at_least(value: float | str | None) -> str:
    """A lower bound (a proven epsilon) with two decimals, never larger than it is."""
    if not isinstance(value, int | float) or not isfinite(value):
        return plain(value)
    return f"{floor(round(value * 100, 9)) / 100:.2f}"


def share_at_most(value: float) -> str:
    """An upper bound of a share (0..1) in percent, never smaller than it is, and 100 only if it is."""
    return f"{percent_at_most(value)}\u00a0%"


def one_in(probability: float) -> str:
    """A small probability (delta) as `1 in 500,000`, rounded to the side that is not better than it is."""
    return f"1 in {odds(probability)}" if probability > 0 else "0"


def odds(probability: float) -> str:
    """A small probability (above 0) as the number n of "1 in n", rounded down."""
    return f"{floor(1 / probability + 1e-6):,}"


def plain(value: float | str | None) -> str:
    """Any other number with four significant digits; `∞` and `-` for what has none."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return {"inf": "∞", "-inf": "-∞"}.get(value, value)
    if not isfinite(value):
        return "∞" if value > 0 else "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if value == 0 or abs(value) >= 1e-4 else _power_of_ten(value)


def _power_of_ten(value: float) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    return f"{float(mantissa):g}·10{str(int(exponent)).translate(_RAISED)}"
