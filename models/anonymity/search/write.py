"""Writing: the rows of a table as a search decided, done by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np

from models.anonymity.search.classes import Classes, pack
from models.anonymity.search.find import Found
from models.anonymity.search.ladder import Ladder

_OLD, _NEW = "old_", "new_"


def write(table: ir.Table, classes: Classes, ladders: Sequence[Ladder], found: Found) -> ir.Table:
    """The rows of `table` that are kept, their quasi-identifiers as `found` says; other columns as they are."""
    if not classes.columns:
        return table if found.groups else table.limit(0)
    if found.levels is None:
        return _regions(table, classes, found)
    return _kept(recoded(table, ladders, found.levels), classes, ladders, found)


def recoded(table: ir.Table, ladders: Sequence[Ladder], levels: Sequence[int]) -> ir.Table:
    """All rows of `table`, each column of a ladder at its level."""
    shown = {}
    joined = table
    for ladder, level in zip(ladders, levels, strict=True):
        if level:
            beside = _dictionary(ladder, level, table[ladder.column].type())
            joined = joined.inner_join(
                beside, joined[ladder.column].identical_to(beside[_OLD + ladder.column])
            ).drop(_OLD + ladder.column)
            shown[ladder.column] = _NEW + ladder.column
    return joined.select(**{name: joined[shown.get(name, name)] for name in table.columns})


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


def _kept(table: ir.Table, classes: Classes, ladders: Sequence[Ladder], found: Found) -> ir.Table:
    """Without the rows of suppressed groups, which are few: a join with them costs less than one with the others."""
    import pyarrow as pa

    assert found.levels is not None, "groups of levels"
    gone = np.flatnonzero(found.owner < 0)
    if not gone.size:
        return table
    steps = [ladder.levels[level] for ladder, level in zip(ladders, found.levels, strict=True)]
    shown = [step.codes[codes[gone]] for step, codes in zip(steps, classes.codes, strict=True)]
    _, first = np.unique(pack(shown, [len(step.labels) for step in steps], gone.size), return_index=True)
    columns = {
        _OLD + name: _array(step.labels, table[name].type()).take(pa.array(codes[first]))
        for name, step, codes in zip(classes.columns, steps, shown, strict=True)
    }
    groups = ibis.memtable(pa.table(columns))
    rows = table.view()
    return rows.anti_join(groups, [rows[name].identical_to(groups[_OLD + name]) for name in classes.columns])


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
