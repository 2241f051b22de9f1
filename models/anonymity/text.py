"""Free text: personal data replaced by typed placeholders, so that the sentence keeps its use.

First the values that the shop itself knows of the customer, then everything that looks like personal
data. Redacted is not anonymous (docs/privacy.md, rule 11): a text may still tell who wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import ibis
import ibis.expr.types as ir

from models.anonymity.detect.marking import (
    ALONE,
    APART,
    EQUALS,
    MARK,
    MIDDLE,
    OPEN,
    marked,
    numbered,
)
from models.anonymity.functions import regexp_escape, regexp_extract_all, regexp_replace, translate
from models.anonymity.patterns import ODD, PLAIN, residual_patterns
from models.anonymity.spelling import stripped
from models.anonymity.suspicion import NAMES, NUMBERS

KnownKind = Literal["name", "email", "phone", "address", "id"]
_ASCII_WORD = "[0-9A-Za-z_]"
_SEPARATORS = r"[\s,，.]+"
_PREFIX = r"(?:\+?[0-9]{1,4}[ ().\-/]*)?\(?"
_GAP = "[ ()./-]*"
MOST_NUMBERS = 1000  # of one kind and customer; what is beyond shares number 1


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
    """`text` with typed placeholders in place of personal values, numbered within each text.

    [NAME] and the like, without a number, stand for what the shop knows of the customer, [NAME_1], [NAME_2] for what
    looks like personal data of anybody. Known values are found in any letter case, phones and addresses with any
    separators; full-width characters become plain ones first. Missing stays missing.
    """
    marked = _named(_plain(text, known), _marked)
    return _named(marked, lambda found: _with_numbers(found, ibis.literal(ALONE)))


def redacted(
    table: ir.Table, columns: Sequence[str], customer: str, known: Sequence[Known] = ()
) -> tuple[ir.Table, dict[str, str]]:
    """`table` with the redacted `columns` beside them, and what each is called there.

    Like `redact`, but a value has one number in all texts of the same `customer` (a column; null: each text by itself).
    The numbers of a customer follow from that customer's own texts and the order of hashes, so that no customer's row
    decides what becomes of another's (docs/privacy.md, rule 1).
    """
    names = {name: f"redacted_{name}_" for name in columns}
    # one step after the other: inside a lambda the engine would prepare the searches anew for every batch of rows
    plain = table.mutate(**{beside: _plain(table[name], known) for name, beside in names.items()})
    marked = plain.mutate(**{beside: _marked(plain[beside]) for beside in names.values()})
    numbers = _numbers(marked, list(names.values()), customer)
    joined = marked.left_join(numbers, marked[customer] == numbers.numbers_of_).drop("numbers_of_")
    given = joined[customer].isnull().ifelse(ALONE, joined.numbers_.fill_null(""))
    made = joined.mutate(**{beside: _with_numbers(joined[beside], given) for beside in names.values()})
    return made.drop("numbers_"), names


def _numbers(marked: ir.Table, columns: Sequence[str], customer: str) -> ir.Table:
    """For each customer the marks whose number is not 1: most customers have none, and most texts no second value."""
    owned = marked.filter(marked[customer].notnull())
    shown = [
        owned.filter(owned[name].contains(OPEN)).select(
            numbers_of_=owned[customer], mark=regexp_extract_all(owned[name], MARK).unnest()
        )
        for name in columns
    ]
    marks = ibis.union(*shown, distinct=True) if len(shown) > 1 else shown[0].distinct()
    marks = marks.mutate(kind=marks.mark.split(MIDDLE)[0])
    ranked = marks.mutate(
        number=ibis.row_number().over(group_by=(marks.numbers_of_, marks.kind), order_by=marks.mark) + 1
    )
    others = ranked.filter((ranked.number > 1) & (ranked.number <= MOST_NUMBERS))
    entry = others.mark + EQUALS + others.number.cast("string")
    return others.group_by("numbers_of_").aggregate(numbers_=entry.group_concat(APART))


def _plain(text: ir.StringValue, known: Sequence[Known]) -> ir.StringValue:
    """`text` spelt plainly and without known values."""
    return _named(_spelt_plainly(text), lambda plain: _cleared(plain, known))


def _marked(plain: ir.StringValue) -> ir.StringValue:
    """`plain` with marks for personal values; only what the search flags is analysed (dear)."""
    numbers, names = plain.re_search(NUMBERS), plain.re_search(NAMES)
    return ibis.cases((numbers, _mark(plain)), (names, _mark_names(plain)), else_=plain)


def _with_numbers(marked: ir.StringValue, numbers: ir.StringValue) -> ir.StringValue:
    return marked.contains(OPEN).ifelse(_number(marked, numbers), marked)


def _cleared(plain: ir.StringValue, known: Sequence[Known]) -> ir.StringValue:
    cleared = plain
    for item in sorted(known, key=lambda item: _ORDER.index(item.kind)):
        value = stripped(_spelt_plainly(item.value.cast("string")))
        cleared = _named(value, partial(_without, cleared, plain, item.kind))
    return cleared


@ibis.udf.scalar.pyarrow(name="privet_mark", signature=(("string",), "string"))  # type: ignore[untyped-decorator]
def _mark(texts: Any) -> Any:
    """`detect.marking.marked` as a function of the engine."""
    return marked(texts)


@ibis.udf.scalar.pyarrow(name="privet_mark_names", signature=(("string",), "string"))  # type: ignore[untyped-decorator]
def _mark_names(texts: Any) -> Any:
    """The same for texts in which no number was found: names and addresses only."""
    return marked(texts, numbers=False)


@ibis.udf.scalar.pyarrow(name="privet_number", signature=(("string", "string"), "string"))  # type: ignore[untyped-decorator]
def _number(texts: Any, numbers: Any) -> Any:
    """`detect.marking.numbered` as a function of the engine."""
    return numbered(texts, numbers)


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

__all__ = ["Known", "KnownKind", "redact", "redacted", "residual_patterns"]
