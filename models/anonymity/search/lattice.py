"""The lattice: the exact optimum over all nodes, and the proof that no other node is better.

Two facts allow most nodes to be passed over. Going up (coarser) only merges groups, so a customer whose group is
too small, or has too few sensitive values, at a node is suppressed at every finer node: (1) a node that loses more
customers so than the limit rules out all finer ones; (2) what those customers cost above the generalisation is
lost at every finer node too, so a finer node costs at least its own generalisation, known from the columns alone,
plus this excess. Only k and distinct l are used so; the other criteria, which are not monotone when groups may be
suppressed, only ever add to a node's loss. The idea of (1) is Incognito's (LeFevre et al. 2005), of looking for
the least loss under a bound, El Emam et al. 2009 and Flash (Kohlmayer et al. 2012).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.anonymity.errors import PolicyError
from models.anonymity.search.hubs import Hubs, bounds_from
from models.anonymity.search.loss import marginals
from models.anonymity.search.node import Levels, Node, Question, evaluate, heights

MOST_NODES = 1_000_000
# Sums of shares in another order differ by roundings; a node is passed over only if it is worse by more.
MARGIN = 1e-9
_STEPS = (1 << 8, 1 << 12, 1 << 15, 1 << 17, 1 << 19, 1 << 21)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Why no node is better: the nodes looked at, in order, and how the others were ruled out.

    `nodes` = evaluated + infeasible (finer than one that suppresses too much) + bounded (cost at least `bound`).
    """

    nodes: int
    evaluated: tuple[Node, ...]
    infeasible: int
    bounded: int
    bound: float | None


class Bounds:
    """What every node costs at least, as far as it is known; infinite if it is known to be infeasible."""

    def __init__(self, question: Question) -> None:
        self._question = question
        shape = heights(question.ladders)
        self.own: npt.NDArray[np.float64] = np.zeros(shape)
        if question.costs is not None:
            for axis, levels in enumerate(marginals(question.classes, question.costs)):
                place = [1] * len(shape)
                place[axis] = len(levels)
                self.own = self.own + np.asarray(levels).reshape(place)
        self._excess = np.zeros(shape)

    @property
    def least(self) -> npt.NDArray[np.float64]:
        """The bound of every node, by its levels."""
        return self.own + self._excess

    def at(self, levels: Levels) -> float:
        """The bound of one node."""
        return float(self.own[levels] + self._excess[levels])

    def learn(self, node: Node) -> None:
        """Raise the bounds of the nodes below (finer) and, for discernibility, above."""
        below = tuple(slice(0, level + 1) for level in node.levels)
        limit = self._question.anonymity.suppression_limit
        excess = np.inf if node.surely > limit else node.excess
        np.maximum(self._excess[below], excess, out=self._excess[below])
        if self._question.costs is None:
            above = tuple(slice(level, None) for level in node.levels)
            np.maximum(self.own[above], node.floor, out=self.own[above])


def lattice(question: Question) -> tuple[Node, Proof]:
    """The node of least loss, ties by their levels, and the proof. Errors: PolicyError if no node is feasible."""
    shape = heights(question.ladders)
    nodes = int(np.prod(shape, dtype=np.float64))
    if nodes > MOST_NODES:
        raise PolicyError(
            f"the quasi-identifiers have {nodes} combinations of levels, more than {MOST_NODES}; name fewer levels"
        )
    bounds, looked, hubs = Bounds(question), np.zeros(shape, dtype=bool), Hubs(question)
    found: dict[Levels, Node] = {}
    best: Node | None = None
    while True:
        open_ = np.where(looked, np.inf, bounds.least)
        flat = int(open_.argmin())
        target = tuple(int(place) for place in np.unravel_index(flat, shape))
        if not open_.flat[flat] <= _limit(best):
            break
        for levels in _way(question, bounds, target):
            if looked[levels]:
                continue
            node = _looked_at(hubs, levels, float(bounds.own[levels]), _limit(best))
            bounds.learn(node)
            looked[levels], found[levels] = True, node
            best = better(best, node)
            if bounds.at(target) > _limit(best):
                break
    if best is None:
        limit = question.anonymity.suppression_limit
        raise PolicyError(
            f"no combination of levels keeps the criteria with at most {limit:g} suppressed; "
            "raise suppression_limit or lower the criteria"
        )
    return best, _proof(bounds, looked, tuple(found.values()))


def _looked_at(hubs: Hubs, levels: Levels, least: float, most: float) -> Node:
    """The node at `levels`; only its bounds, from a hub where there is one, if they already rule it out."""
    question, hub = hubs.root.question, hubs.near(levels)
    if hub is not hubs.root:
        node = bounds_from(hub, levels)
        if node.surely > question.anonymity.suppression_limit or least + node.excess > most:
            return node
    return evaluate(question, levels, least, most)


def _limit(best: Node | None) -> float:
    """Up to which bound a node may still be as good as the best known."""
    if best is None or best.loss is None:
        return float(np.finfo(np.float64).max)
    return best.loss + MARGIN


def better(best: Node | None, node: Node) -> Node | None:
    """The one that costs less; of nodes that cost the same up to rounding, the one with the finer first levels."""
    if node.loss is None or best is None or best.loss is None:
        return best if node.loss is None else node
    if abs(node.loss - best.loss) <= MARGIN / 2:
        return min(best, node, key=lambda one: one.levels)
    return best if best.loss < node.loss else node


def _way(question: Question, bounds: Bounds, target: Levels) -> Iterator[Levels]:
    """Coarser nodes above `target`, each finer and dearer to look at than the one before, then itself."""
    cards = [ladder.cards for ladder in question.ladders]
    way = [target]
    for most in reversed(_STEPS):
        levels = way[-1]
        while _cells(cards, levels) > most:
            levels = _coarser(cards, bounds, levels)
        if levels != way[-1]:
            way.append(levels)
    return reversed(way)


def _cells(cards: list[tuple[int, ...]], levels: Levels) -> float:
    return float(np.prod([card[level] for card, level in zip(cards, levels, strict=True)], dtype=np.float64))


def _coarser(cards: list[tuple[int, ...]], bounds: Bounds, levels: Levels) -> Levels:
    """One column one level up: the one that merges the most for what it costs."""
    steps = []
    for column, level in enumerate(levels):
        if level + 1 < len(cards[column]):
            up = (*levels[:column], level + 1, *levels[column + 1 :])
            merged = np.log(cards[column][level] / cards[column][level + 1])
            steps.append((merged / (float(bounds.own[up] - bounds.own[levels]) + 1e-6), up))
    return max(steps)[1]


def _proof(bounds: Bounds, looked: npt.NDArray[np.bool_], evaluated: tuple[Node, ...]) -> Proof:
    rest = bounds.least[~looked]
    ruled_out = rest[np.isfinite(rest)]
    return Proof(
        nodes=looked.size,
        evaluated=evaluated,
        infeasible=int(np.isinf(rest).sum()),
        bounded=ruled_out.size,
        bound=float(ruled_out.min()) if ruled_out.size else None,
    )


def verify(question: Question, best: Node, proof: Proof) -> tuple[str, ...]:
    """What is wrong with a proof, looked at anew; empty if it proves that `best` is an optimum.

    Every evaluated node is counted again from the classes, the bounds are drawn anew from these counts alone, and
    each node that was not evaluated must be ruled out by them.
    """
    bounds, looked = Bounds(question), np.zeros(heights(question.ladders), dtype=bool)
    wrong = []
    again: list[Node] = []
    for claimed in proof.evaluated:
        node = evaluate(question, claimed.levels)
        bounds.learn(node)
        looked[claimed.levels] = True
        again.append(node)
        if claimed.suppressed is not None and (claimed.loss, claimed.suppressed) != (
            node.loss,
            node.suppressed,
        ):
            wrong.append(f"node {claimed.levels} was not counted right")
    if best.levels not in [node.levels for node in again if node.loss is not None]:
        wrong.append("the best node is not among those that were looked at and are feasible")
    if best.loss is None or any(node.loss is not None and node.loss < best.loss - MARGIN for node in again):
        wrong.append("a node that was looked at is better than the best one")
    if best.loss is not None and bool((bounds.least[~looked] <= best.loss).any()):
        wrong.append("a node is neither looked at nor ruled out")
    if proof.nodes != looked.size or len(again) + proof.infeasible + proof.bounded != looked.size:
        wrong.append("the numbers of nodes do not add up")
    return tuple(wrong)


def enumerated(question: Question) -> Node | None:
    """The best node by looking at every one: what `lattice` must find, for lattices small enough to do so."""
    best: Node | None = None
    for levels in np.ndindex(*heights(question.ladders)):
        best = better(best, evaluate(question, tuple(map(int, levels))))
    return best
