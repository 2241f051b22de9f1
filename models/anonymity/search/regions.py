"""Regions: what Mondrian's groups are called in each column, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anonymity.search.classes import Classes, Ints, number
from models.anonymity.search.ladder import STAR, Ladder
from models.anonymity.search.mondrian import Axis, cost

# A set of more categories is written as "*", and costs as much.
MOST_NAMED = 40
MISSING = "missing"
_BITS = 62


@dataclass(frozen=True, kw_only=True)
class Named:
    """One column of all groups: the text of each is `texts[number[group]]`; `cost` by group, in [0, 1]."""

    number: Ints
    texts: tuple[str | None, ...]
    cost: npt.NDArray[np.float64]


def named(ladder: Ladder, axis: Axis, codes: npt.NDArray[np.int32], owner: Ints, groups: int) -> Named:
    """The groups' names in a column: one value as it is, neighbours as ranges, categories as sets like {a, b}.

    `owner` and `codes` are those of the classes that are kept; each of `groups` has one at least.
    """
    size, values = axis.order.size, np.empty(axis.order.size, dtype=np.int64)
    values[axis.order] = np.arange(size)
    of, at = np.divmod(np.unique(owner * size + axis.order[codes]), size)
    begin = np.searchsorted(of, np.arange(groups))
    end = np.append(begin[1:], of.size) - 1
    first, last, many = at[begin], at[end], (end - begin + 1).astype(float)
    if axis.places is not None:
        pattern, _ = number(first * size + last)
    else:
        pattern = _patterns(of, at, begin, size)
    shown, where = np.unique(pattern, return_index=True)
    texts = [_text(ladder, axis, values[at[begin[group] : end[group] + 1]]) for group in where]
    found = cost(axis, first, last, many)
    starred = np.asarray([text == STAR for text in texts], dtype=bool)
    place = np.searchsorted(shown, pattern)
    return Named(number=place, texts=tuple(texts), cost=np.where(starred[place], 1.0, found))


def region_costs(regions: Sequence[Named], classes: Classes, owner: Ints) -> dict[str, float]:
    """The mean cost of a row in each column; a suppressed row costs 1."""
    kept = owner >= 0
    weights = classes.weights[kept]
    lost = classes.weights[~kept].sum()
    found = {}
    for column, region in zip(classes.columns, regions, strict=True):
        at = float(np.multiply(region.cost[owner[kept]], weights).sum())
        found[column] = (at + float(lost)) / max(classes.total, 1)
    return found


def _patterns(of: Ints, at: Ints, begin: Ints, size: int) -> Ints:
    """A number for each group, the same for groups that hold the same values."""
    pattern = np.zeros(begin.size, dtype=np.int64)
    for word in range(0, size, _BITS):
        bits = np.where((at >= word) & (at < word + _BITS), 1 << np.clip(at - word, 0, _BITS - 1), 0)
        further, _ = number(np.add.reduceat(bits, begin))
        pattern, _ = number(pattern * (further.max() + 1) + further)
    return pattern


def _text(ladder: Ladder, axis: Axis, codes: Ints) -> str | None:
    held = [ladder.values[code] for code in codes]
    if len(held) == 1:
        return None if held[0] is None else str(held[0])
    if axis.places is not None:
        if held[-1] is None:
            return STAR
        ends = (held[0], held[-1])
        return f"[{ends[0]}, {ends[1]}]" if ladder.joined is None else str(ladder.joined(ends))
    if len(held) == len(ladder.values) or len(held) > MOST_NAMED:
        return STAR
    return "{" + ", ".join(MISSING if value is None else str(value) for value in held) + "}"
