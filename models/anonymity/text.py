"""Free text: personal data replaced by typed placeholders, so that the sentence keeps its use.

First the values that the shop itself knows of the customer, then everything that looks like personal
data. Redacted is not anonymous (docs/privacy.md, rule 11): a text may still tell who wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

import ibis
import ibis.expr.types as ir

from models.anonymity.functions import regexp_escape, regexp_replace, translate
from models.anonymity.patterns import ODD, PATTERNS, PLAIN, residual_patterns
from models.anonymity.pseudonyms import stripped

KnownKind = Literal["name", "email", "phone", "address", "id"]
_ASCII_WORD = "[0-9A-Za-z_]"
_SEPARATORS = r"[\s,，.]+"
_PREFIX = r"(?:\+?[0-9]{1,4}[ ().\-/]*)?\(?"
_GAP = "[ ()./-]*"


class Known(NamedTuple):
    """A column of values that the shop knows of the customer of each row, and what they are."""

    kind: KnownKind
    value: ir.StringValue


class _Sought(NamedTuple):
    """What to look for in a text: whether it is there (cheap), its pattern (dear) and its placeholder."""

    found: ir.BooleanValue
    pattern: ir.StringValue
    placeholder: str


def redact(text: ir.StringValue, known: Sequence[Known] = ()) -> ir.StringValue:
    """`text` with typed placeholders in place of personal values: [NAME], [ADDRESS] and those of PATTERNS.

    Known values are found in any letter case, phones and addresses with any separators; full-width
    characters become plain ones first. Missing stays missing.
    """
    return _named(_spelt_plainly(text), lambda plain: _cleared(plain, known))


def _cleared(plain: ir.StringValue, known: Sequence[Known]) -> ir.StringValue:
    cleared = plain
    for item in sorted(known, key=lambda item: _ORDER.index(item.kind)):
        value = stripped(_spelt_plainly(item.value.cast("string")))
        cleared = _named(value, partial(_without, cleared, plain, item.kind))
    for name, by_form in PATTERNS.items():
        cleared = cleared.re_replace(by_form, f"[{name.split('_')[0]}]")
    return cleared


def _without(
    text: ir.StringValue, plain: ir.StringValue, kind: KnownKind, value: ir.StringValue
) -> ir.StringValue:
    """`text` without the known `value`. A pattern of a row's own is dear: it is made and run only where it is found."""
    for one in _SEEKERS[kind](plain, value):
        text = _named(text, partial(_replaced, one))
    return text


def _replaced(one: _Sought, text: ir.StringValue) -> ir.StringValue:
    without = regexp_replace(text, one.pattern, one.placeholder, "gi")
    return one.found.fill_null(False).ifelse(without, text)


def _spelt_plainly(text: ir.StringValue) -> ir.StringValue:
    """Odd characters replaced or removed; the search is cheap, `translate` reads its 120 letters for every row."""
    return text.re_search(f"[{ODD}]").ifelse(translate(text, ODD, PLAIN), text)


def _named(value: ir.Value, use: Callable[[ir.Value], ir.Value]) -> ir.Value:
    """`use(value)` with `value` computed once, however often `use` names it: a list of one through a lambda.

    Without it the engine computes a value anew at each place, most of all inside a CASE.
    """
    return ibis.array([value]).map(use)[0]


def _bounded(word: ir.StringValue) -> ir.StringValue:
    """The word as a pattern that does not match inside a longer ASCII word."""
    before = word.re_search(f"^{_ASCII_WORD}").ifelse(r"\b", "")
    after = word.re_search(f"{_ASCII_WORD}$").ifelse(r"\b", "")
    return before + regexp_escape(word) + after


def _literal(placeholder: str) -> Callable[[ir.StringValue, ir.StringValue], list[_Sought]]:
    def seek(text: ir.StringValue, value: ir.StringValue) -> list[_Sought]:
        found = text.lower().contains(value.lower()) & (value.length() >= 3)
        return [_Sought(found, _bounded(value), placeholder)]

    return seek


def _name(text: ir.StringValue, value: ir.StringValue) -> list[_Sought]:
    """The whole name, parts of three letters or more, Chinese names with and without the family name."""
    parts = value.re_split(r"[\s,·•.]+")
    long = parts.filter(lambda part: part.length() >= 3)
    chinese = parts.filter(lambda part: part.re_search("^[一-鿿]{2,}$"))
    given = chinese.filter(lambda part: part.length() >= 3).map(lambda part: part.substr(1))
    whole = ibis.array([value]).filter(lambda part: part.length() >= 2)
    words = whole.concat(long, chinese, given)
    lowered = text.lower()
    found = words.map(lambda word: lowered.contains(word.lower())).anys()
    return [_Sought(found, words.map(_bounded).join("|"), "[NAME]")]


def _phone(text: ir.StringValue, value: ir.StringValue) -> list[_Sought]:
    """The last ten digits (seven to nine if it has no more) with any separators, and a prefix before them."""
    digits = value.re_replace("[^0-9]+", "").right(10)
    found = text.re_replace("[^0-9]+", "").contains(digits) & (digits.length() >= 7)
    spaced = digits.left(digits.length() - 1).re_replace("([0-9])", r"\1" + _GAP) + digits.right(1)
    return [_Sought(found, _PREFIX + spaced, "[PHONE]")]


def _address(text: ir.StringValue, value: ir.StringValue) -> list[_Sought]:
    """The whole address, then its part before the first comma, with any blanks and commas in between."""
    return [_words(text, value), _words(text, value.split(",")[0])]


def _words(text: ir.StringValue, value: ir.StringValue) -> _Sought:
    words = value.re_split(_SEPARATORS).filter(lambda word: word.length() > 0)
    squashed = value.lower().re_replace(_SEPARATORS, "")
    found = text.lower().re_replace(_SEPARATORS, "").contains(squashed) & (squashed.length() >= 5)
    return _Sought(found, words.map(regexp_escape).join(r"[\s,，.]*"), "[ADDRESS]")


_ORDER: tuple[KnownKind, ...] = ("address", "email", "id", "phone", "name")
_SEEKERS: dict[KnownKind, Callable[[ir.StringValue, ir.StringValue], list[_Sought]]] = {
    "address": _address,
    "email": _literal("[EMAIL]"),
    "id": _literal("[ID]"),
    "phone": _phone,
    "name": _name,
}

__all__ = ["Known", "KnownKind", "redact", "residual_patterns"]
