"""Pseudonyms of whole columns: each value of a column is hashed once, for all tables that refer to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import ibis.expr.operations as ops
import ibis.expr.types as ir

from models.anonymity.pseudonyms import HmacKey, pseudonym
from models.anonymity.spelling import normalise
from models.values.transform import Pseudonym

# Given rows, their column of texts and a key: the same rows, computed, with the texts' pseudonyms in that column.
Hashed = Callable[[ir.Table, str, HmacKey], ir.Table]
_VALUE, _ID = "value", "id"
_Label = tuple[str, str, str | None, ops.Node]


class Keyed(NamedTuple):
    """A column that becomes pseudonyms; `place` is its own ("orders.order_id"), `references` that of all its values.

    `alone`: no value stands in it twice, since the contract keeps it the only key of its table.
    """

    name: str
    place: str
    references: str | None
    transform: Pseudonym
    key: HmacKey
    alone: bool = False


class Hashing:
    """What has been hashed so far, by column, spelling and key, in work tables of the engine."""

    def __init__(self, hashed: Hashed) -> None:
        self._hashed = hashed
        self._made: dict[_Label, ir.Table] = {}

    def beside(self, table: ir.Table, column: Keyed, name: str) -> ir.Table:
        """`table` with the pseudonyms of a column beside it, as the column `name`.

        A value that the column it refers to does not have is hashed where it stands.
        """
        referred = self._referred(table, column)
        made = self._hashed_once(table, column) if referred is None else referred
        value, known = f"value_{name}", f"known_{name}"
        pairs = made.select(**{value: made[_VALUE], known: made[_ID]})
        joined = table.left_join(pairs, table[column.name] == pairs[value])
        if referred is None:
            return joined.rename(**{name: known})
        here = pseudonym(joined[column.name], column.key, column.transform.spelt_as, column.transform.region)
        return joined.mutate(**{name: joined[known].fill_null(here)})

    def _referred(self, table: ir.Table, column: Keyed) -> ir.Table | None:
        """What was made of the column that this one refers to, if it holds values of the same type."""
        if column.references is None:
            return None
        made = self._made.get(_label(column.references, column))
        same = made is not None and made.schema()[_VALUE] == table.schema()[column.name]
        return made if same else None

    def _hashed_once(self, table: ir.Table, column: Keyed) -> ir.Table:
        """Each value of a column once, and its pseudonym."""
        values = table.select(**{_VALUE: table[column.name]})
        once = values if column.alone else values.distinct()
        text = normalise(once[_VALUE], column.transform.spelt_as, column.transform.region)
        made = self._hashed(once.mutate(**{_ID: text}), _ID, column.key)
        self._made[_label(column.place, column)] = made
        return made


def _label(place: str, column: Keyed) -> _Label:
    # the key by the name of its variable, since its bytes belong nowhere
    return place, column.transform.spelt_as, column.transform.region, column.key.inner.op()
