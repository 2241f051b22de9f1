"""Identities: unique, of age, Western and Chinese."""

from __future__ import annotations

import numpy as np
import pytest

from models.shop.identities import AS_OF, Identities, draw_identities
from models.shop.places import CHINESE, PLACES, POSTCODES, WESTERN


@pytest.fixture(scope="module")
def who() -> Identities:
    return draw_identities(np.random.default_rng(5), 5_000)


def test_emails_are_unique_and_reserved(who: Identities) -> None:
    assert len(set(who.email)) == 5_000
    hosts = {email.split("@")[1] for email in who.email}
    assert all(host.split(".")[-1] == "example" or host.startswith("example.") for host in hosts)


def test_everybody_is_18_to_90(who: Identities) -> None:
    age = (np.datetime64(AS_OF) - who.birth_date).astype(int) / 365.25
    assert age.min() >= 18
    assert age.max() < 90


def test_three_in_ten_are_chinese_by_name_phone_and_address(who: Identities) -> None:
    assert 0.27 < who.chinese.mean() < 0.33
    for texts in (who.name, who.address, who.city):
        assert np.array_equal([not text.isascii() for text in texts], who.chinese)
    assert all(
        len(code) == (6 if own else 5) for code, own in zip(POSTCODES[who.home], who.chinese, strict=True)
    )


def test_phones_come_in_international_and_local_forms(who: Identities) -> None:
    international = np.array([phone.startswith("+") for phone in who.phone])
    for group in (who.chinese, ~who.chinese):
        assert 0.4 < international[group].mean() < 0.6
    assert 0.01 < np.mean(~who.phone_on_file) < 0.03


def test_a_postcode_prefix_names_one_city() -> None:
    assert len({place.postcode for place in PLACES}) == len(WESTERN) + len(CHINESE)
    assert len(set(POSTCODES)) == len(POSTCODES)
