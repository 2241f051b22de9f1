"""Noise: local differential privacy of one column, drawn by the engine.

The discrete Gaussian is drawn without rounding (see `discrete`), the others from uniform numbers of 60 bits.
Randomness is HMAC-SHA256 of the row's key under a key that is drawn for one preparation and kept nowhere: a
pseudorandom function in counter mode, so that a row has one noise however often the engine computes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from models.anonymity.discrete import PARTS, discrete_gaussian, variance_parts
from models.anonymity.pseudonyms import HmacKey, bits, hmac_sha256
from models.values.transform import Noise

_DIGITS = 15  # hexadecimal, 60 bits


def noised(column: ir.NumericValue, row: ir.StringValue, transform: Noise, key: HmacKey) -> ir.NumericValue:
    """`column` clamped to [low, high], with noise, as a multiple of step; missing counts as low, so that it hides.

    `row` names the row and no other: rows of one name would share their noise. What leaves may lie beyond
    low and high; clamping it again costs nothing but makes means lean.
    """
    number = column.cast("float64")
    known = number.isnan().ifelse(ibis.null("float64"), number).fill_null(transform.low)
    steps = known.clip(lower=transform.low, upper=transform.high) / transform.step
    drawn = _drawn(transform, hmac_sha256(row, key))
    exact = steps.round() if transform.mechanism in ("geometric", "discrete_gaussian") else steps
    whole = column.type().is_integer() and float(transform.step).is_integer()
    released = (exact + drawn).round() * transform.step
    return released.round(0 if whole else 9).cast("int64" if whole else "float64")


def scale(transform: Noise) -> float:
    """The scale of the noise in steps: of Laplace's distribution, or the standard deviation of Gauss's.

    A customer moves `rows` values by at most high - low each: (high - low) rows in L1, (high - low) sqrt(rows) in L2.
    """
    if transform.mechanism == "gaussian":
        from dp_accounting.gaussian_mechanism import get_sigma_gaussian

        unit = float(get_sigma_gaussian(transform.epsilon, transform.delta))
        return unit * transform.steps * math.sqrt(transform.rows)
    if transform.mechanism == "discrete_gaussian":
        return math.sqrt(_parts(transform) / PARTS)
    return transform.steps * transform.rows / transform.epsilon


def _parts(transform: Noise) -> int:
    """The variance of the discrete Gaussian in 1 / PARTS; whole values move by a whole number of steps."""
    moved = round(transform.steps) * math.sqrt(transform.rows)
    return variance_parts(moved, transform.epsilon, transform.delta)


def row_name(table: ir.Table, key: Sequence[str]) -> ir.StringValue:
    """One text a row: the columns that name it, each after its length, so that none runs into the next."""
    parts = [table[name].cast("string").fill_null("") for name in key]
    text = ibis.literal("")
    for part in parts:
        text = text + part.length().cast("string") + ":" + part
    return text


def _uniform(tag: ir.StringValue, start: int) -> ir.FloatingValue:
    """A number above 0 and at most 1, in steps of 2^-60."""
    return (bits(tag, start, _DIGITS).cast("float64") + 0.5) / float(1 << 60)


def _drawn(transform: Noise, tag: ir.StringValue) -> ir.NumericValue:
    """Noise in steps, from the bits of a tag."""
    one, other, width = _uniform(tag, 0), _uniform(tag, _DIGITS), scale(transform)
    match transform.mechanism:
        case "laplace":  # the difference of two exponential numbers
            return (other.ln() - one.ln()) * width
        case "geometric":  # the difference of two geometric numbers: P(n) ~ exp(-|n| / width)
            return (other.ln() * -width).floor() - (one.ln() * -width).floor()
        case "gaussian":  # Box & Muller 1958
            return (one.ln() * -2).sqrt() * (other * (2 * math.pi)).cos() * width
        case "discrete_gaussian":
            return discrete_gaussian(tag, _parts(transform))
