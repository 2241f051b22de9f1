"""Places: the cities of the embedded shop, with postcodes, phone area codes and streets.

A postcode's first three characters name its city; no two cities share them. Streets are invented.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from models.shop.purchases import Integers

Words = Any  # a numpy array of Python strings; numpy's typing has no narrower word for it


class Place(NamedTuple):
    """A city: its name, the first three characters of its postcodes, its area code and its relative size."""

    city: str
    postcode: str
    area_code: str
    size: int


WESTERN = (
    Place("Boston", "021", "617", 4),
    Place("Newark", "071", "973", 2),
    Place("New York", "112", "212", 7),
    Place("Pittsburgh", "152", "412", 2),
    Place("Philadelphia", "191", "215", 4),
    Place("Baltimore", "212", "410", 2),
    Place("Charlotte", "282", "704", 2),
    Place("Atlanta", "303", "404", 3),
    Place("Miami", "331", "305", 3),
    Place("Nashville", "372", "615", 2),
    Place("Louisville", "402", "502", 2),
    Place("Columbus", "432", "614", 3),
    Place("Cleveland", "441", "216", 2),
    Place("Cincinnati", "452", "513", 5),
    Place("Indianapolis", "462", "317", 3),
    Place("Detroit", "482", "313", 3),
    Place("Minneapolis", "554", "612", 2),
    Place("Chicago", "606", "312", 6),
    Place("St. Louis", "631", "314", 2),
    Place("Dallas", "752", "214", 4),
    Place("Houston", "770", "713", 4),
    Place("Denver", "802", "303", 3),
    Place("Phoenix", "850", "602", 2),
    Place("Seattle", "981", "206", 3),
)
CHINESE = (
    Place("北京市", "100", "010", 4),
    Place("上海市", "200", "021", 5),
    Place("南京市", "210", "025", 2),
    Place("苏州市", "215", "0512", 2),
    Place("杭州市", "310", "0571", 3),
    Place("武汉市", "430", "027", 2),
    Place("广州市", "510", "020", 3),
    Place("深圳市", "518", "0755", 4),
    Place("成都市", "610", "028", 3),
    Place("西安市", "710", "029", 2),
)
PLACES = WESTERN + CHINESE
_STREETS = (
    "Maple Street",
    "Oak Avenue",
    "Washington Street",
    "Lake View Drive",
    "Hill Road",
    "Cedar Lane",
    "Park Avenue",
    "Main Street",
    "Elm Street",
    "River Road",
    "Pine Street",
    "Sunset Boulevard",
)
_ROADS = ("人民路", "中山路", "解放路", "建设路", "和平路", "长江路", "文化路", "新华路", "幸福路", "学府路")
_DISTRICTS = ("中心区", "城东区", "城西区", "城南区", "城北区", "新区", "高新区", "滨江区")


def _postcodes() -> Words:
    endings = [f"{number:02d}" for number in range(100)]
    western = [place.postcode + ending for place in WESTERN for ending in endings]
    chinese = [f"{place.postcode}0{ending}" for place in CHINESE for ending in endings]
    return np.array(western + chinese, dtype=object)


POSTCODES = _postcodes()  # postcode number 100 * place + ending -> its text


def draw_places(rng: np.random.Generator, chinese: Any) -> Integers:
    """Places [customers] drawn by size, Chinese or Western as `chinese` [customers, bool] says."""
    drawn = np.empty(len(chinese), dtype=np.int64)
    for flag, places, first in ((False, WESTERN, 0), (True, CHINESE, len(WESTERN))):
        sizes = np.array([place.size for place in places], dtype=float)
        mask = chinese == flag
        drawn[mask] = first + rng.choice(len(places), size=mask.sum(), p=sizes / sizes.sum())
    return drawn


def addresses(rng: np.random.Generator, place: Integers, chinese: Any) -> Words:
    """Street addresses [customers]: "1482 Maple Street, Apt 7" or "上海市新区中山路88号3栋502室"."""
    count = len(place)
    house = rng.integers(1, 2000, count).astype(str).astype(object)
    flat = rng.integers(1, 90, count).astype(str).astype(object)
    street = np.array(_STREETS, dtype=object)[rng.integers(len(_STREETS), size=count)]
    home = np.where(rng.random(count) < 0.4, ", Apt " + flat, "")
    western = house + " " + street + home
    city = np.array([item.city for item in PLACES], dtype=object)[place]
    district = np.array(_DISTRICTS, dtype=object)[rng.integers(len(_DISTRICTS), size=count)]
    road = np.array(_ROADS, dtype=object)[rng.integers(len(_ROADS), size=count)]
    room = rng.integers(101, 2400, count).astype(str).astype(object)
    return np.where(chinese, city + district + road + house + "号" + flat + "栋" + room + "室", western)
