"""Hubs: classes merged a little, from which the bounds of many coarser nodes are counted instead of from the finest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.anonymity.search.classes import Classes, at_levels
from models.anonymity.search.ladder import Ladder, Level
from models.anonymity.search.loss import Costs
from models.anonymity.search.node import Levels, Node, Question, size_bounds

# A hub has at most so many possible groups; coarser ones are made from finer ones.
TIERS = (1 << 24, 1 << 22)
# It is worth making only for nodes with so many times fewer groups, and only from so many classes.
_FEWER, _FROM = 4, 1 << 18


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The question with its classes merged at `levels`; its ladders begin there."""

    levels: Levels
    question: Question

    def below(self, levels: Levels) -> bool:
        """Whether `levels` can be counted from here."""
        return all(mine <= theirs for mine, theirs in zip(self.levels, levels, strict=True))


class Hubs:
    """The hubs of one search, made as they are needed."""

    def __init__(self, question: Question) -> None:
        self.root = Hub(levels=(0,) * len(question.ladders), question=question)
        self._cards = [ladder.cards for ladder in question.ladders]
        self._made: dict[int, list[Hub]] = {tier: [] for tier in TIERS}

    def near(self, levels: Levels) -> Hub:
        """The smallest hub that `levels` can be counted from, made now if that is worth it."""
        hub = self.root
        for tier in TIERS:
            few = hub.question.classes.counts.size <= max(_FROM, tier >> 4)
            if few or self._cells(levels) * _FEWER > tier:
                continue
            found = next((one for one in self._made[tier] if one.below(levels)), None)
            if found is None:
                found = merged_at(hub, self._finer(levels, hub.levels, tier))
                self._made[tier].append(found)
            hub = found
        return hub

    def _finer(self, levels: Levels, least: Levels, tier: int) -> Levels:
        """Below `levels`, every column down in turn as long as there are not too many groups."""
        found = levels
        while True:
            steps = []
            for column, level in enumerate(found):
                if level > least[column]:
                    down = (*found[:column], level - 1, *found[column + 1 :])
                    grown = self._cells(down)
                    if grown <= tier:
                        steps.append((levels[column] - level, grown, down))
            if not steps:
                return found
            found = min(steps)[2]

    def _cells(self, levels: Levels) -> float:
        cards = [card[level] for card, level in zip(self._cards, levels, strict=True)]
        return float(np.prod(cards, dtype=np.float64))


def bounds_from(hub: Hub, levels: Levels) -> Node:
    """The bounds of the node at `levels` by the sizes of its groups alone, counted from a hub."""
    node = size_bounds(hub.question, _above(levels, hub.levels))
    return Node(**{**vars(node), "levels": levels})


def merged_at(hub: Hub, levels: Levels) -> Hub:
    """The hub at coarser `levels`: its classes are counted, their sensitive values are left behind."""
    old, steps = hub.question, _above(levels, hub.levels)
    owner, groups = at_levels(old.classes, old.ladders, steps)
    sizes = np.bincount(owner, weights=old.classes.weights, minlength=groups)
    filled = np.flatnonzero(sizes)
    counts = sizes[filled].astype(np.int64)
    member = np.empty(groups, dtype=np.int64)
    member[owner] = np.arange(owner.size)
    members = member[filled]
    codes = tuple(
        ladder.levels[step].codes[found[members]]
        for ladder, step, found in zip(old.ladders, steps, old.classes.codes, strict=True)
    )
    firsts = [_firsts(ladder.levels[step]) for ladder, step in zip(old.ladders, steps, strict=True)]
    ladders = tuple(
        _cut(ladder, step, first) for ladder, step, first in zip(old.ladders, steps, firsts, strict=True)
    )
    values = tuple(ladder.values for ladder in ladders)
    classes = Classes(columns=old.classes.columns, values=values, codes=codes, counts=counts)
    costs = None if old.costs is None else _cut_costs(old.costs, steps, firsts)
    question = Question(classes=classes, ladders=ladders, anonymity=old.anonymity, costs=costs)
    return Hub(levels=levels, question=question)


def _above(levels: Levels, base: Levels) -> Levels:
    return tuple(level - start for level, start in zip(levels, base, strict=True))


def _firsts(level: Level) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """One of the values behind each label."""
    found = np.empty(len(level.labels), dtype=np.int64)
    found[level.codes] = np.arange(level.codes.size)
    return found


def _cut(ladder: Ladder, step: int, firsts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Ladder:
    """The ladder from `step` on; its labels there are the values."""
    levels = tuple(
        Level(name=level.name, codes=level.codes[firsts], labels=level.labels)
        for level in ladder.levels[step:]
    )
    return Ladder(column=ladder.column, values=ladder.levels[step].labels, levels=levels)


def _cut_costs(
    costs: Costs, steps: Sequence[int], firsts: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]
) -> Costs:
    """The same costs by label; what suppression adds to a level's cost is the same for all values of a label."""
    table = tuple(
        tuple(cost[first] for cost in levels[step:])
        for levels, step, first in zip(costs.by_level, steps, firsts, strict=True)
    )
    return Costs(share=costs.share, by_level=table)
