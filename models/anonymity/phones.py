"""Phones: one spelling of a telephone number, E.164 (ITU-T 2010), in the engine's own expressions.

The table holds what of a country's numbering plan is needed for that: no list of valid numbers. It agrees with
Google's libphonenumber on usual spellings of valid numbers (tests/models/anonymity/test_spelling.py).
"""

from __future__ import annotations

from typing import NamedTuple

import ibis.expr.types as ir


class Numbering(NamedTuple):
    """Of a country: its code, what a number begins with at home, what goes before a foreign one, longest number."""

    code: str
    trunk: str = ""
    abroad: str = "00"
    longest: int = 15


NUMBERING: dict[str, Numbering] = {
    "CN": Numbering("86", "0", longest=12),
    "HK": Numbering("852", abroad="00[1256]?", longest=8),
    "MO": Numbering("853", longest=8),
    "TW": Numbering("886", "0", "0(?:0[25-79]|19)", longest=11),
    "SG": Numbering("65", abroad="0[0-3][0-9]", longest=11),
    "MY": Numbering("60", "0", longest=10),
    "TH": Numbering("66", "0", "00[1-9]", longest=13),
    "VN": Numbering("84", "0", longest=10),
    "PH": Numbering("63", "0", longest=13),
    "ID": Numbering("62", "0", "00[89]", longest=17),
    "IN": Numbering("91", "0", longest=13),
    "JP": Numbering("81", "0", "010", longest=17),
    "KR": Numbering("82", "0", "00[125689]", longest=14),
    "AU": Numbering("61", "0", "0011", longest=12),
    "NZ": Numbering("64", "0", longest=10),
    "US": Numbering("1", "1", "011", longest=10),
    "CA": Numbering("1", "1", "011", longest=10),
    "MX": Numbering("52", longest=10),
    "GB": Numbering("44", "0", longest=10),
    "IE": Numbering("353", "0", longest=10),
    "FR": Numbering("33", "0", longest=9),
    "DE": Numbering("49", "0"),
    "AT": Numbering("43", "0", longest=13),
    "CH": Numbering("41", "0", longest=12),
    "NL": Numbering("31", "0", longest=11),
    "BE": Numbering("32", "0", longest=9),
    "ES": Numbering("34", longest=9),
    "PT": Numbering("351", longest=9),
    "IT": Numbering("39", longest=12),
    "PL": Numbering("48", longest=10),
    "CZ": Numbering("420", longest=12),
    "SE": Numbering("46", "0", longest=12),
    "NO": Numbering("47", longest=8),
    "DK": Numbering("45", longest=8),
    "FI": Numbering("358", "0", longest=12),
    "TR": Numbering("90", "0", longest=13),
    "AE": Numbering("971", "0", longest=12),
    "SA": Numbering("966", "0", longest=10),
    "ZA": Numbering("27", "0", longest=10),
    "RU": Numbering("7", "8", "810", longest=14),
}
# "ext. 12", "x12", "#12", "转12", "分机 12": of the switchboard, not of the number.
_EXTENSION = r"(?i)[ ,;]*(?:ext(?:ension|n)?\.?|x|#|转|轉|分机|分機|内线|內線)[ :：=.]*[0-9]{1,7}$"
# "+44 (0)20": the digit for callers at home, written beside the country's code.
_AT_HOME = r"^(\+[ 0-9]*)\(0\)"


def e164(text: ir.StringValue, region: str | None) -> ir.StringValue:
    """The number in `text` (plain ASCII digits) as "+" and its digits; null without a digit.

    A number without a country's code is one of `region`; if none is given, its digits are all that is known.
    """
    written = text.re_replace(_EXTENSION, "").re_replace(_AT_HOME, r"\1")
    digits = written.re_replace("[^0-9]+", "").nullif("")
    if region is None:
        return written.re_search(r"^[^0-9]*\+").ifelse("+" + digits, digits)
    plan = NUMBERING[region]
    national = (
        "+" + plan.code + digits.re_replace(f"^{plan.trunk}", "") if plan.trunk else "+" + plan.code + digits
    )
    longer = digits.startswith(plan.code) & (digits.length() > plan.longest)
    return written.re_search(r"^[^0-9]*\+").ifelse(
        "+" + digits,
        digits.re_search(f"^(?:{plan.abroad})[1-9]").ifelse(
            "+" + digits.re_replace(f"^(?:{plan.abroad})", ""), longer.ifelse("+" + digits, national)
        ),
    )
