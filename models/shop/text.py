"""Text, a column at a time: codes from numbers, card numbers with a valid check digit, filled templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from models.shop.places import Words
from models.shop.purchases import Integers

_FIELD = re.compile(r"\{(\w+)\}")


def codes(prefix: str, numbers: Integers, width: int) -> Any:
    """`prefix` and each number (below 2^32) in `width` decimal digits, as an Arrow string array: C0000001."""
    letters = np.empty((len(numbers), width), dtype=np.uint8)
    rest = numbers.astype(np.uint32)
    for end in range(width, 0, -4):
        rest, whole = rest // np.uint32(10_000), rest
        start = max(end - 4, 0)
        letters[:, start:end] = _four_digits()[whole - rest * np.uint32(10_000), start - end :]
    return _join(prefix, letters)


@cache
def _four_digits() -> Any:
    """The letters of 0000 to 9999 [10,000, 4]."""
    return (np.arange(10_000)[:, None] // (1000, 100, 10, 1) % 10 + ord("0")).astype(np.uint8)


def hex_codes(prefix: str, numbers: Integers, width: int) -> Any:
    """`prefix` and each number in `width` hexadecimal digits, as an Arrow string array."""
    shifts = 4 * np.arange(width - 1, -1, -1, dtype=np.int64)
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    return _join(prefix, letters[numbers[:, None] >> shifts & 15])


def card_numbers(rng: np.random.Generator, count: int) -> Words:
    """Invented card numbers [count]: 16 digits, Luhn's check digit (ISO/IEC 7812-1), half of them spaced."""
    digits = rng.integers(0, 10, (count, 16))
    digits[:, 0] = rng.integers(4, 6, count)
    doubled = digits[:, 0:15:2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + digits[:, 1:15:2].sum(axis=1)
    digits[:, 15] = -total % 10
    plain = _join("", (digits + ord("0")).astype(np.uint8)).to_numpy(zero_copy_only=False)
    groups = [_join("", (digits[:, i : i + 4] + ord("0")).astype(np.uint8)) for i in range(0, 16, 4)]
    first, second, third, last = (group.to_numpy(zero_copy_only=False) for group in groups)
    return np.where(rng.random(count) < 0.5, first + " " + second + " " + third + " " + last, plain)


def fill(templates: tuple[str, ...], choice: Integers, fields: Mapping[str, Words]) -> Words:
    """Row i is `templates[choice[i]]` with each {field} replaced by `fields[field][i]`."""
    filled = np.empty(len(choice), dtype=object)
    for number, template in enumerate(templates):
        rows = np.flatnonzero(choice == number)
        text = np.full(len(rows), "", dtype=object)
        for position, part in enumerate(_FIELD.split(template)):
            text = text + (fields[part][rows] if position % 2 else part)
        filled[rows] = text
    return filled


def _join(prefix: str, letters: Any) -> Any:
    import pyarrow as pa

    count, width = len(letters), len(prefix) + letters.shape[1]
    whole = np.empty((count, width), dtype=np.uint8)
    whole[:, : len(prefix)] = np.frombuffer(prefix.encode(), dtype=np.uint8)
    whole[:, len(prefix) :] = letters
    ends = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(whole))
