"""Generalisation: one function per transform, from a column's expression to a coarser one.

All parameters come from the spec, none is fitted on data (docs/privacy.md, rule 1). What is missing stays missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir

from models.anonymity.errors import PolicyError
from models.anonymity.keyed import hash_bucket, key_domain
from models.anonymity.pseudonyms import HmacKey, pseudonym
from models.anonymity.spelling import stripped
from models.anonymity.text import redact
from models.anonymity.tokens import tokenise
from models.values.hierarchy import DIGITS, Division, Hierarchy
from models.values.transform import (
    AgeBand,
    Band,
    HashBucket,
    Keep,
    Prefix,
    Pseudonym,
    Redact,
    Round,
    Suppress,
    Token,
    Transform,
    Truncate,
)

_UNITS = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


def _number(column: ir.Value) -> ir.NumericValue:
    """The column as a number; NaN is missing."""
    if column.type().is_floating():
        return column.isnan().ifelse(ibis.null(column.type()), column)
    return column


def _bands(number: ir.NumericValue, width: int, low: int, high: int) -> ir.StringValue:
    """The band's text: "<low", "a-b" (both ends belong to it; the last is cut at high), "high+"."""
    start = ((number - low) / width).floor().cast("int64") * width + low
    end = ibis.least(start + width, high) - 1
    closed = (start == end).ifelse(start.cast("string"), start.cast("string") + "-" + end.cast("string"))
    return ibis.cases(
        (number.isnull(), ibis.null("string")),
        (number < low, f"<{low}"),
        (number >= high, f"{high}+"),
        else_=closed,
    )


def band(column: ir.NumericValue, transform: Band) -> ir.StringValue:
    """A number as the text of its band, e.g. "30-39" for [30, 40); "<20" below low, "80+" from high on."""
    return _bands(_number(column), transform.width, transform.low, transform.high)


def age(born: ir.DateValue, as_of: date) -> ir.IntegerValue:
    """Full years at `as_of`: one less before the birthday; who was born on 29 February has it on 1 March."""
    day = born.cast("date")
    not_yet = (day.month() * 100 + day.day() > as_of.month * 100 + as_of.day).cast("int64")
    return as_of.year - day.year() - not_yet


def age_band(column: ir.DateValue, transform: AgeBand) -> ir.StringValue:
    """A birth date as the text of its band of exact ages at the public day `as_of`, e.g. "30-39"."""
    return _bands(age(column, transform.as_of), transform.width, transform.low, transform.high)


def round_to(column: ir.NumericValue, transform: Round) -> ir.NumericValue:
    """A number clamped to [low, high], then to the nearest multiple of step; halves away from zero.

    Integers stay integers if the step is one; the result may pass a limit that is no multiple of step.
    """
    number = _number(column)
    if transform.low is not None or transform.high is not None:
        number = number.clip(lower=transform.low, upper=transform.high)
    whole = column.type().is_integer() and float(transform.step).is_integer()
    steps = (number / transform.step).round()
    return (steps * transform.step).round(0 if whole else 9).cast("int64" if whole else "float64")


def truncate(column: ir.TimestampValue, transform: Truncate) -> ir.TimestampValue:
    """A time as the start of its unit in UTC, weeks from Monday; the type stays the same."""
    if column.type().is_date() and transform.unit in ("hour", "day"):
        return column
    return column.truncate(_UNITS[transform.unit]).cast(column.type())


def prefix(column: ir.StringValue, transform: Prefix) -> ir.StringValue:
    """The first `length` characters and one "*", whatever follows, so that no length shows: "123*"."""
    text = stripped(column)
    return text.isnull().ifelse(ibis.null("string"), text.left(transform.length) + "*")


def hierarchy(column: ir.Value, transform: Hierarchy) -> ir.StringValue:
    """What the shop's table calls the value at the level; "*" for one that it does not name."""
    text, labels = stripped(column.cast("string")), transform.labels(transform.level)
    found = ibis.map(list(labels), list(labels.values())).get(text, "*")
    return text.isnull().ifelse(ibis.null("string"), found)


def division(column: ir.Value, transform: Division) -> ir.StringValue:
    """The county's six digits, or the city's four or province's two and "*"; "*" alone for what is no code."""
    text, digits = stripped(column.cast("string")), DIGITS[transform.level]
    shown = text.left(digits) + ("*" if transform.level != "county" else "")
    code = text.re_search("^[0-9]{6}([0-9]{3}|[0-9]{6}|[0-9]{11}[0-9Xx])?$")
    return ibis.cases((text.isnull(), ibis.null("string")), (code, shown), else_="*")


def transform_column(column: ir.Value, transform: Transform, keys: Mapping[str, HmacKey]) -> ir.Value:
    """`column` under a transform that looks at one value; `keys` holds the key of each domain (`key_domain`).

    Errors: PolicyError for a dropped column, for a domain without a key, and for a transform that must know the
    row's customer, the row or the other rows (`policy.deidentify` does those).
    """
    domain = key_domain(transform)
    if domain is not None and domain not in keys:
        raise PolicyError(f"domain {domain!r} has no pseudonym key; derive one for this purpose first")
    match transform:
        case Pseudonym(region=region):
            return pseudonym(column, keys[transform.domain], transform.spelt_as, region)
        case Token():
            return tokenise(column, transform, keys[domain or ""])
        case HashBucket():
            return hash_bucket(column, transform, keys[domain or ""])
        case Suppress():
            return ibis.literal("*")
        case Redact():
            return redact(column)
        case Keep():
            return column
        case Band() | AgeBand() | Round() | Truncate() | Prefix() | Hierarchy() | Division():
            return generalise(column, transform)
        case _:
            raise PolicyError(
                f"a column under {transform.kind} was asked for by itself; release it by its policy"
            )


def generalise(
    column: ir.Value, transform: Band | AgeBand | Round | Truncate | Prefix | Hierarchy | Division
) -> ir.Value:
    """`column` made coarser."""
    match transform:
        case Band():
            return band(column, transform)
        case AgeBand():
            return age_band(column, transform)
        case Round():
            return round_to(column, transform)
        case Truncate():
            return truncate(column, transform)
        case Prefix():
            return prefix(column, transform)
        case Hierarchy():
            return hierarchy(column, transform)
        case Division():
            return division(column, transform)
