"""Aggregation: the engine counts the classes of a table once; everything else is done on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt

from models.anonymity.errors import PolicyError
from models.anonymity.search.classes import Classes, Histogram, Ints, number, pack
from models.anonymity.search.ladder import ordered

if TYPE_CHECKING:
    import pyarrow as pa

_COUNT = "count_"


def aggregate(
    table: ir.Table,
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    unit: str | None = None,
    population: ir.Table | None = None,
) -> Classes:
    """The classes of `table` by `quasi`, counted in one pass.

    With `unit` (the customer) each row must be of another customer. `population` has the same quasi-identifiers
    under the same transforms. Errors: PolicyError for a customer of several rows, whose classes cannot be added up.
    """
    if unit is not None:
        _refuse_repeated(table, unit)
    found = _counted(table, [*quasi, *sensitive])
    others = None
    if population is not None:  # as the table's types: an engine may have stored a truncated date as a time
        others = _counted(population.cast({name: table[name].type() for name in quasi}), quasi)
    return _classes(found, others, quasi, sensitive)


def _counted(table: ir.Table, names: Sequence[str]) -> pa.Table:
    if not names:
        return table.aggregate(**{_COUNT: table.count()}).to_pyarrow()
    return table.group_by(list(names)).aggregate(**{_COUNT: table.count()}).to_pyarrow()


def _refuse_repeated(table: ir.Table, unit: str) -> None:
    counted = table.aggregate(rows=table.count(), units=table[unit].nunique()).to_pyarrow().to_pylist()[0]
    if counted["rows"] != counted["units"]:
        raise PolicyError(
            "a customer has several rows in this table, so that classes cannot be added up; release a table with "
            "one row a customer, or set search: none and keep to k and distinct l"
        )


def _classes(
    found: pa.Table, others: pa.Table | None, quasi: Sequence[str], sensitive: Sequence[str]
) -> Classes:
    count = found[_COUNT].to_numpy().astype(np.int64)
    coded = [_coded([one[name] for one in (found, others) if one is not None]) for name in quasi]
    codes, values = [one[0] for one in coded], [one[1] for one in coded]
    owner, different = number(pack(codes, [len(one) for one in values], found.num_rows))
    firsts = np.empty(different, dtype=np.int64)
    firsts[owner[::-1]] = np.arange(owner.size - 1, -1, -1)
    mine, people = owner[: count.size], None
    if others is not None:
        theirs = others[_COUNT].to_numpy()
        people = np.bincount(owner[count.size :], weights=theirs, minlength=different).astype(np.int64)
    return Classes(
        columns=tuple(quasi),
        values=tuple(values),
        codes=tuple(code[firsts] for code in codes),
        counts=np.bincount(mine, weights=count, minlength=different).astype(np.int64),
        sensitive=tuple(_histogram(name, found[name], mine, count) for name in sensitive),
        population=people,
    )


def _coded(columns: Sequence[Any]) -> tuple[npt.NDArray[np.int32], tuple[object, ...]]:
    """The place of each value among the ordered different values of the columns, one column after the other."""
    import pyarrow as pa

    joined = pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type)
    encoded = joined.combine_chunks().dictionary_encode()
    found = encoded.dictionary.to_pylist()
    values = ordered([*found, None] if encoded.null_count else found)
    place = {_plain(value): code for code, value in enumerate(values)}
    ranks = np.asarray([*(place[_plain(value)] for value in found), len(values) - 1], dtype=np.int32)
    return ranks[encoded.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)], values


def _plain(value: object) -> object:
    return "NaN" if value != value else value


def _histogram(name: str, column: Any, owner: Ints, count: Ints) -> Histogram:
    codes, values = _coded([column])
    cards = max(len(values), 1)
    keys = owner * cards + codes
    numbered, different = number(keys)
    unique = np.empty(different, dtype=np.int64)
    unique[numbered] = keys
    summed = np.bincount(numbered, weights=count, minlength=different).astype(np.int64)
    owners, value = np.divmod(unique, cards)
    return Histogram(column=name, values=values, owner=owners, value=value, count=summed)
