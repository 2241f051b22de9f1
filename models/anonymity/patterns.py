"""Patterns: what personal data looks like in text, in the engine's regular expressions (RE2).

No look-around and no back-references; a pattern that ends in digits takes the longest run, so that a
replaced number leaves no tail. The order matters: a specific pattern comes before a general one.
"""

from __future__ import annotations

_LETTER = "A-Za-zÀ-ɏ"
_HAN = "一-鿿"
_PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_STREET = "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Terrace"

# Name -> pattern; the placeholder is the name up to the first _.
# All of them are replaced in free text and searched for in what is released.
PATTERNS: dict[str, str] = {
    "URL": r"(?i)(?:https?://|ftp://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+",
    "EMAIL": rf"[{_LETTER}0-9._%+'-]+ ?(?:@|\(at\)|\[at\]) ?"
    rf"[{_LETTER}0-9{_HAN}-]+(?:\.[{_LETTER}0-9{_HAN}-]+)+",
    "IP": r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
    r"|(?i:\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b)"
    r"|(?i:\b(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)",
    "IBAN": r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b"
    r"|(?i:\b[a-z]{2}[0-9]{2}[a-z0-9]{0,4}[0-9]{7,}[a-z0-9]*\b)",
    "ORDER": r"(?i:\b(?:O|ORD|ORDER|PO|INV)[ #-]{0,2}[0-9]{4,}\b)|订单号?[:： ]*[0-9]{4,}",
    "ID": r"\b[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx]\b"
    r"|\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"
    r"|\b[A-Za-z]{1,3}-?[0-9]{6,}\b",
    "PHONE_ABROAD": r"\+[0-9]{1,3}(?:[ ().-]{0,3}[0-9]){6,}|\b00[1-9](?:[ ().-]{0,3}[0-9]){8,}",
    "CARD": r"[0-9](?:[ .-]?[0-9]){12,}[Xx]?",
    "PHONE": r"(?:86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4,}"
    r"|\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4,}"
    r"|\b0[0-9]{1,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,}"
    r"|\b[0-9]{3}-[0-9]{4}\b"
    r"|[0-9]{9,}",
    "PLATE": rf"[{_PROVINCE}][A-Z][· ]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]",
    "ADDRESS": rf"\b[0-9]{{1,5}}[A-Za-z]? (?:[A-ZÀ-Þ][{_LETTER}'.-]* ){{1,4}}(?:{_STREET})\b"
    rf"|[{_HAN}]{{2,6}}(?:路|街|巷|道|弄)[0-9]{{1,5}}[号弄](?:[0-9]{{1,4}}(?:号楼|栋|单元|室|楼))*",
}

# Spellings that would hide a number or an e-mail: full-width forms and unusual dashes and blanks.
_FULL_WIDTH = "".join(
    chr(0xFF01 + i) for i in range(94) if chr(0x21 + i).isalnum() or chr(0x21 + i) in "@.+-()_:/"
)
_OTHERS = "\u00a0\u2007\u202f\u3000\u2010\u2011\u2012\u2013\u2014\u2212"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
ODD = _FULL_WIDTH + _OTHERS + _INVISIBLE
PLAIN = "".join(chr(ord(c) - 0xFEE0) for c in _FULL_WIDTH) + "    " + "------"


def residual_patterns() -> dict[str, str]:
    """Name -> pattern (RE2, also valid in Python) that no released string may contain.

    The same patterns that `redact` replaces, for the gate to search in every column of strings.
    Identifiers of type UUID are not strings and are judged by their form instead.
    """
    return dict(PATTERNS)
