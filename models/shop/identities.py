"""Identities: the invented customers of the embedded shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.shop import names
from models.shop.places import PLACES, Words, addresses, draw_places
from models.shop.purchases import Integers

CHINESE_SHARE = 0.3
MISSING_PHONES = 0.02
AS_OF = "2026-01-01"  # the public day at which customers are 18 to 90 years old
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example", "post.example")
_MOBILE = ("131", "138", "139", "150", "158", "186", "188")


@dataclass(frozen=True, kw_only=True)
class Identities:
    """Who the customers are, each field [customers]; `home` numbers a postcode of `places.POSTCODES`.

    `given` is what a customer is called in a letter. `phone_on_file` is False where the shop knows none.
    """

    chinese: Any
    name: Words
    given: Words
    email: Words
    phone: Words
    phone_on_file: Any
    address: Words
    city: Words
    home: Integers
    birth_date: Any
    gender: Words


def draw_identities(rng: np.random.Generator, customers: int, first: int = 0) -> Identities:
    """Invented people [customers]: 30 % with Chinese names, phones and addresses.

    Every e-mail is unique, in the whole shop if `first` is the first one's number there.
    """
    chinese = rng.random(customers) < CHINESE_SHARE
    gender = np.array(["F", "M", "X"], dtype=object)[rng.choice(3, customers, p=(0.515, 0.475, 0.01))]
    place = draw_places(rng, chinese)
    name, given, local = _names(rng, chinese, gender)
    number: Words = (rng.permutation(customers) + first).astype(str).astype(object)
    return Identities(
        chinese=chinese,
        name=name,
        given=given,
        email=local + number + "@" + _draw(rng, _DOMAINS, customers),
        phone=_phones(rng, place, chinese),
        phone_on_file=rng.random(customers) >= MISSING_PHONES,
        address=addresses(rng, place, chinese),
        city=np.array([item.city for item in PLACES], dtype=object)[place],
        home=place * 100 + np.minimum(rng.exponential(22, customers).astype(np.int64), 99),
        birth_date=_birth_dates(rng, customers),
        gender=gender,
    )


def _draw(rng: np.random.Generator, words: Any, count: int) -> Words:
    return np.array(words, dtype=object)[rng.integers(len(words), size=count)]


def _names(rng: np.random.Generator, chinese: Any, gender: Words) -> tuple[Words, Words, Words]:
    """Name, form of address and the local part of an e-mail (without its number)."""
    count = len(chinese)
    female = (gender == "F") | ((gender == "X") & (rng.random(count) < 0.5))
    given: Words = np.where(female, _draw(rng, names.FEMALE, count), _draw(rng, names.MALE, count))
    surname = _draw(rng, names.SURNAMES, count)
    western = _lower(given) + np.where(rng.random(count) < 0.6, ".", "_") + _lower(surname)
    family, family_roman = _draw_chinese(rng, names.CHINESE_SURNAMES, count)
    hers, hers_roman = _draw_chinese(rng, names.CHINESE_FEMALE, count)
    his, his_roman = _draw_chinese(rng, names.CHINESE_MALE, count)
    own: Words = np.where(female, hers, his)
    own_roman: Words = np.where(female, hers_roman, his_roman)
    polite: Words = np.where(female, "女士", "先生").astype(object)
    return (
        np.where(chinese, family + own, given + " " + surname),
        np.where(chinese, family + polite, given),
        np.where(chinese, family_roman + own_roman, western),
    )


def _draw_chinese(rng: np.random.Generator, entries: tuple[str, ...], count: int) -> tuple[Words, Words]:
    drawn = rng.integers(len(entries), size=count)
    characters = ["".join(letter for letter in entry if not letter.isascii()) for entry in entries]
    romanised = ["".join(letter for letter in entry if letter.isascii()) for entry in entries]
    return np.array(characters, dtype=object)[drawn], np.array(romanised, dtype=object)[drawn]


def _lower(words: Words) -> Words:
    unique, place = np.unique(words, return_inverse=True)
    return np.array([word.lower().replace("'", "") for word in unique], dtype=object)[place]


def _digits(rng: np.random.Generator, low: int, high: int, count: int) -> Words:
    return rng.integers(low, high, count).astype(str).astype(object)


def _phones(rng: np.random.Generator, place: Integers, chinese: Any) -> Words:
    """Phones in international and local forms: Western ones at the fictitious exchange 555."""
    count = len(place)
    area = np.array([item.area_code for item in PLACES], dtype=object)[place]
    line = _digits(rng, 1000, 10_000, count)
    mobile, middle, last = _draw(rng, _MOBILE, count), _digits(rng, 1000, 10_000, count), line
    form = rng.integers(4, size=count)
    western = np.choose(
        form,
        [
            "+1" + area + "555" + line,
            "(" + area + ") 555-" + line,
            area + "-555-" + line,
            "+1 " + area + " 555 " + line,
        ],
    )
    own = np.choose(
        form,
        [
            "+86" + mobile + middle + last,
            mobile + middle + last,
            mobile + "-" + middle + "-" + last,
            "+86 " + mobile + " " + middle + " " + last,
        ],
    )
    return np.where(chinese, own, western)


def _birth_dates(rng: np.random.Generator, count: int) -> Any:
    """Birth dates of people who are 18 to 90 at `AS_OF`, most of them between 30 and 60."""
    age_days = (18.01 + 71.9 * rng.beta(2.0, 2.8, count)) * 365.25
    return np.datetime64(AS_OF, "D") - age_days.astype(np.int64)
