"""Columns: role, type and transform of one column, with the reason, and cautious where it is unclear.

Whatever is not understood is dropped. Ranges and bands are round public numbers, never those of the data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from models.shop.profiling.contents import traces
from models.shop.profiling.headers import PERSONAL, Kind, words_of
from models.shop.profiling.profile import ColumnProfile, ValueCount
from models.shop.profiling.proposal import ProposedColumn
from models.values.spec import Column

FEW, MINIMUM = 50, 10
_RARE_SHARE = 0.05
_BOUND = 1_000_000
_DROP = {"kind": "drop"}
_IDS: tuple[Kind, ...] = ("order_id", "customer_id", "product_id", "other_id")
_CALLED: dict[Kind, str] = {
    "email": "e-mail addresses", "phone": "phone numbers", "card": "card numbers",
    "resident_id": "identity numbers", "iban": "bank accounts", "ip": "network addresses", "device": "devices",
    "plate": "number plates", "url": "web addresses or handles", "name": "names of people",
    "address": "addresses", "location": "exact places", "postcode": "postal codes", "city": "cities",
    "region": "regions", "country": "countries", "birth_date": "birth dates", "age": "ages",
    "gender": "gender", "sensitive": "sensitive facts", "label": "labels", "customer_id": "numbers of people",
    "order_id": "orders or the like", "product_id": "products", "other_id": "numbers of something",
    "product_text": "words about products", "free_text": "free text", "time": "times", "amount": "amounts",
    "quantity": "quantities", "unknown": "unknown",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is known around a column: whether its table is public, what it is there, and its few values."""

    public: bool
    is_key: bool
    is_customer: bool
    references: str | None
    domain: str
    counts: Sequence[ValueCount]
    today: date


def domain_of(column: ColumnProfile) -> str:
    """The pseudonym domain of a column by what it holds, so that the same things join over tables."""
    known: dict[Kind, str] = {
        "customer_id": "customer",
        "email": "email",
        "phone": "phone",
        "device": "device",
    }
    named: dict[Kind, str] = {"order_id": "order", "product_id": "product"}
    thing = re.sub(r" (?:id|no|nr|num|number|code|key|ref|reference)$", "", words_of(column.name))
    plain = thing.replace(" ", "_")[:30]
    own = plain if column.name.isascii() and re.match("[a-z]", plain) else "key"
    return known.get(column.kind) or (own if own != "key" else named.get(column.kind, own))


def propose(column: ColumnProfile, here: Setting) -> ProposedColumn:
    """The proposal for one column. Columns that a spec cannot describe are left out, and so dropped."""
    if (
        column.stored == "nested"
        or column.name.startswith("_")
        or not column.name.isprintable()
        or len(column.name) > 120
    ):
        why = "a list, map or binary, or of a name that a spec cannot hold: left out, so it is dropped"
        return ProposedColumn(name=column.name, kind="unknown", column=None, why=why)
    facts, why, choose = _unclear(column, here) or _decide(column, here)
    if column.formats and facts.get("type") == column.type:
        facts["formats"] = column.formats
        why = f"{why}; written as {' or '.join(column.formats)}"
    if column.missing and not here.is_key and not here.is_customer:
        facts["nullable"] = True
    if here.references:
        facts["references"] = here.references
    return ProposedColumn(
        name=column.name, kind=column.kind, column=Column.model_validate(facts), why=why, choose=choose
    )


Decision = tuple[dict[str, Any], str, str | None]


def _unclear(column: ColumnProfile, here: Setting) -> Decision | None:
    """The decision on JSON text, and on numbers and days that can be read in two ways; None for other columns."""
    if here.is_customer:
        return None
    if column.is_json:
        return _json(column)
    if not column.doubt or here.is_key or here.references or column.kind in (*PERSONAL, *_IDS):
        return None
    role = "quasi_identifier" if column.kind in _QUASI else "attribute"
    return _dropped(role, f"{_CALLED[column.kind]}: dropped", column.doubt)


def _decide(column: ColumnProfile, here: Setting) -> Decision:
    kind, called = column.kind, _CALLED[column.kind]
    hidden = {"kind": "pseudonym", "domain": here.domain}
    native = {"type": column.type} if column.stored == "integer" else {}
    if here.is_customer:
        role = "identifier" if kind in PERSONAL else "key"
        return {"role": role, **native, "transform": hidden}, "tells customers apart: pseudonymised", None
    if here.public:
        return _public(column, here, native)
    if kind in PERSONAL:
        return _personal(column, called)
    if (
        here.references
        or kind in ("order_id", "customer_id", "product_id")
        or (here.is_key and kind == "other_id")
    ):
        return (
            {"role": "key", **native, "transform": hidden},
            f"{called}: pseudonymised, so that it still joins",
            None,
        )
    if kind == "other_id":
        return _dropped("identifier", "a number or code that may lead to a person: dropped", None)
    if kind in _QUASI:
        return _quasi(column, here, called)
    if column.distinct <= 1:
        return _dropped("attribute", "at most one value: dropped, it says nothing", None)
    if kind == "time" or column.type in ("timestamp", "date"):
        return _time(column)
    return _fact(column, here, called)


def _public(column: ColumnProfile, here: Setting, native: dict[str, Any]) -> Decision:
    if here.is_key:
        return {"role": "key", **native, "transform": {"kind": "keep"}}, "key of a public table: kept", None
    facts: dict[str, Any] = {"role": "attribute", "type": column.type}
    return facts, "of a table without customers: kept", None


def _personal(column: ColumnProfile, called: str) -> Decision:
    by = "" if column.header == column.kind else " by its contents, whatever its name says"
    return _dropped("identifier", f"identifier ({called}{by}): dropped", None)


def _json(column: ColumnProfile) -> Decision:
    fields = ", ".join(
        f"{_CALLED[kind]}{f' ({path})' if path else ''}" for path, kind in sorted(column.hidden.items())[:8]
    )
    return _dropped(
        "identifier" if column.hidden else "attribute",
        f"JSON text holding {fields}: dropped"
        if fields
        else "JSON text, in which anything can hide: dropped",
        f"name the fields that you need as columns of their own, such as {column.name}.FIELD",
    )


def _dropped(role: str, why: str, choose: str | None) -> Decision:
    return {"role": role, "transform": _DROP}, why, choose


_QUASI: tuple[Kind, ...] = (
    "postcode",
    "city",
    "region",
    "country",
    "birth_date",
    "age",
    "gender",
    "location",
)


def _quasi(column: ColumnProfile, here: Setting, called: str) -> Decision:
    facts: dict[str, Any] = {"role": "quasi_identifier"}
    why = f"{called} single people out together with others"
    match column.kind:
        case "birth_date" if column.type == "date":
            as_of = date(here.today.year, 1, 1)
            facts |= {
                "type": "date",
                "transform": {"kind": "age_band", "width": 10, "low": 20, "high": 80, "as_of": as_of},
            }
            return facts, f"{why}: ages in bands of ten years", None
        case "age" if column.type == "integer":
            facts |= {
                "type": "integer",
                "range": (0, 130),
                "transform": {"kind": "band", "width": 10, "low": 20, "high": 80},
            }
            return facts, f"{why}: bands of ten years", None
        case "postcode":
            return (
                {**facts, "transform": {"kind": "prefix", "length": 3}},
                f"{why}: the first three characters",
                None,
            )
        case "gender" if column.distinct <= FEW:
            return (
                {**facts, "transform": {"kind": "prefix", "length": 1}},
                f"{why}: the first character",
                None,
            )
        case "country" | "region" if not column.has_traces:
            return (
                {**facts, "transform": {"kind": "prefix", "length": 30}},
                f"{why}: kept, counted for k",
                None,
            )
    choose = (
        "no day that can be read; write it YYYY-MM-DD, or say its formats, then use age_band"
        if column.kind == "birth_date"
        else None
    )
    return _dropped("quasi_identifier", f"{why}: dropped", choose)


def _time(column: ColumnProfile) -> Decision:
    if column.type in ("timestamp", "date"):
        facts = {"role": "time", "type": column.type, "transform": {"kind": "truncate", "unit": "day"}}
        return facts, "a time: the day is kept", None
    choose = (
        "no time as 2026-01-31 13:45:00; say its formats, or rewrite it so, then role: time, type: timestamp"
    )
    return _dropped("attribute", "a time that cannot be read: dropped", choose)


def _fact(column: ColumnProfile, here: Setting, called: str) -> Decision:
    role = {"label": "label", "sensitive": "sensitive"}.get(column.kind, "attribute")
    if column.type == "boolean":
        return {"role": role, "type": "boolean"}, "yes or no: kept", None
    if column.kind == "free_text" or (column.type == "string" and column.is_prose):
        return (
            {"role": "free_text", "transform": {"kind": "redact"}},
            "text: redacted, and in no release yet",
            None,
        )
    if column.is_number:
        return _number(column, role)
    return _words(column, here, role, called)


def _number(column: ColumnProfile, role: str) -> Decision:
    low = -_BOUND if column.negative >= MINIMUM else 0
    facts: dict[str, Any] = {"role": role, "type": column.type, "range": (low, _BOUND)}
    guess = "its range is a public guess, narrow it"
    if role == "attribute" and column.kind == "unknown" and column.distinct > FEW:
        return _dropped(
            "attribute",
            "a number of unknown meaning with many values: dropped",
            "keep it with round if no person can be told by it",
        )
    if column.type == "number":
        return {**facts, "transform": {"kind": "round", "step": 1}}, f"a number: rounded; {guess}", None
    return facts, f"a whole number: kept; {guess}", None


def _words(column: ColumnProfile, here: Setting, role: str, called: str) -> Decision:
    """A few words that at least ten customers share are listed; more or rarer ones are not shown anywhere."""
    total, rare = sum(c.rows for c in here.counts), [c for c in here.counts if c.customers < MINIMUM]
    few = column.type == "string" and 0 < len(here.counts) <= FEW
    if not few or column.has_traces or traces([c.value for c in here.counts]):
        return _dropped(
            role, f"{called}, many or odd values: dropped", "keep it only if no value tells who a customer is"
        )
    if sum(c.rows for c in rare) > _RARE_SHARE * total:
        return _dropped(
            role,
            "values that few customers share: dropped",
            "keep it only if no value tells who a customer is",
        )
    if rare:
        return (
            {"role": role},
            "few values, some of them rare: kept, not listed here",
            "list its `values` if they are public",
        )
    values = tuple(sorted(c.value for c in here.counts))
    return {"role": role, "values": values}, "few values, each shared by ten customers or more: kept", None
