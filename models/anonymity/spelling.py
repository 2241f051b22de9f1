"""Spelling: one spelling for each value, so that one person has one pseudonym however a clerk wrote it down."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import ibis.expr.types as ir

from models.anonymity.functions import nfc_normalize, translate, trim
from models.anonymity.patterns import ODD, PLAIN
from models.anonymity.phones import e164

# Plain ASCII that neither begins nor ends with a blank; the empty text is not among it.
STRIPPED = "^[!-~]([ -~]*[!-~])?$"
_BLANK = " \t\n\r\v\f\u00a0\u3000\ufeff"


def stripped(text: ir.StringValue) -> ir.StringValue:
    """`text` in Unicode normal form C without blanks around it; null where nothing is left.

    Most texts are so already, which a search tells in a fifth of the time.
    """
    plain = text.cast("string")
    return plain.re_search(STRIPPED).ifelse(plain, _bare(nfc_normalize(plain)))


def normalise(text: ir.StringValue, kind: str, region: str | None = None) -> ir.StringValue:
    """One spelling per value; null if nothing is left.

    All kinds: stripped, full-width letters and digits as plain ones, invisible characters removed. `phone`: E.164, or
    digits only where the country is not known; `email`: lower case; `name`: lower case, simplified Chinese
    characters, single blanks between words and none between Chinese characters. Any other kind: no more.
    """
    given = text.cast("string")
    # `translate` reads its letters for every row, so that it is left out where one search finds all plain
    plain = given.re_search(STRIPPED).ifelse(given, _bare(translate(nfc_normalize(given), ODD, PLAIN)))
    match kind:
        case "email":
            return plain.lower()
        case "phone":
            return e164(plain, region)
        case "name":
            return _name(plain)
        case _:
            return plain


def _bare(text: ir.StringValue) -> ir.StringValue:
    return trim(text, _BLANK).nullif("")


def _name(text: ir.StringValue) -> ir.StringValue:
    """王小明, 王　小明 and Wang  Xiaoming: the forms in which one person's name is found in two tables."""
    traditional, simplified = characters()
    han = text.re_search("[㐀-鿿]")
    written = text.re_search(f"[{traditional}]").ifelse(translate(text, traditional, simplified), text)
    return han.ifelse(written.re_replace(r"[\s·・•‧]+", ""), text.re_replace(r"\s+", " ")).lower()


@cache
def characters() -> tuple[str, str]:
    """Traditional Chinese characters, and at the same places their simplified forms (OpenCC's, by single character)."""
    lines = files("models.anonymity").joinpath("characters.txt").read_text("utf-8").splitlines()
    pairs = "".join(line for line in lines if not line.startswith("#"))
    return pairs[::2], pairs[1::2]
