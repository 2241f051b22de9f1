"""Hierarchies as ladders: a table of values and what each becomes level by level."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from models.anonymity.search.ladder import AS_WRITTEN, STAR, Label, Ladder, level_of, ordered

Paths = Sequence[tuple[str, ...]]


def hierarchy_ladder(
    column: str, values: Sequence[object], paths: Paths, level: int = 0, above: Sequence[int] | None = None
) -> Ladder:
    """The ladder of `values`, labels of `level` in `paths`, under the levels `above` it (all of them if None).

    A value that the table does not name is "*" at every level. Certainty is lost by how many of the table's values
    a label stands for, whether or not they occur.
    """
    finest = ordered(values)
    levels = [level_of(AS_WRITTEN, finest, lambda value: value)]
    leaves = [_leaves(paths, level, finest)]
    for step in range(level + 1, len(paths[0])) if above is None else above:
        found = level_of(f"level {step}", finest, label_at(paths, level, step))
        if 1 < len(found.labels) < len(levels[-1].labels):
            levels.append(found)
            leaves.append(_leaves(paths, step, [found.labels[code] for code in found.codes.tolist()]))
    levels.append(level_of(STAR, finest, lambda _: STAR))
    leaves.append(np.full(len(finest), float(len(paths))))
    return Ladder(column=column, values=finest, levels=tuple(levels), leaves=tuple(leaves))


def label_at(paths: Paths, level: int, step: int) -> Label:
    """What a label of `level` is called at `step`."""
    return partial(_label, {path[level]: path[step] for path in paths})


def _label(labels: dict[str, str], value: object) -> object:
    return None if value is None else labels.get(str(value), STAR)


def _leaves(paths: Paths, level: int, labels: Sequence[object]) -> npt.NDArray[np.float64]:
    """How many of the table's values each label of `level` stands for; what is missing stands for itself."""
    counts: dict[str, int] = {}
    for path in paths:
        counts[path[level]] = counts.get(path[level], 0) + 1
    every = len(paths)
    return np.asarray(
        [1 if label is None else counts.get(str(label), every) for label in labels], dtype=float
    )
