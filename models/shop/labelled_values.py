"""Labelled values: invented personal values of every kind, each as people write it, check digits included.

They serve `labelled`, which puts them into sentences. Every number is drawn at random; names and streets are
those of the embedded shop and some more, put together at random.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from models.shop import names
from models.shop.places import CHINESE, WESTERN

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_PLATE = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_GIVEN = (
    "安宝斌博晨成诚川达丹德东恩帆飞峰刚光国海涵航豪昊浩恒宏虹鸿华欢辉慧佳嘉健娇洁金锦晶婧景君俊凯康可岚乐蕾莉立亮琳玲龙璐萌梦苗明楠宁培鹏平琪倩清晴庆秋然荣蓉瑞润珊尚诗书舒淑帅双爽思松素"
    "婷庭彤薇维文雯曦祥翔晓笑欣鑫馨星旭璇雪雅妍燕瑶怡艺逸毅颖莹永宇玉钰媛源悦云芸泽哲珍真振正芝志智忠洲竹卓紫宗"
)
_ROADS = (
    "人民",
    "中山",
    "解放",
    "建国",
    "和平",
    "长江",
    "文昌",
    "新华",
    "天山",
    "学院",
    "滨河",
    "科技",
    "玉兰",
    "东风",
    "胜利",
    "朝晖",
)
_DISTRICTS = (
    "朝阳区",
    "海淀区",
    "浦东新区",
    "徐汇区",
    "天河区",
    "南山区",
    "西湖区",
    "武侯区",
    "雁塔区",
    "江岸区",
    "鼓楼区",
    "姑苏区",
)
_ESTATES = (
    "幸福里",
    "阳光花园",
    "翠湖小区",
    "万科城",
    "金色家园",
    "碧桂园",
    "绿地新都会",
    "锦绣苑",
    "东方名城",
    "紫荆公寓",
)
_PROVINCES = "京沪粤苏浙鲁川鄂豫湘闽皖"
_STREETS = (
    "Maple Street",
    "Oak Avenue",
    "Hill Road",
    "Cedar Lane",
    "Park Avenue",
    "Main St",
    "Elm Street",
    "Sunset Blvd",
    "Victoria Road",
    "Mill Lane",
    "Church Street",
    "Highfield Drive",
    "King's Court",
)

Draw = Callable[[random.Random], str]


def digits(rng: random.Random, count: int) -> str:
    """`count` random decimal digits, the first not 0."""
    return str(rng.randrange(10 ** (count - 1), 10**count))


def with_luhn(body: str) -> str:
    """`body` and the check digit of Luhn (ISO/IEC 7812-1)."""
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(body)))
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


def resident_id(rng: random.Random) -> str:
    """A resident identity number with the right check character (GB 11643-1999)."""
    area = rng.choice(("110105", "310115", "440106", "330106", "510107", "420102", "320508", "610113"))
    year, month, day = _date(rng)
    body = f"{area}{year}{month:02}{day:02}{rng.randrange(1000):03}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def iban(rng: random.Random) -> str:
    """An IBAN with the right check digits (ISO 13616), half of them in groups of four."""
    country, body = rng.choice(
        (("GB", "NWBK" + digits(rng, 14)), ("DE", digits(rng, 18)), ("FR", digits(rng, 23)))
    )
    rest = int("".join(str(int(mark, 36)) for mark in body + country + "00")) % 97
    whole = f"{country}{98 - rest:02}{body}"
    return whole if rng.random() < 0.5 else " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))


def credit_code(rng: random.Random) -> str:
    """A unified social credit code with the right check character (GB 32100-2015)."""
    body = "91" + rng.choice(("110105", "310115", "440300")) + "".join(rng.choice(_CREDIT) for _ in range(9))
    total = sum(_CREDIT.index(mark) * pow(3, place, 31) for place, mark in enumerate(body))
    return body + _CREDIT[-total % 31]


def chinese_name(rng: random.Random) -> str:
    """A family name and one or two characters; one name in twenty has a double family name."""
    family = (
        rng.choice(names.CHINESE_SURNAMES)[0]
        if rng.random() < 0.95
        else rng.choice(("欧阳", "司马", "上官", "诸葛"))
    )
    return family + "".join(rng.sample(_GIVEN, 1 if rng.random() < 0.25 else 2))


def chinese_address(rng: random.Random) -> str:
    """From a province or city, a district or a road down to a room."""
    city = rng.choice(
        ("", rng.choice(CHINESE).city, rng.choice(CHINESE).city, "广东省广州市", "浙江省杭州市")
    )
    district = rng.choice(_DISTRICTS) if city or rng.random() < 0.5 else ""
    road = f"{rng.choice(_ROADS)}{rng.choice(('路', '街', '大道', '东路'))}{rng.randrange(1, 900)}号"
    estate = f"{rng.choice(_ESTATES)}{rng.randrange(1, 40)}{rng.choice(('栋', '号楼', '幢', '座'))}"
    room = rng.choice(
        (
            f"{rng.randrange(1, 5)}单元{rng.randrange(101, 2600)}室",
            f"{rng.randrange(101, 2600)}室",
            str(rng.randrange(101, 2600)),
        )
    )
    return city + district + rng.choice((road, road + estate + room, estate + room if city else road + room))


def english_name(rng: random.Random) -> str:
    """A given name and a surname, sometimes with an initial."""
    given = rng.choice(names.FEMALE + names.MALE)
    middle = f" {rng.choice(_LATIN).upper()}." if rng.random() < 0.15 else ""
    return f"{given}{middle} {rng.choice(names.SURNAMES)}"


def english_address(rng: random.Random) -> str:
    """House number and street, then maybe a flat, a city and a postcode."""
    home = rng.choice(("", "", f", Apt {rng.randrange(1, 99)}", f", Suite {rng.randrange(100, 999)}"))
    place = rng.choice(WESTERN)
    town = rng.choice(("", f", {place.city}", f", {place.city} {place.postcode}{rng.randrange(10, 99)}"))
    return f"{rng.randrange(1, 2400)} {rng.choice(_STREETS)}{home}{town}"


def _mobile(rng: random.Random) -> str:
    first, middle, last = (
        rng.choice(("131", "138", "159", "176", "189", "199")),
        digits(rng, 4),
        digits(rng, 4),
    )
    return rng.choice(
        (
            first + middle + last,
            f"{first}-{middle}-{last}",
            f"{first} {middle} {last}",
            f"+86 {first}{middle}{last}",
        )
    )


def _phone(rng: random.Random) -> str:
    area, line = rng.randrange(201, 990), digits(rng, 4)
    return rng.choice(
        (
            f"({area}) 555-{line}",
            f"{area}-555-{line}",
            f"+1 {area} 555 {line}",
            f"+44 20 7946 {line}",
            f"07700 900{area}",
        )
    )


def _email(rng: random.Random) -> str:
    local = "".join(rng.choices(_LATIN, k=rng.randrange(4, 10))) + rng.choice(("", "_", ".")) + digits(rng, 3)
    return f"{local}@{rng.choice(('qq.com', '163.com', 'gmail.com', 'example.com', 'mail.example.co.uk'))}"


def _card(rng: random.Random) -> str:
    whole = with_luhn(rng.choice(("4", "51", "622202", "621700")) + digits(rng, 9))
    whole = with_luhn((whole + digits(rng, 9))[:15]) if len(whole) < 16 else whole
    return whole if rng.random() < 0.5 else " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))


def _date(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(1950, 2008), rng.randrange(1, 13), rng.randrange(1, 29)


def _born_chinese(rng: random.Random) -> str:
    year, month, day = _date(rng)
    return rng.choice((f"{year}年{month}月{day}日", f"{year}-{month:02}-{day:02}", f"{year}.{month}.{day}"))


def _born_english(rng: random.Random) -> str:
    year, month, day = _date(rng)
    name = ("January", "March", "May", "July", "August", "October", "December")[month % 7]
    return rng.choice(
        (
            f"{month}/{day}/{year}",
            f"{year}-{month:02}-{day:02}",
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
        )
    )


def _plate(rng: random.Random) -> str:
    start = rng.choice(_PROVINCES) + rng.choice("ABCDE")
    tail = "".join(rng.choice(_PLATE) for _ in range(4)) + rng.choice("0123456789")
    return rng.choice((start + tail, f"{start}·{tail}", f"{start}{rng.choice('DF')}{tail}"))


def _handle(rng: random.Random) -> str:
    return (
        "".join(rng.choices(_LATIN, k=rng.randrange(4, 9)))
        + rng.choice(("_", ""))
        + digits(rng, rng.randrange(2, 4))
    )


def _mac(rng: random.Random) -> str:
    return rng.choice(":-").join(f"{rng.randrange(256):02X}" for _ in range(6))


def _uuid(rng: random.Random) -> str:
    text = f"{rng.getrandbits(128):032x}"
    return rng.choice((str.upper, str.lower))(
        "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    )


def _ip(rng: random.Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _waybill(rng: random.Random) -> str:
    return rng.choice(
        (
            f"SF{digits(rng, 13)}",
            f"YT{digits(rng, 13)}",
            f"JD{digits(rng, 13)}",
            f"ZTO{digits(rng, 12)}",
            digits(rng, 14),
        )
    )


# slot -> (kind of placeholder, how it is drawn); the slots of both languages
SHARED: Mapping[str, tuple[str, Draw]] = {
    "email": ("EMAIL", _email),
    "card": ("CARD", _card),
    "ip": ("IP", _ip),
    "mac": ("DEVICE", _mac),
    "uuid": ("DEVICE", _uuid),
    "imei": ("DEVICE", lambda rng: with_luhn("86" + digits(rng, 12))),
    "iban": ("IBAN", iban),
    "handle": ("ACCOUNT", lambda rng: "@" + _handle(rng)),
    "account": ("ACCOUNT", _handle),
    "qq": ("ACCOUNT", lambda rng: digits(rng, rng.randrange(7, 11))),
    "order": ("ORDER", lambda rng: digits(rng, 18) if rng.random() < 0.5 else f"O{digits(rng, 8)}"),
    "waybill": ("WAYBILL", _waybill),
    "passport": ("PASSPORT", lambda rng: rng.choice(("E", "G", "EA")) + digits(rng, 8)),
    "ssn": ("ID", lambda rng: f"{rng.randrange(101, 660)}-{rng.randrange(10, 99)}-{digits(rng, 4)}"),
    "licence": (
        "LICENCE",
        lambda rng: rng.choice((f"{rng.choice('DFSW')}{digits(rng, 12)}", digits(rng, 8))),
    ),
    "resident": ("ID", resident_id),
    "credit_code": ("COMPANY", credit_code),
    "plate": ("PLATE", _plate),
}
CHINESE_VALUES: Mapping[str, tuple[str, Draw]] = {
    **SHARED,
    "name": ("NAME", chinese_name),
    "address": ("ADDRESS", chinese_address),
    "phone": ("PHONE", _mobile),
    "landline": ("PHONE", lambda rng: f"0{rng.choice(('10', '21', '755', '571'))}-{digits(rng, 8)}"),
    "born": ("BIRTHDATE", _born_chinese),
}
ENGLISH_VALUES: Mapping[str, tuple[str, Draw]] = {
    **SHARED,
    "name": ("NAME", english_name),
    "given": ("NAME", lambda rng: rng.choice(names.FEMALE + names.MALE)),
    "address": ("ADDRESS", english_address),
    "phone": ("PHONE", _phone),
    "born": ("BIRTHDATE", _born_english),
}
