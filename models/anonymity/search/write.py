"""Writing: the rows of a table as a search decided, done by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

from models.anonymity.search.classes import Classes
from models.anonymity.search.find import Found
from models.anonymity.search.ladder import Ladder

_OLD, _NEW = "old_", "new_"


def write(table: ir.Table, classes: Classes, ladders: Sequence[Ladder], found: Found) -> ir.Table:
    """The rows of `table` that are kept, their quasi-identifiers as `found` says; other columns as they are."""
    if not classes.columns:
        return table if found.groups else table.limit(0)
    if found.levels is None:
        return _regions(table, classes, found)
    shown = {}
    joined = table
    for ladder, level in zip(ladders, found.levels, strict=True):
        if level:
            beside = _dictionary(ladder, level, table[ladder.column].type())
            joined = joined.inner_join(
                beside, joined[ladder.column].identical_to(beside[_OLD + ladder.column])
            ).drop(_OLD + ladder.column)
            shown[ladder.column] = _NEW + ladder.column
    recoded = joined.select(**{name: joined[shown.get(name, name)] for name in table.columns})
    return _kept(recoded, classes, ladders, found)


def _dictionary(ladder: Ladder, level: int, kind: Any) -> ir.Table:
    """Each value of a column and what it becomes at `level`."""
    import pyarrow as pa

    step = ladder.levels[level]
    held = pa.array(list(ladder.values), type=kind.to_pyarrow())
    labels = _array(step.labels, kind).take(pa.array(step.codes))
    return ibis.memtable(pa.table({_OLD + ladder.column: held, _NEW + ladder.column: labels}))


def _array(labels: Sequence[object], kind: Any) -> Any:
    """Labels as the column's own type where they are such values, else as text."""
    import pyarrow as pa

    if any(isinstance(label, str) for label in labels):
        return pa.array(list(labels), type=pa.string())
    return pa.array(list(labels), type=kind.to_pyarrow())


def _kept(recoded: ir.Table, classes: Classes, ladders: Sequence[Ladder], found: Found) -> ir.Table:
    """Without the rows of suppressed groups."""
    import pyarrow as pa

    assert found.levels is not None, "groups of levels"
    if (found.owner >= 0).all():
        return recoded
    kept = np.flatnonzero(found.owner >= 0)
    members = kept[np.unique(found.owner[kept], return_index=True)[1]]
    columns = {}
    for ladder, level, codes in zip(ladders, found.levels, classes.codes, strict=True):
        step = ladder.levels[level]
        labels = _array(step.labels, recoded[ladder.column].type())
        columns[_OLD + ladder.column] = labels.take(pa.array(step.codes[codes[members]]))
    groups = ibis.memtable(pa.table(columns))
    rows = recoded.view()
    return rows.semi_join(groups, [rows[name].identical_to(groups[_OLD + name]) for name in classes.columns])


def _regions(table: ir.Table, classes: Classes, found: Found) -> ir.Table:
    """Every class by its values, with the names of its region."""
    import pyarrow as pa

    kept = np.flatnonzero(found.owner >= 0)
    columns = {}
    for name, values, codes, region in zip(
        classes.columns, classes.values, classes.codes, found.regions, strict=True
    ):
        held = pa.array(list(values), type=table[name].type().to_pyarrow())
        texts = pa.array(list(region.texts), type=pa.string())
        columns[_OLD + name] = held.take(pa.array(codes[kept]))
        columns[_NEW + name] = texts.take(pa.array(region.number[found.owner[kept]]))
    beside = ibis.memtable(pa.table(columns))
    rows = table.view()
    joined = rows.inner_join(
        beside, [rows[name].identical_to(beside[_OLD + name]) for name in classes.columns]
    )
    coded = set(classes.columns)
    return joined.select(
        **{name: joined[_NEW + name] if name in coded else joined[name] for name in table.columns}
    )
