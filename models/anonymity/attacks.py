"""Attacks on a published table: singling out, linking and inferring, each with its interval.

The three risks are those of the Article 29 Working Party (Opinion 05/2014), measured as Giomi et al. 2022 do: an
attacker guesses, the share of right guesses has a Wilson interval, and what would be guessed right without the target's
row is taken off: risk = (attack - control) / (1 - control). Tables of classes allow every row to be attacked and the
control to be exact: the same guess made by a table that lacks the target's row, and nothing else. anonymeter, which
does this for synthetic tables, samples targets and holds both tables in memory; here it is a few aggregates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from math import sqrt
from statistics import NormalDist
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from models.values.scope import Measure

Rows = Callable[[ir.Table], list[dict[str, Any]]]
_MOST_COLUMNS = 6


def wilson(successes: float, attempts: float, confidence: float = 0.95) -> tuple[float, float, float]:
    """A share with its interval (Wilson 1927); without attempts nothing is known: 0 in [0, 1]."""
    if not attempts:
        return 0.0, 0.0, 1.0
    z, p = NormalDist().inv_cdf((1 + confidence) / 2), successes / attempts
    spread = z * sqrt(p * (1 - p) / attempts + z * z / (4 * attempts * attempts))
    middle, whole = p + z * z / (2 * attempts), 1 + z * z / attempts
    return p, min(p, max(0.0, (middle - spread) / whole)), max(p, min(1.0, (middle + spread) / whole))


def risk(successes: int, control: int, attempts: int, name: str, how: str) -> Measure:
    """The risk beyond the control's, never below 0, with the interval of the attack; scope internal."""
    rate, low, high = wilson(successes, attempts)
    base = control / attempts if attempts else 0.0

    def beyond(share: float) -> float:
        return max(0.0, (share - base) / (1 - base)) if base < 1 else 0.0

    return Measure(
        name=name, value=beyond(rate), low=beyond(low), high=beyond(high), scope="internal", how=how
    )


def attacks(
    table: ir.Table, quasi: Sequence[str], sensitive: Sequence[str], rows: Rows
) -> tuple[Measure, ...]:
    """All attacks on a published table by itself: one measure each, and inference for each sensitive column."""
    (alone,) = rows(_alone(table, quasi))
    (linked,) = rows(_alone(table, [*quasi, *sensitive]))
    found = [
        risk(alone["alone"], 0, alone["rows"], "singling out", "a row alone in its quasi-identifiers"),
        risk(
            linked["alone"],
            0,
            linked["rows"],
            "linkability",
            "a row alone in quasi-identifiers and sensitive columns",
        ),
    ]
    for column in sensitive:
        (guessed,) = rows(_guessed(table, quasi, column))
        how = "the most frequent value of the class, against the same guess without the customer's own row"
        found.append(
            risk(guessed["right"], guessed["control"], guessed["rows"], f"inference of {column}", how)
        )
    return tuple(found)


def _alone(table: ir.Table, columns: Sequence[str]) -> ir.Table:
    """One row: `rows`, and how many are `alone` in `columns`."""
    counted = (table.group_by(list(columns)) if columns else table).aggregate(n=table.count())
    alone = (counted.n == 1).ifelse(1, 0).sum()
    return counted.aggregate(rows=counted.n.sum().fill_null(0), alone=alone.fill_null(0))


def _guessed(table: ir.Table, quasi: Sequence[str], column: str) -> ir.Table:
    """One row: `rows`, for how many the class's most frequent value is `right`, and how many `control` gets right.

    Where values are as frequent as each other the guess is by lot. The control sees the class without the row: a
    value that then is no longer most frequent is not guessed, one that shares the place is guessed by lot.
    """
    keys = list(quasi)
    cells = table.group_by([*keys, column]).aggregate(n=table.count())
    within = ibis.window(group_by=keys)
    cells = cells.mutate(top=cells.n.max().over(within))
    cells = cells.mutate(
        tops=(cells.n == cells.top).ifelse(1, 0).sum().over(within),
        rivals=(cells.n == cells.top - 1).ifelse(1, 0).sum().over(within),
    )
    first = cells.n == cells.top
    # one row of the only top value away: it ties with those one below it
    control = ibis.cases(
        (first & (cells.tops == 1) & (cells.n > 1), cells.n / (cells.rivals + 1.0)), else_=0.0
    )
    right = first.ifelse(cells.n / cells.tops, 0.0)
    return cells.aggregate(
        rows=cells.n.sum().fill_null(0),
        right=right.sum().fill_null(0.0).round().cast("int64"),
        control=control.sum().fill_null(0.0).round().cast("int64"),
    )


def joins(
    table: ir.Table, other: ir.Table, columns: Sequence[str], others: Sequence[str]
) -> Iterator[tuple[tuple[tuple[str, str], ...], ir.Table]]:
    """The ways to join two published tables, and for each one row: how many rows of `table` have `met` one.

    By every pair of columns of alike types, and by every combination of equally named ones (the first six). A row has
    met if it alone has its values here and one row alone has them there: then the two are one customer's.
    """
    pairs = [
        (mine, theirs)
        for mine, theirs in product(columns, others)
        if _alike(table[mine].type(), other[theirs].type())
    ]
    shared = [(name, name) for name in columns if name in others and (name, name) in pairs][:_MOST_COLUMNS]
    several = (ways for size in range(2, len(shared) + 1) for ways in combinations(shared, size))
    for way in (*((pair,) for pair in pairs), *several):
        yield way, _met(table, other, way)


def _alike(mine: dt.DataType, theirs: dt.DataType) -> bool:
    """Whether values of the two types can be equal: numbers, or of one kind."""
    return (mine.is_numeric() and theirs.is_numeric()) or type(mine) is type(theirs)


def _met(table: ir.Table, other: ir.Table, way: Sequence[tuple[str, str]]) -> ir.Table:
    here = table.select(**{f"v{place}": table[mine] for place, (mine, _) in enumerate(way)})
    there = other.select(**{f"w{place}": other[theirs] for place, (_, theirs) in enumerate(way)})
    ones = [
        each.group_by(list(each.columns)).aggregate(n=each.count()).filter(lambda t: t.n == 1)
        for each in (here, there)
    ]
    known = [ones[0][f"v{place}"].identical_to(ones[1][f"w{place}"]) for place, _ in enumerate(way)]
    met = ones[0].inner_join(ones[1].rename(m="n"), known)
    return met.aggregate(met=met.count())


def worst_join(tables: Mapping[str, tuple[ir.Table, Sequence[str]]], name: str, rows: Rows) -> Measure | None:
    """The best way to match rows of the table `name` to rows of the others: the share that it matches to exactly one.

    None if no other table has a column to join by. `tables`: the published tables with the columns that an attacker
    can compare (not pseudonyms, which differ by purpose).
    """
    table, columns = tables[name]
    alone: dict[tuple[str, ...], dict[str, Any]] = {}
    found: list[tuple[int, str]] = []
    for other, (beside, theirs) in tables.items():
        for way, question in joins(table, beside, columns, theirs) if other != name else ():
            mine = tuple(dict.fromkeys(own for own, _ in way))
            if mine not in alone:
                (alone[mine],) = rows(_alone(table, mine))
            met = int(rows(question)[0]["met"]) if alone[mine]["alone"] else 0
            found.append((met, f"with {other} by " + ", ".join("=".join(pair) for pair in way)))
    if not found:
        return None
    best, said = max(found, key=lambda way: way[0])
    return risk(best, 0, max(int(counted["rows"]) for counted in alone.values()), "join", said)
