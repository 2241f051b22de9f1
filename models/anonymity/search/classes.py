"""Classes: a table's rows counted once, by their quasi-identifiers as the spec's transforms leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.anonymity.search.ladder import Ladder, ordered

Ints = npt.NDArray[np.int64]
# Up to so many cells a count is an array of them; beyond it, codes are numbered by sorting.
DENSE = 1 << 24
# Tables of so many entries are looked up from a processor's cache.
JOINT = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """A sensitive column's values by class: entries (class, value, customers), each pair once.

    `values` are in their order, missing last: what ordered distances are measured on.
    """

    column: str
    values: tuple[object, ...]
    owner: Ints
    value: Ints
    count: Ints


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The finest classes: for each quasi-identifier the code of its value, and the number of customers.

    `codes[i][j]` is the place of class j's value in the ladder of column i. `population` counts the people
    of a public table in each class; classes that only they have count no customer.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[object, ...], ...]
    codes: tuple[npt.NDArray[np.int32], ...]
    counts: Ints
    sensitive: tuple[Histogram, ...] = ()
    population: Ints | None = None

    @cached_property
    def total(self) -> int:
        """Customers in all classes."""
        return int(self.counts.sum())

    @cached_property
    def joint(self) -> tuple[tuple[tuple[int, ...], Ints], ...]:
        """The columns in few groups whose values make one number together: what is looked up at once by class."""
        found: list[tuple[tuple[int, ...], Ints]] = []
        columns: tuple[int, ...] = ()
        space = 1
        for place in range(len(self.codes)):
            card = max(len(self.values[place]), 1)
            if columns and space * card > JOINT:
                found.append((columns, self._joined(columns)))
                columns, space = (), 1
            columns, space = (*columns, place), space * card
        return (*found, (columns, self._joined(columns))) if columns else tuple(found)

    def _joined(self, columns: tuple[int, ...]) -> Ints:
        packed = np.zeros(self.counts.size, dtype=np.int64)
        for place in columns:
            packed *= max(len(self.values[place]), 1)
            packed += self.codes[place]
        return packed

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """`counts` as floating-point numbers."""
        return self.counts.astype(np.float64)


def count_rows(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    sensitive: Sequence[tuple[str, Sequence[object]]] = (),
    people: Sequence[Sequence[object]] | None = None,
) -> Classes:
    """The classes of small tables of plain rows, as `aggregate` makes them of large ones; `people`: the population."""
    every = [*rows, *(people or ())]
    values = tuple(ordered([row[i] for row in every]) for i in range(len(columns)))
    places = [{_plain(value): place for place, value in enumerate(found)} for found in values]
    coded = [tuple(places[i][_plain(value)] for i, value in enumerate(row)) for row in every]
    numbers = {key: place for place, key in enumerate(sorted(set(coded)))}
    owners = np.asarray([numbers[key] for key in coded], dtype=np.int64)
    mine, theirs = owners[: len(rows)], owners[len(rows) :]
    return Classes(
        columns=tuple(columns),
        values=values,
        codes=tuple(np.asarray([key[i] for key in numbers], dtype=np.int32) for i in range(len(columns))),
        counts=np.bincount(mine, minlength=len(numbers)).astype(np.int64),
        sensitive=tuple(_histogram(name, found, mine) for name, found in sensitive),
        population=None if people is None else np.bincount(theirs, minlength=len(numbers)).astype(np.int64),
    )


def _histogram(name: str, found: Sequence[object], owners: Ints) -> Histogram:
    values = ordered(found)
    places = {_plain(value): place for place, value in enumerate(values)}
    codes = np.asarray([places[_plain(value)] for value in found], dtype=np.int64)
    keys, count = np.unique(owners * max(len(values), 1) + codes, return_counts=True)
    owner, value = np.divmod(keys, max(len(values), 1))
    return Histogram(column=name, values=values, owner=owner, value=value, count=count.astype(np.int64))


def _plain(value: object) -> object:
    return "NaN" if value != value else (type(value).__name__, value)


def pack(codes: Sequence[npt.NDArray[np.int32]], cards: Sequence[int], rows: int) -> Ints:
    """Each row's codes as one number, the same for equal rows; what would not fit into 62 bits is numbered."""
    packed, space = np.zeros(codes[0].size if codes else rows, dtype=np.int64), 1
    for code, card in zip(codes, cards, strict=True):
        if space * card >= 1 << 62:
            packed, space = number(packed)
        packed *= max(card, 1)
        packed += code
        space *= max(card, 1)
    return packed


def number(keys: Ints) -> tuple[Ints, int]:
    """Keys as numbers from 0 in the order of the keys, and how many different ones there are.

    Key and row are sorted as one number where that fits, which takes a quarter of the time of hashing them.
    """
    bits = keys.size.bit_length()
    if not keys.size or keys.min() < 0 or int(keys.max()).bit_length() + bits > 63:
        different, found = np.unique(keys, return_inverse=True)
        return found, different.size
    packed = keys << bits
    packed |= np.arange(keys.size)
    packed.sort()
    rows = packed & ((1 << bits) - 1)
    packed >>= bits
    found = np.empty(keys.size, dtype=np.int64)
    found[rows] = np.cumsum(np.diff(packed, prepend=packed[:1]) > 0)
    return found, int(found[rows[-1]]) + 1


def at_levels(classes: Classes, ladders: Sequence[Ladder], levels: Sequence[int]) -> tuple[Ints, int]:
    """The group of each finest class once every column stands at its level, and how many numbers are used.

    Few possible groups: their place among all (some numbers may be of none); many: numbered as they are found.
    """
    packed, space = np.zeros(classes.counts.size, dtype=np.int64), 1
    for columns, found in classes.joint:
        table, here = np.zeros(1, dtype=np.int64), 1
        for place in columns:
            step = ladders[place].levels[levels[place]]
            table = np.add.outer(table, step.codes.astype(np.int64) * here).ravel()
            here *= len(step.labels)
        if here == 1:
            continue
        if space * here >= 1 << 62:
            packed, space = number(packed)
        packed += (table * space).take(found)
        space *= here
    return (packed, space) if space <= min(DENSE, max(1 << 16, 8 * packed.size)) else number(packed)
