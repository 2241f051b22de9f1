"""Dirt: faulty rows on demand, added to a clean shop, with the exact number of each rule's.

Nothing of the clean shop is changed: every faulty row is one more row, made from a good one, under a key of its
own where the rule is not about the key. So the rows that pass the contract are those of the clean shop, and the
rows that break a rule are as many as `faults.json` says.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, NamedTuple

import numpy as np

MOST_DIRT = 0.2
FRESH: Literal["fresh"] = "fresh"  # a key that no other row has, counted down from the highest
_HIGHEST = {"customer_id": "C9999999", "order_id": "O99999999", "ticket_id": "T9999999"}
_HIGHEST |= {"product_id": "P99999999"}
_NOON = np.datetime64("1990-01-01T12:00:00")


class Fault(NamedTuple):
    """A way to break a rule: the rule in the contract's words, and the values put into a good row.

    With `twin`, the row is added once more with these values changed too: both break the rule.
    """

    rule: str
    values: dict[str, Any]
    twin: dict[str, Any] | None = None


_CUSTOMER = "customer_id: no such customers.customer_id"
_DUPLICATE = Fault("duplicate row", {})
_PERSON = {"customer_id": FRESH}
_ORDER = {"order_id": FRESH}
_CHOICE = {"recorded_at": FRESH}
_TICKET = {"ticket_id": FRESH}
FAULTS: dict[str, tuple[Fault, ...]] = {
    "customers": (
        Fault("customer_id: missing", {"customer_id": None}),
        Fault("email: missing", _PERSON | {"email": None}),
        Fault("birth_date: outside 1900-01-01..2010-01-01", _PERSON | {"birth_date": "1066-10-14"}),
        Fault(
            "birth_date: written in a way that formats does not say", _PERSON | {"birth_date": "31/12/1980"}
        ),
        Fault("gender: not one of the listed values", _PERSON | {"gender": "?"}),
        Fault("household: not a whole number", _PERSON | {"household": "12x"}),
        Fault("postcode: not of the stated pattern", _PERSON | {"postcode": "12"}),
        _DUPLICATE,
    ),
    "orders": (
        Fault("order_id: missing", {"order_id": None}),
        Fault("customer_id: missing", _ORDER | {"customer_id": None}),
        Fault(_CUSTOMER, _ORDER | {"customer_id": FRESH}),
        Fault("ordered_at: outside 1900-01-01..tomorrow", _ORDER | {"ordered_at": "2999-01-01T12:00:00"}),
        Fault("ordered_at: outside 1900-01-01..tomorrow", _ORDER | {"ordered_at": "1899-12-30T12:00:00"}),
        Fault("amount: outside 0..10000", _ORDER | {"amount": 1e12}),
        Fault("amount: outside 0..10000", _ORDER | {"amount": -1.0}),
        Fault("amount: missing", _ORDER | {"amount": None}),
        _DUPLICATE,
    ),
    "order_lines": (
        Fault("product_id: missing", {"product_id": None}),
        Fault("order_id: no such orders.order_id", _ORDER),
        Fault("product_id: no such products.product_id", {"product_id": FRESH}),
        _DUPLICATE,
    ),
    "tickets": (
        Fault("ticket_id: missing", {"ticket_id": None}),
        Fault("ticket_id: used by rows that differ", _TICKET, {"text": "?"}),
        Fault(_CUSTOMER, _TICKET | {"customer_id": FRESH}),
        Fault(
            "opened_at: written in a way that formats does not say",
            _TICKET | {"opened_at": "31/12/2025 10:00"},
        ),
        Fault("intent: not one of the listed values", _TICKET | {"intent": "?"}),
        Fault("text: missing", _TICKET | {"text": None}),
        _DUPLICATE,
    ),
    "consents": (
        Fault(_CUSTOMER, {"customer_id": FRESH}),
        Fault("purpose: not one of the listed values", _CHOICE | {"purpose": "everything"}),
        Fault("state: not one of the listed values", _CHOICE | {"state": "maybe"}),
        Fault("recorded_at: missing", {"recorded_at": None}),
        Fault("recorded_at: not a time", {"recorded_at": "yesterday"}),
        _DUPLICATE,
    ),
    "campaign_contacts": (
        Fault("campaign: missing", {"campaign": None}),
        Fault(_CUSTOMER, {"customer_id": FRESH}),
        _DUPLICATE,
    ),
}
FAULTS["tickets_cn"] = FAULTS["tickets"]


class Dirt:
    """Adds faulty rows to tables, a share `share` of each table's rows, and counts them by table and rule.

    The faults of a table take turns. Tables may come in pieces.
    """

    def __init__(self, rng: np.random.Generator, share: float) -> None:
        self._rng, self._share = rng, share
        self._used: Counter[str] = Counter()
        self._added: Counter[str] = Counter()
        self._due: dict[str, float] = {}  # what rounding left of each table's share
        self.counts: dict[str, Counter[str]] = {}

    def add(self, name: str, table: Any, *, as_text: bool) -> Any:
        """The Arrow `table` with faulty rows at its end; `as_text` where the file holds text (CSV)."""
        import pyarrow as pa

        faults = FAULTS.get(name, ())
        if not (self._share and faults):
            return table
        table = _text_of(table) if as_text else table
        due = self._share * table.num_rows + self._due.get(name, 0.0)
        turns = np.arange(self._added[name], self._added[name] + int(due)) % len(faults)
        self._added[name] += int(due)
        self._due[name] = due - int(due)
        bad = [
            self._rows(name, table, faults[place], int(rows))
            for place, rows in enumerate(np.bincount(turns))
            if rows
        ]
        return pa.concat_tables([table, *bad])

    def _rows(self, name: str, table: Any, fault: Fault, rows: int) -> Any:
        import pyarrow as pa

        bad = table.take(self._rng.integers(table.num_rows, size=rows))
        bad = self._changed(bad, fault.values)
        if fault.twin is not None:
            bad = pa.concat_tables([bad, self._changed(bad, fault.twin)])
        self.counts.setdefault(name, Counter())[fault.rule] += bad.num_rows
        return bad

    def _changed(self, rows: Any, values: dict[str, Any]) -> Any:
        import pyarrow as pa

        for column, value in values.items():
            place = rows.schema.get_field_index(column)
            field = rows.schema.field(place)
            new = (
                self._fresh(column, rows.num_rows)
                if value is FRESH
                else [_typed(value, field.type)] * len(rows)
            )
            rows = rows.set_column(place, field, pa.array(new, field.type))
        return rows

    def _fresh(self, column: str, rows: int) -> list[str]:
        """Values [rows] of a key that no other row of the shop has."""
        first = self._used[column]
        self._used[column] += rows
        if column == "recorded_at":
            return [str(_NOON + second).replace("T", " ") for second in range(first, first + rows)]
        highest = _HIGHEST[column]
        return [f"{highest[0]}{int(highest[1:]) - used}" for used in range(first, first + rows)]


def _typed(value: Any, kind: Any) -> Any:
    import pyarrow as pa

    return np.datetime64(value) if pa.types.is_timestamp(kind) and value is not None else value


def _text_of(table: Any) -> Any:
    """The table as its CSV file shows it: all columns text."""
    import pyarrow as pa

    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))
