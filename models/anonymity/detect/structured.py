"""Structured identifiers: numbers and codes found by PATTERNS, named by their check digits and their neighbourhood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from models.anonymity.detect import checks
from models.anonymity.detect.spans import Span
from models.anonymity.patterns import PATTERNS

MASK = "\ue003"  # stands where a value was found; no pattern matches it
_BEFORE = 28  # characters before a number that tell what it is
# Kind -> words next to a number that tell what it is; the nearest word before it decides.
_CUES: dict[str, str] = {
    "ORDER": r"\border|订单|单子|本单",
    "WAYBILL": r"tracking|waybill|shipment|parcel number|运单|快递单|单号|快递|物流|圆通|中通|申通|顺丰|韵达",
    "DEVICE": r"imei|device|串号|设备|序列号|\bmac\b|advertising",
    "PASSPORT": r"passport|护照",
    "LICENCE": r"licen[cs]e|驾照|驾驶证",
    "CARD": r"\bcards?\b|\bcc\b|credit|debit|卡号|银行卡|信用卡|行卡|张卡|\bcharge\b",
    "ACCOUNT": r"\bqq|扣扣|微信|wechat|\bvx\b|支付宝|alipay|淘宝",
    "COMPANY": r"信用代码|税号|社会信用",
    "ID": r"\bssn\b|social security|\bitin\b|身份证|证件",
    "PHONE": r"phone|\btel\b|mobile|\bcall|\bfax\b|\bdesk\b|\bcell\b|\btext\b|answering|message|whatsapp"
    r"|电话|手机|联系|座机|致电",
}
_CUE = re.compile("|".join(f"(?P<{kind}>{words})" for kind, words in _CUES.items()), re.IGNORECASE)
_NUMBERS = frozenset(
    {"CARD", "PHONE", "ID", "ORDER", "WAYBILL", "COMPANY", "LICENCE", "NUMBER", "IBAN", "ACCOUNT"}
)
_GROUPED = re.compile(
    r"(?<![0-9.,:/$€£¥-])\(?\+?[0-9]{1,5}\)?(?:[ ./-]{1,2}\(?[0-9]{2,5}\)?){1,5}"
    r"(?: ?(?:x|ext\.? ?)[0-9]{1,6})?(?![0-9:,/%-]|\.[0-9])"
)
_EXTENSION = re.compile(r" ?(?:x|ext\.? ?)[0-9]{1,6}\b")
_DATE = re.compile(
    r"(?:(?:18|19|20)[0-9]{2}[-./ ][0-9]{1,2}[-./ ][0-9]{1,2}|[0-9]{1,2}[-./ ][0-9]{1,2}[-./ ](?:18|19|20)[0-9]{2}"
    r"|(?:19|20)[0-9]{2}[-./ ](?:19|20)[0-9]{2})(?: .*)?"
)
_POSTCODE = re.compile(
    r"(?i:\bzip\b|zip ?code|post ?code|postal code|邮编)(?i:[^0-9A-Za-z]|\bis\b|为|是){0,8}"
    r"((?:[A-Z]{1,2}[-]?)?[0-9][0-9A-Z]{1,5}(?:[ -][0-9A-Z]{2,4})?)"
)
_SERVICES = (
    "微信",
    "支付宝",
    "淘宝",
    "旺旺",
    "抖音",
    "快手",
    "小红书",
    "微博",
    "wechat",
    "weixin",
    "alipay",
    "vx",
    "wx",
)
_NAMED_ACCOUNT = re.compile(
    rf"(?i:(?:{'|'.join(_SERVICES)})"
    r"(?:会员名?|用户名?|账户|账号|帐号|号码|号|名| id|[:： ]| is){1,4})([A-Za-z][A-Za-z0-9_-]{4,19})(?![A-Za-z0-9_-])"
)
_SHORT = re.compile(
    r"(?<![0-9A-Za-z.,$€£¥/-])(?:[A-Z]{0,2}[0-9]{5,8}|[0-9]{4}-[0-9]{2}-[0-9]{4})(?![0-9A-Za-z/-]|[.,][0-9])"
)
_SHORT_KINDS = frozenset({"LICENCE", "PASSPORT", "ACCOUNT", "PHONE", "ORDER", "WAYBILL"})


@cache
def patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """PATTERNS in their order, for Python; like RE2, word ends and letter cases are ASCII's."""
    return tuple((name.split("_")[0], re.compile(pattern, re.ASCII)) for name, pattern in PATTERNS.items())


# What any of PATTERNS needs: a text without it need not be searched for each of them.
_NEEDED = re.compile(
    r"[0-9@:]|(?i:www\.|wxid_|\(at\)|\[at\]|[a-f]{2}-[a-f]{2})|[零〇一二三四五六七八九幺]{7}|[一-鿿][A-ZΑ-ΩА-Я]"
)


def may_match(text: str) -> bool:
    """Whether any of PATTERNS can match: a quick look, which never says no wrongly."""
    return _NEEDED.search(text) is not None


def names_account(text: str) -> bool:
    """Whether a service is named: an account made of letters alone may follow, which no pattern matches."""
    lower = text.lower()
    return any(service in lower for service in _SERVICES)


def structured(text: str) -> list[Span]:
    """The structured identifiers of `text`: all that PATTERNS matches, and what its neighbourhood makes one."""
    found: list[Span] = []
    rest = text
    for kind, pattern in patterns():
        for match in pattern.finditer(rest):
            start, end = _value(match)
            found.append(Span(start, end, kind))
        rest = _masked(text, found)
    for span in _by_neighbourhood(rest):
        found.append(span)
        rest = _masked(text, found)
    named = (_extended(text, span._replace(kind=kind_of(text, span))) for span in found)
    return sorted(named)


def kind_of(text: str, span: Span) -> str:
    """What a number is: by check digits where they leave no doubt, then by the words before it, then by its look."""
    value = text[span.start : span.end].strip()
    compact = re.sub(r"[ .()/-]", "", value)
    if span.kind not in _NUMBERS:
        return span.kind
    if checks.is_resident_id(compact):
        return "ID"
    if checks.is_iban(value):
        return "IBAN"
    cue = _cue(text, span)
    if cue is not None and span.kind not in {"ACCOUNT", "IBAN"}:
        return cue
    if compact[:1].isalpha() and not compact.isdigit():
        return "COMPANY" if checks.is_credit_code(compact) else span.kind
    if checks.is_imei(compact):
        return "DEVICE"
    if checks.is_credit_code(compact):
        return "COMPANY"
    return "CARD" if checks.is_card(compact) else span.kind


def _cue(text: str, span: Span) -> str | None:
    before = text[max(0, span.start - _BEFORE) : span.start]
    # another number in between takes the word for itself
    before = re.split(r"[0-9]{4,}|[。！？]|(?<![:：])\n|[.!?] ", before)[-1]
    last = None
    for match in _CUE.finditer(before):
        last = match.lastgroup
    return last


def _by_neighbourhood(text: str) -> Iterator[Span]:
    for match in _NAMED_ACCOUNT.finditer(text):
        yield Span(*match.span(1), "ACCOUNT")
    for match in _POSTCODE.finditer(text):
        yield Span(*match.span(1), "ADDRESS")
    for match in _GROUPED.finditer(text):
        if _is_phone(text, match):
            yield Span(*match.span(), "PHONE")
    for match in _SHORT.finditer(text):
        cue = _cue(text, Span(*match.span(), "NUMBER"))
        if cue in _SHORT_KINDS:
            yield Span(*match.span(), cue)


def _is_phone(text: str, match: re.Match[str]) -> bool:
    """Groups of digits are a phone number unless they are a day, a few small numbers or an amount."""
    value = match.group()
    digits = sum(mark.isdigit() for mark in value)
    if not 7 <= digits <= 15 or _DATE.fullmatch(value.strip()):
        return False
    if re.search(r"[.,][0-9]{2}$", value) and value.count(".") == 1:
        return False
    return (
        _cue(text, Span(*match.span(), "PHONE")) == "PHONE"
        or digits >= 8
        or value[0] in "(+0"
        or "-" in value
    )


def _extended(text: str, span: Span) -> Span:
    """A phone number with its extension."""
    if span.kind != "PHONE":
        return span
    more = _EXTENSION.match(text, span.end)
    return span._replace(end=more.end()) if more else span


def _value(match: re.Match[str]) -> tuple[int, int]:
    """Where the value of a match lies: its group if it has one that took part, else the whole."""
    return match.span(match.lastindex) if match.lastindex else match.span()


def _masked(text: str, found: list[Span]) -> str:
    for span in found:
        text = text[: span.start] + MASK * (span.end - span.start) + text[span.end :]
    return text
