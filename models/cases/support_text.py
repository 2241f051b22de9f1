"""Letters as the encoders take them: script, sentences, and placeholders as plain words. Public rules only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST_SENTENCES: Final = 6
WHOLE: Final = 2
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W\d_\u3400-\u4dbf\u4e00-\u9fff]+")
_PLACEHOLDER = re.compile(r"\[([A-Z]+)(?:_[0-9]+)?\]")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")


def is_chinese(text: str) -> bool:
    """Whether a text has at least as many Han characters as words in other letters, placeholders apart."""
    plain = _PLACEHOLDER.sub(" ", text)
    return 0 < len(_HAN.findall(plain)) >= len(_WORD.findall(plain))


def spoken(text: str) -> str:
    """`text` with each placeholder of a redaction as the word for its kind: [NAME_2] becomes "name"."""
    return _PLACEHOLDER.sub(lambda found: found[1].lower(), text)


def without_placeholders(text: str) -> str:
    """`text` without the placeholders of a redaction."""
    return _PLACEHOLDER.sub("", text)


def sentences(text: str) -> tuple[str, ...]:
    """The first MOST_SENTENCES sentences of a text, at least one (which may be empty)."""
    found = [part.strip() for part in _END.split(text)]
    return tuple([part for part in found if len(part) > 1][:MOST_SENTENCES]) or (text.strip(),)


def parts(text: str) -> tuple[str, ...]:
    """A text as a whole if it has at most WHOLE sentences, else its sentences: long letters are read piece by piece."""
    found = sentences(text)
    return found if len(found) > WHOLE else (text.strip(),)


def vocabulary_of(texts: Sequence[str]) -> tuple[str, ...]:
    """The words in other letters and the Han characters of public `texts`, in their order."""
    return tuple(sorted({word for text in texts for word in _words(text)}))


def words_in(texts: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.bool_]:
    """Which words of a vocabulary (n, k) are in each text."""
    place = {word: column for column, word in enumerate(vocabulary)}
    found = np.zeros((len(texts), len(place)), np.bool_)
    for row, text in enumerate(texts):
        found[row, [place[word] for word in _words(text) if word in place]] = True
    return found


def _words(text: str) -> list[str]:
    plain = without_placeholders(text)
    return [word.lower() for word in _WORD.findall(plain)] + _HAN.findall(plain)


def by_script(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """The places of the texts in other scripts, and of the Chinese ones."""
    places: tuple[list[int], list[int]] = ([], [])
    for place, text in enumerate(texts):
        places[is_chinese(text)].append(place)
    return places
