"""Pseudonyms: keyed hashes of identifiers, computed by the data engine.

HMAC-SHA256 (RFC 2104) written in the engine's own sha256: H(K xor opad, H(K xor ipad, text)). The two
padded keys reach the engine as session variables, so no key stands in the text of a query. `macs` computes the same
for a whole column, in a fifth of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import ibis.expr.types as ir

from models.anonymity.functions import encode, sha256, unhex
from models.anonymity.spelling import STRIPPED, normalise, stripped
from models.values.secret import SecretBytes


class HmacKey(NamedTuple):
    """A key inside the engine: K xor ipad and K xor opad, 64 bytes each.

    `secret` is the key itself, which has a name (`infra.keys.key_id`) and goes nowhere.
    """

    inner: ir.StringValue
    outer: ir.StringValue
    secret: SecretBytes


def hmac_sha256(text: ir.StringValue, key: HmacKey) -> ir.StringValue:
    """HMAC-SHA256 of the UTF-8 bytes of `text` as 64 hexadecimal characters; null stays null."""
    return sha256(key.outer + unhex(sha256(key.inner + encode(text))))


def pseudonym(
    text: ir.StringValue, key: HmacKey, kind: str = "id", region: str | None = None
) -> ir.UUIDValue:
    """The first 128 bits of the HMAC of `text`, spelt as its kind is, as a UUID; null stays null."""
    return hmac_sha256(normalise(text, kind, region), key).substr(0, 32).cast("uuid")


def renamed(
    values: ir.StringColumn, old: HmacKey, new: HmacKey, kind: str = "id", region: str | None = None
) -> ir.Table:
    """The pseudonyms of raw values under an old key and a new one, each pair once: columns `old` and `new`."""
    table = values.as_table().rename(value=values.get_name())
    made = {name: pseudonym(table.value, key, kind, region) for name, key in (("old", old), ("new", new))}
    return table.filter(table.value.notnull()).select(**made).distinct()


def bucket(text: ir.StringValue, key: HmacKey, buckets: int = 64) -> ir.IntegerValue:
    """A bucket in [0, buckets) from bits that the pseudonym does not show; null falls in bucket 0."""
    return (bits(hmac_sha256(stripped(text), key), 56, 8) % buckets).cast("int32").fill_null(0)


def bits(tag: ir.StringValue, start: int, digits: int) -> ir.IntegerValue:
    """Some hexadecimal digits of a tag (at most 15) as a number."""
    return ("0x" + tag.substr(start, digits)).cast("int64")


__all__ = [
    "STRIPPED",
    "HmacKey",
    "bits",
    "bucket",
    "hmac_sha256",
    "normalise",
    "pseudonym",
    "renamed",
    "stripped",
]
