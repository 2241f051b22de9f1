"""Contents: what a sample of a column's values looks like, whatever the column is called."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from models.anonymity.patterns import PATTERNS
from models.shop.names import CHINESE_SURNAMES, FEMALE, MALE, SURNAMES
from models.shop.profiling.checksums import is_card, is_iban, is_resident_id
from models.shop.profiling.headers import Kind

# Shares of the different values of a sample from which a column is taken to be of a kind.
MOSTLY, SOME = 0.6, 0.01
# Kinds known by their look only; the name of the column may know better.
GUESSED: frozenset[Kind] = frozenset({"phone", "plate", "url", "postcode", "address", "name"})
_COMPOUND = "欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯"
_MORE = (
    "钟汪范姜石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武莫孔汤向常温康"
    "施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕"
    "单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤时穆农司卓古吉缪简车项"
    "连芦麦褚娄窦戚岑党宫费卜冷晏席卫米柏宗"
)
_HAN_NAME = re.compile(
    rf"(?:{_COMPOUND}|[{''.join(name[0] for name in CHINESE_SURNAMES)}{_MORE}])(?:·?[一-鿿]){{1,2}}"
)
_WESTERN = re.compile(r"[A-ZÀ-Þ][A-Za-zÀ-ɏ'’.-]*(?:,? [A-ZÀ-Þ][A-Za-zÀ-ɏ'’.-]*){1,3}")
_KNOWN_NAMES = frozenset(name.lower() for name in (*FEMALE, *MALE, *SURNAMES))
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+")
_DATE = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}(?:[ T].*)?")
_MOBILE = re.compile(r"(?:\+?86[ -]?|0086)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}")
_GROUPED = re.compile(
    r"(?:\+|00)[0-9][0-9 ().x/-]{6,22}|\(?[0-9]{2,5}\)?(?:[ ./-]?\(?[0-9]{2,8}\)?){1,4}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"
)
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
_SSN = re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")
_URL = re.compile(r"(?:https?://|www\.)\S+|@[A-Za-z0-9_.]{2,}")
_STREET = re.compile(
    r"(?:[0-9]{1,6}|Unit|PSC|Flat|Apt).{3,}(?:,|\n).*[A-Z0-9]|" + PATTERNS["ADDRESS"], re.DOTALL
)
_HAN_ADDRESS = re.compile(
    r".*[省市区县镇乡].*[路街道巷弄村号栋幢室楼].*|.*[路街道巷弄].*[0-9]+号.*", re.DOTALL
)
_UK_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}")
_TOKEN = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9_-]{6,}|[0-9a-fA-F-]{16,}")


def content_kind(values: Sequence[str]) -> Kind:
    """The kind of personal data that most of `values` (different, not blank) are; "unknown" for none."""
    if not values:
        return "unknown"
    for kind, test, share in _TESTS:
        if sum(map(test, values)) >= share * len(values):
            return kind
    if len(values) >= 5 and _are_names(values):
        return "name"
    return "unknown"


def traces(values: Sequence[str]) -> bool:
    """Whether more than a few of `values` hold something that looks like a personal identifier."""
    found = sum(any(pattern.search(value) for pattern in _RESIDUAL) for value in values)
    return found > SOME * len(values)


def tokens(values: Sequence[str]) -> float:
    """The share of `values` that look made by a machine: letters and digits without words."""
    return sum(bool(_TOKEN.fullmatch(value)) for value in values) / max(1, len(values))


def looks_like_data(header: str) -> bool:
    """Whether a header is rather a value: the file then has no line of names, and its first line is a row."""
    number = re.fullmatch(r"[-+]?[0-9][0-9.,:]*", header.strip())
    return bool(number) or bool(_DATE.fullmatch(header)) or content_kind([header.strip()]) != "unknown"


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return not text.isdigit()


def is_mobile(text: str) -> bool:
    """Whether `text` is a Chinese mobile number, with or without the country."""
    return bool(_MOBILE.fullmatch(text))


def _is_phone(text: str) -> bool:
    if is_mobile(text):
        return True
    digits = sum(mark.isdigit() for mark in text)
    if (
        text.isdigit()
        or not 7 <= digits <= 20
        or _DATE.fullmatch(text)
        or re.fullmatch(r"[0-9]+\.[0-9]+", text)
    ):
        return False
    return bool(_GROUPED.fullmatch(text))


def _full(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(pattern.fullmatch(text))


def _starts(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: bool(pattern.match(text))


def _are_names(values: Sequence[str]) -> bool:
    """Chinese names by their family name; Western ones by their shape and some that are known."""
    if sum(bool(_HAN_NAME.fullmatch(value)) for value in values) >= 0.85 * len(values):
        return True
    shaped = [value for value in values if _WESTERN.fullmatch(value)]
    single = [value for value in values if value.lower() in _KNOWN_NAMES]
    known = [v for v in shaped if {part.lower() for part in re.split("[ ,]+", v)} & _KNOWN_NAMES]
    whole = len(shaped) >= 0.8 * len(values) and len(known) >= 0.2 * len(values)
    return whole or len(single) >= 0.5 * len(values)


# Proofs by checksum first, since a number that passes one may also look like a phone.
_TESTS: tuple[tuple[Kind, Callable[[str], bool], float], ...] = (
    ("resident_id", is_resident_id, MOSTLY),
    ("iban", is_iban, MOSTLY),
    ("card", is_card, MOSTLY),
    ("email", _full(_EMAIL), MOSTLY),
    ("ip", _is_ip, MOSTLY),
    ("device", _full(_MAC), MOSTLY),
    ("resident_id", _full(_SSN), MOSTLY),
    ("phone", _is_phone, MOSTLY),
    ("plate", _full(re.compile(PATTERNS["PLATE"])), MOSTLY),
    ("url", _full(_URL), MOSTLY),
    ("postcode", _full(_UK_POSTCODE), MOSTLY),
    ("address", _full(_HAN_ADDRESS), MOSTLY),
    ("address", _starts(_STREET), MOSTLY),
)
_RESIDUAL = tuple(
    re.compile(PATTERNS[name]) for name in ("EMAIL", "IP", "IBAN", "ID", "PHONE_ABROAD", "CARD", "PHONE")
)
