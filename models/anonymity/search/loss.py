"""Loss: what a generalisation costs, per row and column; the measures that the search minimises.

ncp: normalised certainty penalty (Xu et al. 2006), here summed over rows and divided by their number and the
columns' weights, which is the global certainty penalty GCP (Ghinita et al. 2007), in [0, 1]. entropy: non-uniform
entropy (de Waal & Willenborg 1999; Gionis & Tassa 2009), over its value if all were "*". discernibility (Bayardo &
Agrawal 2005): for each row how many it is among, the whole table for suppressed ones, over its greatest value. A
suppressed row costs as if it were all "*". Loss is counted from level 0, what the spec allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.anonymity.search.classes import Classes, Ints
from models.anonymity.search.ladder import Codes, Ladder

Floats = npt.NDArray[np.float64]
Measure = Literal["ncp", "entropy", "discernibility"]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a row costs, by column, level and finest value; the last level is what a suppressed row costs.

    `share` of a column is its weight over all weights. Costs never fall from a level to the next.
    """

    share: tuple[float, ...]
    by_level: tuple[tuple[Floats, ...], ...]


def costs(
    classes: Classes, ladders: Sequence[Ladder], measure: Measure, weights: Mapping[str, float]
) -> Costs:
    """The costs of `measure` (ncp or entropy), each a row's part of a table's loss in [0, 1]."""
    raw = [weights.get(ladder.column, 1.0) for ladder in ladders]
    share = tuple(weight / sum(raw) for weight in raw)
    if measure == "ncp":
        table = [tuple(penalties(ladder, level) for level in range(len(ladder.levels))) for ladder in ladders]
        return Costs(share=share, by_level=tuple(table))
    table = []
    for ladder, codes in zip(ladders, classes.codes, strict=True):
        often = np.bincount(codes, weights=classes.weights, minlength=len(ladder.values)).astype(np.float64)
        lost = tuple(surprises(ladder, level, often) for level in range(len(ladder.levels)))
        all_lost = added(often, lost[-1]) / max(classes.total, 1)
        table.append(tuple(found / all_lost if all_lost > 0 else found for found in lost))
    return Costs(share=share, by_level=tuple(table))


def penalties(ladder: Ladder, level: int) -> Floats:
    """The certainty penalty of each finest value at `level`: 0 for a value of its own, 1 for "*".

    Numbers: the span of what is merged over the span of all. Categories: how many of the domain are merged
    over how many there are.
    """
    step = ladder.levels[level]
    size = len(step.labels)
    if level == len(ladder.levels) - 1:
        return np.ones(len(ladder.values))
    if ladder.places is not None:
        return _spans(step.codes, ladder.places, size)
    if ladder.leaves is not None:
        stands, every = ladder.leaves[level], float(ladder.leaves[-1].max())
    else:
        stands = np.bincount(step.codes, minlength=size)[step.codes].astype(float)
        every = float(len(ladder.values))
    return np.where(stands <= 1, 0.0, stands / every)


def _spans(codes: Codes, places: Floats, size: int) -> Floats:
    """The span of the places that share a code over that of all; what has no place stands for itself."""
    known = ~np.isnan(places)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, codes[known], places[known])
    np.maximum.at(high, codes[known], places[known])
    every = float(np.ptp(places[known])) if known.any() else 0.0
    found = np.zeros(places.size)
    if every > 0:
        found[known] = (high - low)[codes[known]] / every
    return found


def surprises(ladder: Ladder, level: int, often: Floats) -> Floats:
    """The bits that a row of each finest value loses at `level`: how rare its value is among what it merges with."""
    step = ladder.levels[level]
    together = np.bincount(step.codes, weights=often, minlength=len(step.labels))[step.codes]
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(often > 0, np.log2(together / often), 0.0)
    return found


def row_costs(
    classes: Classes, costs: Costs, levels: Sequence[int], where: Ints | slice = slice(None)
) -> Floats:
    """What one row of each of the classes `where` costs at `levels`, over all columns."""
    return _summed(
        classes, [costs.by_level[i][level] * costs.share[i] for i, level in enumerate(levels)], where
    )


def lost_costs(classes: Classes, costs: Costs, levels: Sequence[int], where: Ints) -> Floats:
    """What one row of each of the classes `where` costs more if it is suppressed than at `levels`."""
    gaps = [
        (costs.by_level[i][-1] - costs.by_level[i][level]) * costs.share[i] for i, level in enumerate(levels)
    ]
    return _summed(classes, gaps, where)


def _summed(classes: Classes, tables: Sequence[Floats], where: Ints | slice) -> Floats:
    found: Floats = np.zeros(classes.counts.size)[where]
    for columns, codes in classes.joint:
        joint: Floats = np.zeros(1)
        for place in columns:
            joint = np.add.outer(joint, tables[place]).ravel()
        if joint.any():
            found += joint[codes[where]]
    return found


def marginals(classes: Classes, costs: Costs) -> tuple[tuple[float, ...], ...]:
    """By column and level: what generalising every row to that level adds to the loss."""
    found = []
    for column, levels in enumerate(costs.by_level):
        often = np.bincount(classes.codes[column], classes.weights, levels[0].size).astype(np.float64)
        each = [costs.share[column] * added(often, level) / max(classes.total, 1) for level in levels]
        found.append(tuple(each))
    return tuple(found)


def by_column(
    classes: Classes, costs: Costs, levels: Sequence[int], suppressed: npt.NDArray[np.bool_]
) -> dict[str, float]:
    """The mean cost of a row in each column, in [0, 1], suppressed rows included and weights not."""
    found = {}
    for column, level in enumerate(levels):
        at, top = costs.by_level[column][level], costs.by_level[column][-1]
        each = np.where(suppressed, top[classes.codes[column]], at[classes.codes[column]])
        found[classes.columns[column]] = added(classes.weights, each) / max(classes.total, 1)
    return found


def discernibility(sizes: Ints, kept: npt.NDArray[np.bool_], total: int) -> float:
    """Of groups: the sum of squared sizes of those kept and `total` a row of the others, over total squared."""
    inside = sizes[kept].astype(float)
    return (added(inside, inside) + total * float(sizes[~kept].sum())) / max(total, 1) ** 2


def added(weights: Floats, each: Floats) -> float:
    """The weighted sum; not a dot product, whose threads cost more than they bring here."""
    return float(np.multiply(weights, each).sum())
