"""Tokens of many texts at once, and the features by which the tagger knows them, all in numpy.

A token is a run of letters, a run of digits, one Han character, one other sign or a run of line ends. The texts
are laid one after the other with `PAD` empty tokens between them, so that no feature of one text reads another.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

PAD = 3
BITS = 21
KEY_BITS = 21
CHINESE_WORD = 16  # the bit of the list of Chinese words
_LOWER, _UPPER, _DIGIT, _HAN, _SIGN, _LINE, _VOID, _BLANK = range(1, 9)
_BMP = 1 << 16
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)
Array = Any  # numpy arrays of several types


class Tokens(NamedTuple):
    """Tokens of a batch: `starts` and `ends` [tokens] in characters of the joined texts, `group` what each is.

    `bounds` [texts, 2] are the first and the last token of each text (half open), `offsets` [texts] where it starts.
    """

    starts: Array
    ends: Array
    group: Array
    bounds: Array
    offsets: Array
    points: Array


@cache
def _classes() -> tuple[Array, Array]:
    """For each character below 2^16: what it is, and the number of its lower-case form."""
    kinds = np.full(_BMP + 1, _SIGN, dtype=np.uint8)
    lower = np.arange(_BMP + 1, dtype=np.uint64)
    for number in range(_BMP):
        letter = chr(number)
        category = unicodedata.category(letter)
        if letter in "\n\r":
            kinds[number] = _LINE
        elif category[0] == "Z" or letter == "\t":
            kinds[number] = _BLANK
        elif 0x3400 <= number <= 0x9FFF or 0xF900 <= number <= 0xFAFF:
            kinds[number] = _HAN
        elif category in ("Lu", "Lt"):
            kinds[number] = _UPPER
            lower[number] = ord(letter.lower()[0])
        elif category[0] in "LM":
            kinds[number] = _LOWER
        elif category == "Nd":
            kinds[number] = _DIGIT
    kinds[0] = _VOID
    return kinds, lower


def tokenised(texts: Sequence[str]) -> Tokens:
    """The tokens of `texts`; a character 0 in a text separates like a blank."""
    void = "\0" * PAD
    joined = void + void.join(text.replace("\0", " ") for text in texts) + void
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    clipped = np.minimum(points, _BMP)
    kind = _classes()[0][clipped]
    run = np.where(kind == _UPPER, _LOWER, kind)
    alone = (run == _HAN) | (run == _SIGN) | (run == _VOID)
    new = np.ones(len(run), dtype=bool)
    new[1:] = (run[1:] != run[:-1]) | alone[1:]
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(run))
    kept = run[first] != _BLANK
    starts, ends = first[kept], last[kept]
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    offsets = PAD + np.concatenate(([0], np.cumsum(lengths + PAD)[:-1])) if len(texts) else lengths
    bounds = np.stack([np.searchsorted(starts, offsets), np.searchsorted(starts, offsets + lengths)], axis=1)
    return Tokens(starts, ends, run[starts], bounds, offsets, clipped)


class Lexicon(NamedTuple):
    """Words that are known: `bits` [2^KEY_BITS] say for each key of which public lists (`tagger.LISTS`) it is.

    A word that is in no list shares its key with one that is in about one of twelve cases.
    """

    bits: Array


def features(tokens: Tokens, lexicon: Lexicon) -> Array:
    """Feature numbers [features, tokens] below 2^BITS: words, their ends, shapes and lists, and those around them."""
    word, shape, begin, end3, end2 = _of_words(tokens)
    listed = _listed(word, lexicon) + (shape << np.uint64(8))
    lb1, la1 = _shifted(listed, 1), _shifted(listed, -1)
    known = _in_known_words(tokens, lexicon)
    b2, b1 = _shifted(word, 2), _shifted(word, 1)
    a1, a2 = _shifted(word, -1), _shifted(word, -2)
    sb1, sa1 = _shifted(shape, 1), _shifted(shape, -1)
    columns = (
        (word,),
        (b1,),
        (a1,),
        (b2,),
        (a2,),
        (b1, word),
        (word, a1),
        (b2, b1),
        (a1, a2),
        (b1, word, a1),
        (b1, a1),
        (_shifted(word, 3), b2, b1),
        (end3, shape),
        (end2,),
        (begin, shape),
        (sb1, shape, sa1),
        (shape, sa1, _shifted(shape, -2)),
        (_shifted(shape, 2), sb1, shape),
        (b1, shape),
        (shape, a1),
        (b2, b1, shape),
        (shape, a1, a2),
        (b1, shape, sa1),
        (listed,),
        (lb1, listed),
        (listed, la1),
        (lb1, listed, la1),
        (b1, listed),
        (listed, a1),
        (listed, la1, _shifted(listed, -2)),
        (known,),
        (known, _shifted(known, -1)),
        (_shifted(known, 1), known),
        (known, word),
        (known, b1),
        (known, _shifted(known, -1), _shifted(known, -2)),
    )
    return np.stack([_numbered(salt, parts) for salt, parts in enumerate(columns)])


def word_keys(words: Sequence[str]) -> Array:
    """The key of each word, by which a lexicon knows it."""
    tokens = tokenised(words)
    lengths = np.fromiter((len(word) for word in words), dtype=np.int64, count=len(words))
    return _keys(_hashes(tokens)(tokens.offsets, tokens.offsets + lengths))


def _keys(word: Array) -> Array:
    return ((word * _MIX) >> np.uint64(64 - KEY_BITS)).astype(np.int64)


def _listed(word: Array, lexicon: Lexicon) -> Array:
    """The bits of each word; 0 for one that is in no list."""
    return lexicon.bits[_keys(word)].astype(np.uint64)


def _in_known_words(tokens: Tokens, lexicon: Lexicon) -> Array:
    """For each Han character of which known words of two and three characters it is a part, as bits; else 0."""
    hashed, count = _hashes(tokens), len(tokens.starts)
    han = tokens.group == _HAN
    code = np.zeros(count, dtype=np.uint64)
    for length, places in ((2, (1, 2)), (3, (4, 8, 16))):
        if count < length:
            continue
        whole = tokens.starts[length - 1 :] - tokens.starts[: count - length + 1] == length - 1
        for step in range(length):
            whole &= han[step : count - length + 1 + step]
        first = np.flatnonzero(whole)
        keys = _keys(hashed(tokens.starts[first], tokens.starts[first] + length))
        first = first[(lexicon.bits[keys] & CHINESE_WORD) > 0]
        for step, place in enumerate(places):
            code[first + step] |= np.uint64(place)
    return np.where(han, code + np.uint64(32), code)


def _of_words(tokens: Tokens) -> tuple[Array, ...]:
    """Hashes of each token: the word in lower case, its shape, its first three and last three and two letters."""
    kind = _classes()[0]
    points, starts, ends = tokens.points, tokens.starts, tokens.ends
    hashed = _hashes(tokens)
    word = hashed(starts, ends)
    upper = np.concatenate(([0], np.cumsum(kind[points] == _UPPER)))
    uppers, length = upper[ends] - upper[starts], ends - starts
    case = np.where(uppers == 0, 0, np.where(uppers == length, 2, 3))
    case = np.where((case == 3) & (kind[points[starts]] == _UPPER), 1, case)
    plain = np.where(tokens.group == _SIGN, word, np.minimum(length, 7).astype(np.uint64))
    shape = (plain * np.uint64(64)) + (tokens.group * 4 + case).astype(np.uint64) + np.uint64(7)
    shape = np.where(tokens.group == _LOWER, shape % np.uint64(64) + (length < 2), shape)
    begin, end3, end2 = (
        hashed(starts, np.minimum(starts + 3, ends)),
        hashed(np.maximum(ends - 3, starts), ends),
        hashed(np.maximum(ends - 2, starts), ends),
    )
    return word, shape, begin, end3, end2


def _hashes(tokens: Tokens) -> Callable[[Array, Array], Array]:
    """A function that gives the hash of the characters from `low` to `high` (arrays), in lower case: a polynomial."""
    points = tokens.points
    powers, inverses = _powers(1 << max(16, len(points).bit_length()))
    sums = np.zeros(len(points) + 1, dtype=np.uint64)
    np.cumsum((_classes()[1][points] + np.uint64(1)) * powers[: len(points)], out=sums[1:])
    return lambda low, high: (sums[high] - sums[low]) * inverses[low]


@cache
def _powers(count: int) -> tuple[Array, Array]:
    """The powers of the prime and of its inverse modulo 2^64, `count` of each."""
    inverse = pow(int(_PRIME), -1, 1 << 64)
    made = []
    for base in (_PRIME, np.uint64(inverse)):
        steps = np.full(count, base, dtype=np.uint64)
        steps[0] = 1
        made.append(np.cumprod(steps, dtype=np.uint64))
    return made[0], made[1]


def _shifted(values: Array, by: int) -> Array:
    """`values` moved by places towards the end; what comes in is 0."""
    moved = np.zeros_like(values)
    if by > 0:
        moved[by:] = values[:-by]
    else:
        moved[:by] = values[-by:]
    return moved


def _numbered(salt: int, parts: Sequence[Array]) -> Array:
    mixed = np.full(len(parts[0]), (salt + 1) * 0x1F3D5B79, dtype=np.uint64)
    for part in parts:
        mixed = (mixed ^ part) * _MIX
        mixed ^= mixed >> _SHIFT
    return (mixed & np.uint64((1 << BITS) - 1)).astype(np.int32)
