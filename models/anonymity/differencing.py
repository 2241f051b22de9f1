"""Differencing: what two published tables of the same customers say when one is subtracted from the other.

Each may be k-anonymous, and still their difference may be one customer: who came or went between two runs, who was
suppressed in one cut and not in the other, who is between two overlapping bands. Two tables may both be published if,
in every class of what they have in common, the rows that the one has more than the other are none or at least k, and
those that it has less likewise: then what a subtraction leaves is no smaller a group than a class itself. Rows with
equal values cannot be told apart, so this is judged on the values and knows no customer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import ibis
import ibis.expr.types as ir

from models.anonymity.cuts import Column, boundaries, common, labels, same_scale

_QUASI = "quasi_identifier"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A table that is published or about to be, with its columns by their record (`cuts.columns_of`)."""

    table: ir.Table
    columns: Mapping[str, Column]

    @property
    def quasi(self) -> tuple[str, ...]:
        """The quasi-identifiers."""
        return tuple(name for name, column in self.columns.items() if column.role == _QUASI)


Pairs = dict[str, tuple[ir.Value, ir.Value]]


def unsafe(new: Shown, old: Shown, k: int) -> Iterator[ir.Table]:
    """For each way of subtracting the two tables, one row: `broken`, how many classes then differ by fewer than `k`.

    In their common cut, and for each pair of overlapping bands between the boundaries of the one and the other.
    """
    classes, values = _shared(new, old)
    yield _differing(new.table, old.table, classes, values, k)
    for name in new.quasi:
        if _edges(new.columns[name], old.columns.get(name)):
            others = {label: pair for label, pair in classes.items() if label != f"class_{name}"}
            yield _between(new, old, others, name, k)


def _shared(new: Shown, old: Shown) -> tuple[Pairs, Pairs]:
    """The quasi-identifiers in their common cut, and the other columns that both have: (in new, in old) each."""
    classes: Pairs = {}
    values: Pairs = {}
    for name, mine in new.columns.items():
        theirs = old.columns.get(name)
        if theirs is None:
            continue
        ours, others = common(new.table[name], mine, theirs), common(old.table[name], theirs, mine)
        if ours is None or others is None:
            continue
        if _QUASI in (mine.role, theirs.role):
            classes[f"class_{name}"] = (ours, others)
        else:
            values[f"value_{name}"] = (ours, others)
    return classes, values


def _differing(new: ir.Table, old: ir.Table, classes: Pairs, values: Pairs, k: int) -> ir.Table:
    counted = [_signed(table, classes | values, side) for side, table in enumerate((new, old))]
    both = counted[0].union(counted[1])
    cells = (
        both.group_by([*classes, *values]).aggregate(more=both.more.sum())
        if classes or values
        else (both.aggregate(more=both.more.sum()))
    )
    parts = {
        "gained": ibis.greatest(cells.more, 0).sum(),
        "lost": ibis.greatest(-cells.more, 0).sum(),
    }
    found = cells.group_by(list(classes)).aggregate(**parts) if classes else cells.aggregate(**parts)
    small = found.gained.between(1, k - 1) | found.lost.between(1, k - 1)
    return found.aggregate(broken=small.sum().fill_null(0))


def _signed(table: ir.Table, pairs: Pairs, side: int) -> ir.Table:
    """How often each combination of values stands in the table of one side: as a gain in the new, a loss in the old."""
    rows = table.select(**{name: pair[side] for name, pair in pairs.items()}, one_=ibis.literal(1 - 2 * side))
    names = list(pairs)
    return (rows.group_by(names) if names else rows).aggregate(more=rows.one_.sum().cast("int64"))


def _edges(mine: Column, theirs: Column | None) -> tuple[tuple[int, int], ...]:
    """Neighbouring boundaries of two different divisions into bands, of which each has only one."""
    if theirs is None or mine.level or theirs.level or not same_scale(mine.transform, theirs.transform):
        return ()
    here, there = set(boundaries(mine.transform) or ()), set(boundaries(theirs.transform) or ())
    edges = sorted(here | there)
    return tuple(
        (low, high)
        for low, high in pairwise(edges)
        if (low in here) != (high in here) and not {low, high} & here & there
    )


def _between(new: Shown, old: Shown, classes: Pairs, name: str, k: int) -> ir.Table:
    """Each table tells how many are below each of its boundaries: the difference is who stands between two."""
    sides = [
        _below(published, {c: pair[side] for c, pair in classes.items()}, name)
        for side, published in enumerate((new, old))
    ]
    edges = sorted({edge for _, known in sides for edge in known})
    rows = [
        table.select(
            *classes,
            **{
                f"below_{e}": (table[f"below_{e}"] if e in known else ibis.literal(0)).cast("int64")
                for e in edges
            },
        )
        for table, known in sides
    ]
    both = rows[0].union(rows[1])
    sums = {f"below_{edge}": both[f"below_{edge}"].sum().cast("int64") for edge in edges}
    found = both.group_by(list(classes)).aggregate(**sums) if classes else both.aggregate(**sums)
    pairs = _edges(new.columns[name], old.columns.get(name))
    gaps = [(found[f"below_{high}"] - found[f"below_{low}"]).abs().between(1, k - 1) for low, high in pairs]
    return found.aggregate(broken=ibis.or_(*gaps).sum().fill_null(0))


def _below(published: Shown, classes: Mapping[str, ir.Value], name: str) -> tuple[ir.Table, tuple[int, ...]]:
    """How many of each class are below each boundary of a column's bands, as `below_N`; and the boundaries."""
    transform = published.columns[name].transform
    known = boundaries(transform) or ()
    text = published.table[name].cast("string")
    starts = [(text == label, start) for label, start in labels(transform).items()]
    rows = published.table.select(**classes, start_=ibis.cases(*starts, else_=ibis.null("float64")))
    counts = {f"below_{edge}": (rows.start_ < edge).sum().fill_null(0) for edge in known}
    return (rows.group_by(list(classes)) if classes else rows).aggregate(**counts), known
