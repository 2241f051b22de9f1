"""Checks: what a run of digits and letters proves to be by its own check digits."""

from __future__ import annotations

import re

from models.shop.profiling.checksums import is_card, is_iban, is_resident_id

_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_TAXPAYER = re.compile(r"9[0-9]{2}-(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])-[0-9]{4}")
_SOCIAL = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")


def is_credit_code(text: str) -> bool:
    """Whether `text` is a unified social credit code with the right check character (GB 32100-2015)."""
    plain = text.upper()
    if len(plain) != 18 or any(mark not in _CREDIT for mark in plain):
        return False
    total = sum(_CREDIT.index(mark) * pow(3, place, 31) for place, mark in enumerate(plain[:17]))
    return _CREDIT[-total % 31] == plain[17]


def is_imei(text: str) -> bool:
    """Whether `text` is a phone's IMEI: 15 digits of a known body that pass Luhn's check (3GPP TS 23.003)."""
    return len(text) == 15 and text[:2] in {"01", "35", "86", "99"} and is_card(text)


def is_social_security(text: str) -> bool:
    """Whether `text` may be a US social security number or ITIN: the ranges that are given out."""
    return bool(_SOCIAL.fullmatch(text) or _TAXPAYER.fullmatch(text))


__all__ = ["is_card", "is_credit_code", "is_iban", "is_imei", "is_resident_id", "is_social_security"]
