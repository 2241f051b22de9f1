"""Forms: what the values of a whole column look like, where one value alone proves nothing (RE2).

PATTERNS stop a release for a single value: they carry a clear form, or cost little when they are wrong. A name, a plate
or a day may also be a product or a code, so that a column is suspicious only by the share of its different values that
have one form. Of 106 columns of public data sets and 35 of the embedded shop the only two beyond a share are dates of
birth (no false alarm: under 2.2 % at 95 %); of a dictionary's Chinese words 5 % look like a name (share allowed: 20 %).

Not among them, because clean columns look the same: QQ numbers of five to eight digits and member numbers (postcodes,
articles, amounts), freely chosen WeChat ids and nicknames (codes such as merchant_12), and names in Latin letters
(towns, brands, "Smart Speaker"). Order numbers without a prefix and passports of digits alone are in PATTERNS.
"""

from __future__ import annotations

from typing import NamedTuple

from models.anonymity.patterns import HAN
from models.anonymity.suspicion import SURNAMES

LEAST = 20  # different values of a form, under which nothing is said about a column
_MONTH = "(?:0?[1-9]|1[0-2])"
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])"
_BORN = "1[89][0-9]{2}"  # of customers who are alive, most; hardly an order's year


class Form(NamedTuple):
    """What whole values look like (`pattern`), and the share of a column's different values above which it is that."""

    kind: str
    pattern: str
    share: float


TEXT_FORMS: tuple[Form, ...] = (
    Form("names of people", rf"[{SURNAMES}][{HAN}]{{1,2}}|[{HAN}]{{1,3}}·[{HAN}·]{{1,8}}", 0.2),
    Form("dates of birth", rf"{_BORN}[-/.年]{_MONTH}[-/.月]{_DAY}日?|{_DAY}[-/.]{_DAY}[-/.]{_BORN}", 0.3),
    Form(
        "vehicle plates",
        "[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[A-Z]{2}-[0-9]{3}-[A-Z]{2}|[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} ?[0-9]{1,4}[EH]?",
        0.5,
    ),
    Form("passport numbers", "[CFGHJK][CFGHJKLMNPRTVWXYZ0-9]{7}[0-9][0-9]?D?", 0.5),
    Form("unkeyed digests or device ids", "(?i:[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})", 0.5),
    Form("coordinates", r"-?[0-9]{1,3}\.[0-9]{3,}[,; ]{1,2}-?[0-9]{1,3}\.[0-9]{3,}", 0.5),
)
NUMBER_FORMS: tuple[Form, ...] = (
    Form("mobile numbers", "(?:86)?1[3-9][0-9]{9}", 0.5),
    Form(
        "resident identity numbers",
        "[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{4}",
        0.5,
    ),
    Form("card numbers", "(?:4[0-9]{5}|5[1-5][0-9]{4}|62[0-9]{4}|3[47][0-9]{3})[0-9]{10,13}", 0.5),
)
