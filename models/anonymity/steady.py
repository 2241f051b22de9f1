"""Steadiness: a table that is published again and again, so that no two of its versions differ by too few customers.

A shop's customers change daily, so that a new version almost always differs from the last by one or two in some class.
It is not refused for that: newcomers are held back until a class has at least k of them, and where fewer than k left,
further rows of the class stay out until k are missing; a class that would become too small stays out as a whole. Held
against *every* version that is still retained, since any two can be subtracted. Rows are only ever left out, and every
row that is published stands for a customer who is there now. m-invariance (Xiao & Tao 2007) goes further, for tables
whose classes are formed anew each time: it would publish counterfeit rows, which this does not.

What is left out costs up to about 2 k rows of a class that changes; whether that is too much, the suppression limit
says, and the gate refuses then. What remains: a customer whose row stays out may be guessed to be among those left
out; and who knows that at least k came, left or changed together in a class learns how they are distributed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir

Rows = Callable[[ir.Table], list[dict[str, Any]]]
Cells = dict[tuple[Any, ...], int]
_KEPT, _PLACE = "kept_", "place_"
_AT_ONCE = 30  # versions in one query: Ibis takes longer to write it than the engine to answer


def steadied(
    table: ir.Table,
    quasi: Sequence[str],
    earlier: Sequence[ir.Table],
    k: int,
    rows: Rows,
    *,
    whole_classes: bool = False,
) -> ir.Table:
    """`table` without the rows that must stay out, given the earlier versions of the same columns and cuts.

    With `whole_classes` a class stays as it is or goes as a whole: where a customer may have several rows.
    """
    histories = _histories(table, quasi, earlier, k, rows)
    kept: list[dict[str, Any]] = []
    for now, before in histories:
        plan = settled(now, before, k, whole_classes=whole_classes)
        kept += [dict(zip(table.columns, cell, strict=True)) | {_KEPT: many} for cell, many in plan.items()]
    return _limited(table, kept) if kept else table


def settled(now: Cells, before: Sequence[Cells], k: int, *, whole_classes: bool = False) -> Cells:
    """How many rows of each kind one class may show: at most those of `now`, never a small difference to `before`.

    First all; where it gained too few against a version, its gains stay out; where it lost too few, more of the most
    frequent rows do. Each step takes rows away, so that this ends; nothing at all is always allowed, since every
    version had none of the class or at least k.
    """
    kept = dict(now)
    while True:
        if sum(kept.values()) < k:
            return dict.fromkeys(now, 0)
        version = next((cells for cells in before if not _safe(kept, cells, k)), None)
        if version is None:
            return kept
        if whole_classes:
            return dict.fromkeys(now, 0)
        gained, lost = _parts(kept, version)
        if 0 < gained < k:
            kept = {cell: min(many, version.get(cell, 0)) for cell, many in kept.items()}
        else:
            _take(kept, version, k - lost)


def _parts(cells: Mapping[tuple[Any, ...], int], version: Cells) -> tuple[int, int]:
    """How many rows more, and how many fewer, than an earlier version."""
    places = {*cells, *version}
    more = [cells.get(place, 0) - version.get(place, 0) for place in places]
    return sum(d for d in more if d > 0), -sum(d for d in more if d < 0)


def _safe(cells: Cells, version: Cells, k: int) -> bool:
    return all(part == 0 or part >= k for part in _parts(cells, version))


def _take(kept: Cells, version: Cells, many: int) -> None:
    """Take `many` rows more away, of the most frequent kinds that the version does not have fewer of."""
    for _ in range(many):
        losing = [cell for cell, count in kept.items() if 0 < count <= version.get(cell, 0)]
        place = max(
            losing or [cell for cell, count in kept.items() if count],
            key=lambda cell: (kept[cell], repr(cell)),
            default=None,
        )
        if place is None:
            return
        kept[place] -= 1


def _histories(
    table: ir.Table, quasi: Sequence[str], earlier: Sequence[ir.Table], k: int, rows: Rows
) -> list[tuple[Cells, list[Cells]]]:
    """The classes that differ too little from some earlier version: their rows now, and in each version."""
    columns, schema = list(table.columns), table.schema()
    now = _cells(table, 0)
    versions = [
        _cells(version.select(columns).cast(dict(schema.items())), number)
        for number, version in enumerate(earlier, 1)
    ]
    parts = [versions[start : start + _AT_ONCE] for start in range(0, len(versions), _AT_ONCE)]
    places: dict[tuple[Any, ...], dict[str, Any]] = {}
    for part in parts:
        for row in rows(_changed(now, part, columns, quasi, k)):
            places[tuple(_plain(row[name]) for name in quasi)] = row
    if not places:
        return []
    found = []
    for every in (now, *(_union(part) for part in parts)):
        found += rows(_of_classes(every, list(places.values()), quasi, schema))
    return _by_class(found, columns, quasi, len(versions))


def _changed(
    now: ir.Table, versions: Sequence[ir.Table], columns: Sequence[str], quasi: Sequence[str], k: int
) -> ir.Table:
    """The classes that differ too little from one of some versions, each once."""
    found = []
    for version in versions:
        pair = now.union(version.mutate(n=-version.n)).drop("version")
        cells = pair.group_by(list(columns)).aggregate(more=pair.n.sum())
        parts = {"gained": ibis.greatest(cells.more, 0).sum(), "lost": ibis.greatest(-cells.more, 0).sum()}
        each = cells.group_by(list(quasi)).aggregate(**parts) if quasi else cells.aggregate(**parts)
        small = each.filter(each.gained.between(1, k - 1) | each.lost.between(1, k - 1))
        found.append(small.select(list(quasi)) if quasi else small.select(one=ibis.literal(1)))
    return _union(found).distinct()


def _of_classes(
    every: ir.Table, places: Sequence[Mapping[str, Any]], quasi: Sequence[str], schema: Mapping[str, Any]
) -> ir.Table:
    """The cells of some classes; without quasi-identifiers there is one class, and these are its cells."""
    if not quasi:
        return every
    types = {f"{name}_of": schema[name] for name in quasi}
    named = [{f"{name}_of": place[name] for name in quasi} for place in places]
    wanted = ibis.memtable(_arrow(named, types), schema=types)
    return every.semi_join(wanted, [every[name].identical_to(wanted[f"{name}_of"]) for name in quasi])


def _union(tables: Sequence[ir.Table]) -> ir.Table:
    first, *rest = tables
    return first.union(*rest) if rest else first


def _cells(table: ir.Table, version: int) -> ir.Table:
    """How often (`n`) each kind of row stands in a version of the table."""
    counted = table.group_by(list(table.columns)).aggregate(n=table.count())
    return counted.mutate(version=ibis.literal(version).cast("int64"))


def _by_class(
    found: Sequence[Mapping[str, Any]], columns: Sequence[str], quasi: Sequence[str], versions: int
) -> list[tuple[Cells, list[Cells]]]:
    classes: dict[tuple[Any, ...], list[Cells]] = defaultdict(lambda: [{} for _ in range(versions + 1)])
    for row in found:
        place = tuple(_plain(row[name]) for name in quasi)
        classes[place][row["version"]][tuple(_plain(row[name]) for name in columns)] = row["n"]
    return [(now, before) for now, *before in classes.values()]


def _plain(value: Any) -> Any:
    """One NaN for all, so that it equals itself as a key."""
    return _NAN if value != value else value


_NAN = float("nan")


def _limited(table: ir.Table, kept: Sequence[Mapping[str, Any]]) -> ir.Table:
    """`table` with at most so many rows of each kind; kinds that are not named stay as they are."""
    columns = list(table.columns)
    schema = {f"{name}_of": kind for name, kind in table.schema().items()} | {_KEPT: "int64"}
    named = [{f"{name}_of": row[name] for name in columns} | {_KEPT: row[_KEPT]} for row in kept]
    limits = ibis.memtable(_arrow(named, schema), schema=schema)
    numbered = table.mutate(**{_PLACE: ibis.row_number().over(ibis.window(group_by=columns))})
    met = numbered.left_join(limits, [numbered[name].identical_to(limits[f"{name}_of"]) for name in columns])
    return met.filter(met[_KEPT].isnull() | (met[_PLACE] < met[_KEPT])).select(columns)


def _arrow(rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=ibis.schema(schema).to_pyarrow())
