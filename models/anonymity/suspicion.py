"""Suspicion: one cheap search that says which texts the dear analysis must read, in the engine's expressions (RE2).

Numbers: everything that PATTERNS or a hint can match, nothing left out. Names: a capital word that is no common
English one, words without any capital, a family name before another Han character, or words that announce a name or
an address. A text without any of them is taken to hold nobody; what that costs is part of the figures of
benchmarks/_text_spans.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.anonymity.patterns import HINTS, PATTERNS

_COMMON = """
I Im Ive Id Ill My Me We You Your He She It Its They Their Our This That These Those There Here The An And Or
But So If As At In On To For Of Off Up Out From By With Without After Before Since Until While Because Although
Once How What Whats Which Who Whose Why When Where Can Cant Cannot Could Would Should Shall Do Dont Does Doesnt
Did Didnt Is Isnt Are Arent Am Was Wasnt Were Be Been Being Has Hasnt Have Havent Had Not No Nobody Nothing None
Never Now Yes Ok Okay Please Thank Thanks Hi Hey Hello Dear Sorry Help Need Want Tell Show Give Get Got Let Make
Take Try Tried Send Sent Put Keep Come Go Going Look Looks Looking Seems Using Use Add Change Check Cancel Close
Delete Explain Any Anyone Anything Some Someone Somebody Something All Also Every Everyone Everything Each
Another Other Both Either Just Even Still Yet Only Very Too Then Than Today Tomorrow Yesterday Currently Maybe
Perhaps However Last First Next Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March
July September October November December Great Good Best Nice Bad Poor Love Loved Like Works Worked Wow Perfect
Excellent Recommended Quality Item Items Product Products Order Ordered Orders Card Cards Account Bank Money
Cash Payment Payments Transfer Transfers Refund Delivery Shipping Price Prices Service Customer Support App
Website Phone Email Address Name Date Number Regards Kind Visa Mastercard Paypal PayPal Google Apple Amazon
"""
# Family names, most common first; those that are mostly other words (时, 常, 包, 成 ...) need an announcement.
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢钟汪"
    "范姜石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武莫孔汤向温康施文牛樊葛邢安齐易乔伍庞"
    "颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝宁尚符舒阮柯纪梅童凌毕裴霍涂苗谷盛曲翁冉骆蓝游靳柴蒙鲍华喻祁蒲房滕"
    "屈饶牟艾尤穆农司卓古吉缪车项芦麦褚娄窦戚岑党卜晏席卫柏宗诸上慕令皇夏闫洪崔廖邰虞荣管景鞠封仇栾阳刁"
)
_ANNOUNCED = (
    "我[是叫][一-鿿]{2}|名叫|名字|姓名|户名|实名|收[件货款]人|寄件人|联系人|先生|女士|小姐|转告|此致|签[名收]"
    "|[一-鿿]{2}(?:大道|[路街巷弄][0-9东南西北中一二三四五六七八九十]|[市区县镇乡村][一-鿿]|小区|花园|公寓|单元|号楼|[0-9]室)"
)
_LOWER_CASE = (
    r"(?i:\b(?:name(?:'?s| is|d)|called|mr|mrs|ms|miss|dr|prof|regards|sincerely|surname)\b"
    r"|\bthis is [a-z]+ (?:here|speaking|from|calling)|\b(?:lives?|located|moved) (?:at|on|to|in)\b"
    r"|\baddress\b|\b(?:street|avenue|lane|boulevard|suite|apt)\b)"
)


def _unlisted(words: Sequence[str]) -> str:
    """A pattern for a word with a capital that is none of `words`: it turns away from them at some letter."""
    follow: dict[str, list[str]] = {}
    for word in words:
        if word:
            follow.setdefault(word[0], []).append(word[1:])
    letters = "abcdefghijklmnopqrstuvwxyz"
    apart = "".join(letter for letter in letters if letter not in follow) + "à-ɏ"
    ways = [letter + _unlisted(rest) for letter, rest in follow.items()]
    ends = [] if "" in words else [r"\b"]
    return f"(?:{'|'.join([*ways, f'[{apart}]', *ends])})"


def _capital(words: Sequence[str]) -> str:
    first = sorted({word[0] for word in words})
    ways = [letter + _unlisted([word[1:] for word in words if word[0] == letter]) for letter in first]
    others = "".join(letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if letter not in first)
    return rf"\b(?:{'|'.join(ways)}|[{others}][a-zà-ɏ])"


def _scoped(pattern: str) -> str:
    """A pattern whose flags for the whole become those of a group, so that it can be one of several."""
    return f"(?i:{pattern[4:]})" if pattern.startswith("(?i)") else f"(?:{pattern})"


NUMBERS = "|".join(_scoped(pattern) for pattern in (*PATTERNS.values(), *HINTS))
NAMES = (
    f"{_capital(tuple(dict.fromkeys(_COMMON.split())))}|[A-Z]{{3,}} [A-Z]{{3,}}|[À-ÞĀ-ɏΑ-Я][a-zà-ɏΆ-ӿ]"
    f"|[{SURNAMES}][一-鿿·]|{_ANNOUNCED}|{_LOWER_CASE}|^[^A-Z]*[a-z]{{3}}[^A-Z]*$"
)
