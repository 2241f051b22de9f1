"""Analysis: the personal data of texts, structured identifiers by rules and names and addresses by the tagger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from models.anonymity.detect.spans import Span, apart
from models.anonymity.detect.structured import may_match, names_account, structured
from models.anonymity.detect.tagger import tagged

_CHARACTERS = 200_000  # of texts that are tagged at once
_PLACEHOLDER = re.compile(
    r"\[[A-Z]+(?:_[0-9]+)?\]"
)  # what was found before, such as values that the shop knows
_NO_NAMES = frozenset({"小红书"})  # what looks like a name but for its next character
_WEAK = frozenset({"PHONE", "ID", "ORDER", "CARD"})  # may be numbers of an address


def detected(texts: Sequence[str], *, numbers: bool = True) -> list[list[Span]]:
    """The spans of each text, in its order and without overlaps; without `numbers` only names and addresses.

    Texts are read as they are: full-width and look-alike characters are the caller's to spell plainly
    (models.anonymity.text does it in the engine). What is found in one text does not depend on the others.
    """
    needed = [numbers and (may_match(text) or names_account(text)) for text in texts]
    found: list[list[Span]] = []
    for batch in _batches(texts):
        chosen = texts[batch]
        for text, names, needs in zip(chosen, tagged(chosen), needed[batch], strict=True):
            firm = structured(text) if needs else []
            found.append(_together(text, firm, [Span(*name) for name in names]) if firm or names else [])
    return found


def _batches(texts: Sequence[str]) -> Iterator[slice]:
    start, size = 0, 0
    for place, text in enumerate(texts):
        if place > start and size + len(text) > _CHARACTERS:
            yield slice(start, place)
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield slice(start, len(texts))


def _together(text: str, numbers: list[Span], names: list[Span]) -> list[Span]:
    """Both in one list: an address keeps the numbers within it, any other number and a placeholder cut a name."""
    names = [span for span in names if text[span.start : span.end + 1] not in _NO_NAMES]
    names = [_whole(text, span, numbers) if span.kind == "ADDRESS" else span for span in names]
    homes = [s for s in names if s.kind == "ADDRESS" and any(map(str.isalpha, text[s.start : s.end]))]
    kept = [Span(*match.span(), "") for match in _PLACEHOLDER.finditer(text)]
    firm = apart([*kept, *(span for span in numbers if not _part_of(span, homes))])
    rest = (span for span in _cut(names, firm) if _says(text[span.start : span.end], span.kind))
    spans = apart([*firm, *rest])
    return [span for span in apart([*spans, *_again(text, spans)]) if span.kind]


def _whole(text: str, home: Span, numbers: list[Span]) -> Span:
    """An address that the tagger found, with all of one that is known by its look and touches it.

    Before a Chinese road any characters may stand, so that there the tagger knows better where it begins.
    """
    for look in numbers:
        if look.kind == "ADDRESS" and home.start < look.end and look.start < home.end:
            start = min(home.start, look.start) if text[look.start].isdigit() else home.start
            home = Span(start, max(home.end, look.end), "ADDRESS")
    return home


def _says(value: str, kind: str) -> bool:
    """Whether there is anything in it: letters in a name, letters or digits in an address."""
    return any(map(str.isalpha if kind == "NAME" else str.isalnum, value))


def _part_of(span: Span, homes: list[Span]) -> bool:
    """Whether a number lies in one of the addresses that the tagger found, or an address by its look touches one."""
    if span.kind == "ADDRESS":
        return any(home.start < span.end and span.start < home.end for home in homes)
    return span.kind in _WEAK and any(h.start <= span.start and span.end <= h.end for h in homes)


def _cut(names: list[Span], firm: list[Span]) -> Iterator[Span]:
    """`names` without what lies in `firm`: the pieces before, between and after."""
    for name in names:
        start = name.start
        for span in firm:
            if span.start < name.end and span.end > start:
                yield name._replace(start=start, end=max(start, span.start))
                start = span.end
        yield name._replace(start=start, end=max(start, name.end))


def _again(text: str, spans: list[Span]) -> Iterator[Span]:
    """Where a name that was found stands once more in the text."""
    for word in {text[span.start : span.end] for span in spans if span.kind == "NAME"}:
        if len(word) < 2 or text.count(word) < 2:
            continue
        bounds = r"\b" if word[0].isascii() or word[-1].isascii() else ""
        for match in re.finditer(bounds + re.escape(word) + bounds, text):
            yield Span(*match.span(), "NAME")
