"""Patterns: what personal data looks like in text, in the engine's regular expressions (RE2).

No look-around and no back-references; a pattern that ends in digits takes the longest run, so that a
replaced number leaves no tail. The order matters: a specific pattern comes before a general one. Where a
pattern has a group, the group is the value and the rest is what tells its kind.
"""

from __future__ import annotations

_LETTER = "A-Za-zÀ-ɏ"
_ANY = _LETTER + "Ͱ-ϿЀ-ӿ"  # with the letters of other scripts that look like Latin ones
HAN = "一-鿿"
_PROVINCE = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_STREET = "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Terrace"
_SERVICE = (
    "微信|威信|微博|QQ|扣扣|支付宝|淘宝|旺旺|抖音|快手|小红书|B站|闲鱼|"
    r"\b(?:wechat|weixin|wx|vx|v信|weibo|alipay|taobao|tiktok|whatsapp|telegram|skype|instagram|twitter|snapchat)"
)
_IS = r"(?:会员名?|用户名?|账户|账号|帐号|号码|号|名|id|account|handle|user|is|是|为|[:： ]){1,4}"
_DAY = (
    r"(?:[0-9]{1,4}[-./年 ][0-9]{1,2}[-./月 ][0-9]{1,4}|[0-9]{8}\b"
    r"|[0-9]{1,2} ?[A-Za-z]{3,9},? ?[0-9]{4}|[A-Z][a-z]{2,8} [0-9]{1,2},? [0-9]{4})日?"
)

# Name -> pattern; the placeholder is the name up to the first _.
# All of them are replaced in free text and searched for in what is released.
PATTERNS: dict[str, str] = {
    "URL": r"(?i)(?:https?://|ftp://|www\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+",
    "EMAIL": rf"[{_ANY}0-9._%+'-]+ ?(?:@|\(at\)|\[at\]) ?"
    rf"[{_ANY}0-9{HAN}-]+(?:\.[{_ANY}0-9{HAN}-]+)+",
    "ACCOUNT_WECHAT": r"(?i:\bwxid_[0-9a-z]{6,}\b)",
    "ACCOUNT_SERVICE": rf"(?i:(?:{_SERVICE}){_IS}"
    r"([A-Za-z0-9_.-]{4,}[0-9][A-Za-z0-9_-]*|[A-Za-z0-9_.-]*[0-9][A-Za-z0-9_-]{4,}))"
    r"|(?i:qq|扣扣)([0-9]{5,11})"
    rf"|(?i:(?:{_SERVICE})([A-Za-z][A-Za-z0-9_.-]{{3,}}[0-9][A-Za-z0-9_-]*|[A-Za-z][A-Za-z0-9_.-]*[0-9][A-Za-z0-9_-]{{3,}}))"
    rf"|(?i:\b([A-Za-z][A-Za-z0-9_.-]{{2,}}[0-9][A-Za-z0-9_-]*)(?:加我|是我|我)的?(?:{_SERVICE}))",
    "ACCOUNT_HANDLE": r"(?:^|[^A-Za-z0-9._%+'-])(@[A-Za-z_][A-Za-z0-9_.]{2,29})",
    "DEVICE": r"(?i:\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b)"
    r"|(?i:\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
    "PHONE_PAIRS": r"\b0[0-9](?:[ .-][0-9]{2}){4}\b",
    "IP": r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
    r"|(?i:\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{1,4}\b)"
    r"|(?i:\b(?:[0-9a-f]{1,4}:){1,6}:(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*)?)",
    "WAYBILL": r"(?i:\b(?:SF|YT|ZTO|STO|YD|JT|JD[A-Z]{0,3}|DPK|EMS)[0-9]{9,}\b)|\b1Z[0-9A-Z]{16}\b",
    "COMPANY": r"\b[159Y][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}\b",
    "IBAN": r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b"
    r"|(?i:\b[a-z]{2}[0-9]{2}[a-z0-9]{0,4}[0-9]{7,}[a-z0-9]*\b)",
    "ORDER": r"(?i:\b(?:O|ORD|ORDER|PO|INV)[ #-]{0,2}[0-9]{4,}\b)"
    r"|(?:订单编?号?|单号)[:： ]{0,2}(?:是|为)?([0-9]{4,})",
    "LICENCE": r"(?i:licen[cs]e|passport|驾照|驾驶证|护照)"
    r"(?i:[' ]{0,2}(?:number|no\.?|num|id|card|is|was|号码?|编号|是|为|[:： #]))"
    r"{0,5}([A-Za-z]{0,2}[0-9][0-9-]{4,}[0-9])",
    "BIRTHDATE": rf"(?i:\bborn\b|birth|\bdob\b|\bbday\b|生日|出生|生于)[^0-9\n\[]{{0,24}}({_DAY})"
    rf"|({_DAY})(?:出生|生人|生的|生[,，。;；)）]|生$)",
    "ID": r"\b[0-9]{6}[ -]?[0-9]{8}[ -]?[0-9]{3}[0-9Xx]\b"
    r"|\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b"
    rf"|[{_ANY}]{{1,3}}-?[0-9]{{6,}}\b",
    "PHONE_ABROAD": r"\+[0-9]{1,3}(?:[ ().-]{0,3}[0-9]){6,}|\b00[1-9](?:[ ().-]{0,3}[0-9]){8,}",
    "CARD": r"[0-9](?:[ .-]?[0-9]){12,}[Xx]?",
    "PHONE": r"(?:86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4,}"
    r"|\(?[0-9]{3}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4,}"
    r"|\b0[0-9]{1,4}[ /-][0-9]{3,4}[ -]?[0-9]{3,}"
    r"|\b[0-9]{3}-[0-9]{4}\b"
    r"|\b[0-9](?:(?: [0-9]){8,}|(?:-[0-9]){8,}|(?:\.[0-9]){8,})\b"
    r"|[0-9]{9,}"
    r"|[零〇一二三四五六七八九幺]{7,}",
    "PLATE": rf"[{_PROVINCE}][A-ZΑ-ΩА-Я][· ]?[A-HJ-NP-Z0-9]{{4,5}}[A-HJ-NP-Z0-9挂学警港澳]",
    "ADDRESS": rf"\b[0-9]{{1,5}}[A-Za-z]? (?:[A-ZÀ-Þ][{_LETTER}'.-]* ){{1,4}}(?:{_STREET})\b"
    rf"|[{HAN}]{{2,6}}(?:路|街|巷|道|弄)[0-9]{{1,5}}[号弄](?:[0-9]{{1,4}}(?:号楼|栋|单元|室|楼))*",
}

# What only its neighbourhood makes personal: enough for a text to be analysed, not to stop a release.
HINTS: tuple[str, ...] = (
    r"[0-9]{2}[ )./-]{1,2}[0-9]{2,5}",
    r"(?i:\bzip\b|zip ?code|post ?code|postal code|邮编)",
    rf"(?i:(?:{_SERVICE}){_IS}[A-Za-z])",
    r"[0-9]{5,}",
)

# Spellings that would hide a number or an e-mail: full-width forms and unusual dashes and blanks.
_FULL_WIDTH = "".join(
    chr(0xFF01 + i) for i in range(94) if chr(0x21 + i).isalnum() or chr(0x21 + i) in "@.+-()_:/"
)
# digits of other scripts, each row from 0 to 9
_DIGITS = "".join(
    chr(start + i)
    for start in (0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
    for i in range(10)
)
_OTHERS = "\u00a0\u2007\u202f\u3000\u2010\u2011\u2012\u2013\u2014\u2212"
# the last four mark what was found, inside the analysis (see detect.marking): no text may hold them before
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\ue000\ue001\ue002\ue003"
ODD = _FULL_WIDTH + _DIGITS + _OTHERS + _INVISIBLE
PLAIN = "".join(chr(ord(c) - 0xFEE0) for c in _FULL_WIDTH) + "0123456789" * 8 + "    " + "------"


def residual_patterns() -> dict[str, str]:
    """Name -> pattern (RE2, also valid in Python) that no released string may contain.

    The same patterns that `redact` replaces, for the gate to search in every column of strings.
    Identifiers of type UUID are not strings and are judged by their form instead.
    """
    return dict(PATTERNS)
