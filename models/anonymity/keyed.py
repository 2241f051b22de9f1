"""Keyed transforms that are no pseudonyms: dates shifted by customer, values put into buckets."""

from __future__ import annotations

import ibis.expr.types as ir

from models.anonymity.pseudonyms import HmacKey, bits, hmac_sha256, normalise, stripped
from models.values.transform import DateShift, HashBucket, Pseudonym, Token, Transform


def key_domain(transform: Transform) -> str | None:
    """The domain of the key that a transform needs; None if it needs none.

    The sign = stands in no domain of a spec, so that no two kinds share a key.
    """
    match transform:
        case Pseudonym(domain=domain):
            return domain
        case Token(domain=domain):
            return f"token={domain}"
        case HashBucket(domain=domain):
            return f"bucket={domain}"
        case DateShift():
            return "date=shift"
        case _:
            return None


def hash_bucket(column: ir.Value, transform: HashBucket, key: HmacKey) -> ir.IntegerValue:
    """The bucket of a value, 0 to buckets - 1, by its keyed hash; null stays null."""
    tag = hmac_sha256(normalise(column.cast("string"), "id"), key)
    return (bits(tag, 48, 15) % transform.buckets).cast("int64")


def shift_days(customer: ir.Value, transform: DateShift, key: HmacKey) -> ir.IntegerValue:
    """By how many days a customer's times are moved, -days to +days, each as likely; null without a customer."""
    tag = hmac_sha256(stripped(customer.cast("string")), key)
    return bits(tag, 48, 15) % (2 * transform.days + 1) - transform.days


def shifted(column: ir.TimestampValue, days: ir.IntegerValue) -> ir.TimestampValue:
    """A time moved by whole days, in hours, since a day of local time may have 23; the type stays the same."""
    return (column.cast("timestamp") + (days * 24).as_interval("h")).cast(column.type())
