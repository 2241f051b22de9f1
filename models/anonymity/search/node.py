"""A node: one level for each quasi-identifier, what it suppresses and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anonymity.search.classes import Classes, Ints, at_levels
from models.anonymity.search.criteria import (
    groups_of,
    kept_groups,
    safe_alone,
    sizes_of,
    whole_population,
)
from models.anonymity.search.ladder import Ladder
from models.anonymity.search.loss import Costs, added, discernibility, lost_costs, row_costs
from models.values.anonymity import Anonymity

Levels = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Node:
    """What was found at `levels`.

    `surely`: the share of customers in groups that are too small or have too few sensitive values; every finer
    node loses them too. `excess`: what these customers cost above the node's own generalisation, or less; every
    finer node costs at least this above its own (unknown and infinite where `surely` is over the limit).
    `floor`: what any coarser node costs at least (discernibility).
    `suppressed` and `loss` are by all criteria; None where the bounds were already too bad to look on, and
    loss alone is None where too much would be suppressed.
    """

    levels: Levels
    surely: float
    excess: float
    floor: float
    suppressed: float | None
    loss: float | None


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is searched: classes and their ladders, under which criteria, at which costs (None: discernibility)."""

    classes: Classes
    ladders: tuple[Ladder, ...]
    anonymity: Anonymity
    costs: Costs | None

    @property
    def total(self) -> int:
        """Customers, at least one, for shares."""
        return max(self.classes.total, 1)


def owners(question: Question, levels: Levels) -> tuple[Ints, int]:
    """The group of each finest class at `levels`, and how many group numbers are in use."""
    return at_levels(question.classes, question.ladders, levels)


def suppressed_classes(question: Question, levels: Levels) -> npt.NDArray[np.bool_]:
    """Which finest classes go at `levels`, by all criteria."""
    owner, groups = owners(question, levels)
    return ~kept_groups(groups_of(question.classes, owner, groups), question.anonymity)[owner]


def evaluate(question: Question, levels: Levels, least: float = 0.0, most: float = np.inf) -> Node:
    """The node at `levels`; only its bounds where they tell that it is infeasible or costs more than `most`.

    `least` is what the node costs before anything is suppressed.
    """
    owner, groups = owners(question, levels)
    if question.anonymity.l > 1 and question.classes.sensitive:
        small = sizes_of(question.classes, owner, groups) < question.anonymity.k
        node = _bounds(question, levels, small[owner], owner, groups)
        if node.surely > question.anonymity.suppression_limit or least + node.excess > most:
            return node
    found = groups_of(question.classes, owner, groups)
    safe = safe_alone(found, question.anonymity)
    node = _bounds(question, levels, ~safe[owner], owner, groups)
    if node.surely > question.anonymity.suppression_limit or least + node.excess > most:
        return node
    kept = kept_groups(found, question.anonymity) if question.anonymity.beyond_k_and_l else safe
    share = float(found.sizes[~kept].sum()) / question.total
    whole = whole_population(found, kept, question.anonymity.presence)
    feasible = whole and share <= question.anonymity.suppression_limit and bool(kept.any())
    loss = _loss(question, levels, kept, owner, found.sizes) if feasible else None
    return Node(
        levels=levels,
        surely=node.surely,
        excess=node.excess,
        floor=node.floor,
        suppressed=share,
        loss=loss,
    )


def size_bounds(question: Question, levels: Levels) -> Node:
    """The bounds of a node by the sizes of its groups alone."""
    owner, groups = owners(question, levels)
    small = np.bincount(owner, question.classes.weights, groups) < question.anonymity.k
    return _bounds(question, levels, small[owner], owner, groups)


def _bounds(
    question: Question, levels: Levels, lost: npt.NDArray[np.bool_], owner: Ints, groups: int
) -> Node:
    counts = question.classes.weights
    where = np.flatnonzero(lost)
    surely = float(counts[where].sum()) / question.total
    floor = 0.0
    if question.costs is not None:
        infeasible = surely > question.anonymity.suppression_limit
        excess = np.inf if infeasible else _excess(question, levels, where)
    else:
        sizes = sizes_of(question.classes, owner, groups).astype(float)
        at_least = np.maximum(sizes, question.anonymity.k)[owner]
        total = question.total
        excess = added(counts[where], total - np.minimum(at_least[where], total)) / total**2
        floor = added(counts, np.minimum(at_least, total)) / total**2
    return Node(levels=levels, surely=surely, excess=excess, floor=floor, suppressed=None, loss=None)


def _excess(question: Question, levels: Levels, where: Ints) -> float:
    """What the customers of the classes `where` cost if suppressed, above what they cost at `levels`."""
    assert question.costs is not None, "discernibility has no costs by column"
    gap = lost_costs(question.classes, question.costs, levels, where)
    return added(question.classes.weights[where], gap) / question.total


def _loss(question: Question, levels: Levels, kept: npt.NDArray[np.bool_], owner: Ints, sizes: Ints) -> float:
    if question.costs is None:
        return discernibility(sizes, kept, question.total)
    at = row_costs(question.classes, question.costs, levels)
    lost = _excess(question, levels, np.flatnonzero(~kept[owner]))
    return added(question.classes.weights, at) / question.total + lost


def heights(ladders: Sequence[Ladder]) -> Levels:
    """How many levels each ladder has."""
    return tuple(len(ladder.levels) for ladder in ladders)
