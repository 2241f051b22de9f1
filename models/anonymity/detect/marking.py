"""Marking: what was found in a text replaced by marks, and marks by numbered placeholders, on Arrow arrays.

A mark holds the kind and a short hash of the value, never the value: "\\ue000NAME\\ue0011f3a...\\ue002". The engine
numbers the marks of each customer; whatever happens to a marked text on the way, the value is no longer in it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Any

from models.anonymity.detect.analysis import detected
from models.anonymity.detect.spans import Span
from models.anonymity.detect.structured import may_match, patterns

OPEN, MIDDLE, CLOSE = "\ue000", "\ue001", "\ue002"
MARK = f"{OPEN}[^{CLOSE}]*{CLOSE}"
APART, EQUALS, ALONE = "\t", "=", "?"  # between the entries of a customer's numbers, within one, and for none
_MARK = re.compile(f"{OPEN}([A-Z]+){MIDDLE}([0-9a-f]+){CLOSE}")
_FIRM = 8  # searches after which a text that still matches a pattern is hidden as a whole


def marked(texts: Any, *, numbers: bool = True) -> Any:
    """An Arrow array of `texts` (strings or null) with a mark in place of every personal value.

    Without `numbers` only names and addresses are looked for: the engine's search has found nothing else in them.
    """
    import pyarrow as pa

    given = texts.to_pylist()
    present = [text for text in given if text is not None]
    made = iter(marked_texts(present, numbers=numbers))
    return pa.array([None if text is None else next(made) for text in given], pa.string())


def marked_texts(texts: Sequence[str], *, numbers: bool = True) -> list[str]:
    """The same for a list of texts."""
    found = detected(texts, numbers=numbers)
    return [_with_marks(text, spans) for text, spans in zip(texts, found, strict=True)]


def numbered(texts: Any, numbers: Any) -> Any:
    """An Arrow array of marked `texts` with placeholders: [NAME_1], [NAME_2].

    `numbers` holds for each text the marks of its customer that are not number 1, as MARK=2, apart by tabs; ALONE where
    the customer is not known: such a text is numbered by itself.
    """
    import pyarrow as pa

    pairs = zip(texts.to_pylist(), numbers.to_pylist(), strict=True)
    made = [None if text is None else _with_numbers(text, given) for text, given in pairs]
    return pa.array(made, pa.string())


def _with_marks(text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return _firm(text)
    pieces, last = [], 0
    for span in spans:
        pieces += [text[last : span.start], _mark(span.kind, text[span.start : span.end])]
        last = span.end
    return _firm("".join((*pieces, text[last:])))


def _mark(kind: str, value: str) -> str:
    """The mark of a value; writings that differ in blanks, signs, width and letter case are one value."""
    plain = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", value).casefold())
    return f"{OPEN}{kind}{MIDDLE}{hashlib.sha256(plain.encode('utf-8', 'replace')).hexdigest()[:16]}{CLOSE}"


def _firm(text: str) -> str:
    """`text` once more without what PATTERNS matches, until nothing is left: what the gate will look for."""
    if not may_match(_MARK.sub("[]", text)):
        return text
    for _ in range(_FIRM):
        shown = _with_numbers(text, "")
        if not any(pattern.search(shown) for _, pattern in patterns()):
            return text
        for kind, pattern in patterns():
            text = pattern.sub(partial(_replaced, kind), text)
    return "[TEXT]"


def _replaced(kind: str, match: re.Match[str]) -> str:
    start, end = match.span(match.lastindex) if match.lastindex else match.span()
    whole, at = match.group(), match.start()
    value = whole[start - at : end - at]
    if OPEN in value or CLOSE in value:
        return whole
    return whole[: start - at] + _mark(kind, value) + whole[end - at :]


def _with_numbers(text: str, given: str) -> str:
    known: dict[str, int] = {}
    for entry in filter(None, given.split(APART)) if given != ALONE else ():
        mark, _, number = entry.rpartition(EQUALS)
        known[mark] = int(number)
    own: dict[str, list[str]] = {}

    def placeholder(match: re.Match[str]) -> str:
        kind = match.group(1)
        if given != ALONE:
            return f"[{kind}_{known.get(match.group(), 1)}]"
        seen = own.setdefault(kind, [])
        if match.group() not in seen:
            seen.append(match.group())
        return f"[{kind}_{seen.index(match.group()) + 1}]"

    return _MARK.sub(placeholder, text)
