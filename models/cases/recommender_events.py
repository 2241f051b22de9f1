"""Events: the baskets of `recommender_baskets` as arrays, and what a pair of a basket and an item is told by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.recommender_baskets import HISTORY, TARGETS, item_of, times_and_since

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import Facts

Integers = NDArray[Any]
_PAIRS_AT_ONCE: Final = 1 << 20
# Public edges of the bands in which own history is counted.
_TIMES: Final = (2, 3, 4)
_SINCE: Final = (2, 3, 5, 9)
_SHARE: Final = (0.1, 0.15, 0.2, 0.3, 0.5, 0.75)
_IN_CATEGORY: Final = (1, 2, 3, 5, 9)
_OF_DEPARTMENT: Final = (0.01, 0.03, 0.06, 0.1, 0.2, 0.4)
CODES: Final = (
    1 + (len(_TIMES) + 1) * (len(_SINCE) + 1),  # the item itself: how often by how lately; 0: never bought
    2 + len(_SHARE),  # in which share of the baskets; 0: in none
    2 * (len(_IN_CATEGORY) + 1),  # items of its category bought, and whether the last basket held one
    1 + len(_OF_DEPARTMENT),  # the share of all purchases that was of its department
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Events:
    """Baskets [e] of customers, with their histories; item 0 stands for none.

    `customer` (e,) text; `place` (e,); `before` (e,) baskets before; `history`, `times`, `since` (e, HISTORY);
    `bought` (e, TARGETS), -1 for none; `household` (e,) where known.
    """

    customer: NDArray[Any]
    place: Integers
    before: Integers
    history: Integers
    times: Integers
    since: Integers
    bought: Integers
    household: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.place)

    @classmethod
    def of(cls, rows: ir.Table) -> Events:
        """The rows of `recommender_baskets.features`, fetched from the engine."""
        table = rows.to_pyarrow().combine_chunks()
        row, line = _flat(table["history"])
        times, since = times_and_since(line)
        history, times, since = (
            _padded(row, values, len(table), HISTORY) for values in (item_of(line), times, since)
        )
        row, line = _flat(table["bought"])
        return cls(
            customer=_text(table["customer_id"]),
            place=_numbers(table["place"]),
            before=_numbers(table["before"]).astype(np.uint8),
            history=history.astype(np.int32),
            times=times.astype(np.uint8),
            since=since.astype(np.uint8),
            bought=_padded(row, item_of(line), len(table), TARGETS, empty=-1).astype(np.int32),
            household=_text(table["household"]) if "household" in table.column_names else None,
        )


def pair_codes(
    candidates: Integers, history: Integers, times: Integers, since: Integers, before: Integers, facts: Facts
) -> NDArray[np.uint8]:
    """What the own history says of every candidate (e, c): (e, c, 4), each below its size in CODES.

    Of `history`, `times`, `since` (e, HISTORY) and `before` (e,) that of the same event alone is read.
    """
    size = max(1, _PAIRS_AT_ONCE // max(1, candidates.shape[1] * history.shape[1]))
    parts = [
        _codes(facts, *(array[start : start + size] for array in (candidates, history, times, since, before)))
        for start in range(0, max(len(candidates), 1), size)
    ]
    return np.concatenate(parts)


def _codes(
    facts: Facts, candidates: Integers, history: Integers, times: Integers, since: Integers, before: Integers
) -> NDArray[np.uint8]:
    held = history > 0
    counts = np.where(held, times, 0).astype(np.float32)
    same = _same(candidates, history, held)
    often, lately = _total(same, counts), _total(same, since.astype(np.float32))
    share = often / np.maximum(before, 1)[:, None]
    category, department = facts["category"], facts["department"]
    alike = _same(category[candidates], category[history], held)
    last = _total(alike, (held & (since == 1)).astype(np.float32)) > 0
    near = _total(_same(department[candidates], department[history], held), counts)
    bought = often > 0
    return np.stack(
        [
            np.where(bought, 1 + _band(often, _TIMES) * (len(_SINCE) + 1) + _band(lately, _SINCE), 0),
            np.where(bought, 1 + _band(share, _SHARE), 0),
            2 * _band(_total(alike, counts), _IN_CATEGORY) + last,
            _band(near / np.maximum(counts.sum(axis=1), 1)[:, None], _OF_DEPARTMENT),
        ],
        axis=2,
    ).astype(np.uint8)


def _same(candidates: Integers, history: Integers, held: Integers) -> NDArray[np.float32]:
    same = (candidates[:, :, None] == history[:, None, :]) & held[:, None, :]
    return np.asarray(same, dtype=np.float32)


def _total(same: NDArray[np.float32], counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """(e, c): the sum of `counts` (e, h) where `same` (e, c, h)."""
    return np.asarray(np.matmul(same, counts[:, :, None])[:, :, 0])


def _band(numbers: NDArray[Any], edges: tuple[float, ...]) -> Integers:
    return np.searchsorted(np.asarray(edges, dtype=np.float32), numbers, side="right")


def _flat(column: Any) -> tuple[Integers, Integers]:
    """A list column as row and value of every entry, nulls being empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return _numbers(pc.list_parent_indices(array)), _numbers(pc.list_flatten(array))


def _padded(row: Integers, values: Integers, rows: int, width: int, empty: int = 0) -> Integers:
    """(rows, width) of the first `width` values of every row."""
    first = np.searchsorted(row, np.arange(rows))
    place = np.arange(len(row)) - first[row]
    filled = np.full((rows, width), empty, dtype=np.int64)
    kept = place < width
    filled[row[kept], place[kept]] = values[kept]
    return filled


def _numbers(column: Any) -> Integers:
    return (
        np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)
        if len(column)
        else np.zeros(0, np.int64)
    )


def _text(column: Any) -> NDArray[Any]:
    return np.asarray(column.cast("string").to_numpy(zero_copy_only=False), dtype=str)
