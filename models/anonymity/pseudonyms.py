"""Pseudonyms: keyed hashes of identifiers, computed by the data engine.

HMAC-SHA256 (RFC 2104) written in the engine's own sha256: H(K xor opad, H(K xor ipad, text)). The two
padded keys reach the engine as session variables, so no key stands in the text of a query.
"""

from __future__ import annotations

from typing import NamedTuple

import ibis
import ibis.expr.types as ir

from models.anonymity.functions import encode, join_bytes, nfc_normalize, sha256, trim, unhex

# Plain ASCII that neither begins nor ends with a blank; the empty text is not among it.
STRIPPED = "^[!-~]([ -~]*[!-~])?$"
_BLANK = " \t\n\r\v\f\u00a0\u3000\ufeff"


class HmacKey(NamedTuple):
    """A key inside the engine: binary expressions of K xor ipad and K xor opad, 64 bytes each."""

    inner: ir.BinaryValue
    outer: ir.BinaryValue


def stripped(text: ir.StringValue) -> ir.StringValue:
    """`text` in Unicode normal form C without blanks around it; null where nothing is left.

    Most texts are so already, which a search tells in a fifth of the time.
    """
    plain = text.cast("string")
    return plain.re_search(STRIPPED).ifelse(plain, trim(nfc_normalize(plain), _BLANK).nullif(""))


def normalise(text: ir.StringValue, domain: str) -> ir.StringValue:
    """One spelling per value: stripped; e-mails in lower case, phones as digits only; null if blank."""
    plain = stripped(text)
    match domain:
        case "email":
            return stripped(plain.lower())
        case "phone":
            return plain.re_replace("[^0-9]+", "").nullif("")
        case _:
            return plain


def hmac_sha256(text: ir.StringValue, key: HmacKey) -> ir.StringValue:
    """HMAC-SHA256 of the UTF-8 bytes of `text` as 64 hexadecimal characters; null stays null."""
    inner = sha256(join_bytes(key.inner, encode(text)))
    tag = sha256(join_bytes(key.outer, unhex(inner)))
    return text.isnull().ifelse(ibis.null("string"), tag)


def pseudonym(text: ir.StringValue, key: HmacKey, domain: str = "") -> ir.UUIDValue:
    """The first 128 bits of the HMAC of `text`, normalised for its domain, as a UUID; null stays null."""
    return hmac_sha256(normalise(text, domain), key).substr(0, 32).cast("uuid")


def bucket(text: ir.StringValue, key: HmacKey, buckets: int = 64) -> ir.IntegerValue:
    """A bucket in [0, buckets) from bits that the pseudonym does not show; null falls in bucket 0."""
    bits = "0x" + hmac_sha256(stripped(text), key).substr(56, 8)
    return (bits.cast("int64") % buckets).cast("int32").fill_null(0)
