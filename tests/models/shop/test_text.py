"""Text: codes, card numbers and templates."""

from __future__ import annotations

import numpy as np
import pytest

from models.shop.text import card_numbers, codes, fill, hex_codes


@pytest.mark.parametrize("number", [0, 1, 42, 9_999_999])
def test_codes(number: int) -> None:
    assert codes("C", np.array([number]), 7).to_pylist() == [f"C{number:07d}"]


@pytest.mark.parametrize("number", [0, 255, 2**48 - 1, 0x123456789ABC])
def test_hex_codes(number: int) -> None:
    assert hex_codes("D", np.array([number]), 12).to_pylist() == [f"D{number:012x}"]


def luhn(card: str) -> bool:
    digits = [int(digit) for digit in reversed(card)]
    return sum(sum(divmod(2 * d, 10)) if i % 2 else d for i, d in enumerate(digits)) % 10 == 0


def test_card_numbers_pass_the_check_of_luhn() -> None:
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    cards = card_numbers(np.random.default_rng(1), 500)
    assert all(len(card.replace(" ", "")) == 16 and luhn(card.replace(" ", "")) for card in cards)
    assert 100 < sum(" " in card for card in cards) < 400


def test_fill_puts_each_row_into_its_template() -> None:
    fields = {"name": np.array(["Ann", "王伟", "Bob"], dtype=object)}
    filled = fill(("Hi, {name}.", "no field", "{name}{name}"), np.array([2, 0, 1]), fields)
    assert list(filled) == ["AnnAnn", "Hi, 王伟.", "no field"]
