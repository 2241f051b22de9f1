"""The front of a published table: k and generalisation against what is lost and how surely rows can be linked.

Published tables and models are two products of one release (docs/privacy.md, rule 1): no choice here moves a model, so
this front is enumerated by itself and not searched with the others. It depends on the data: internal unless that is
public.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from pydantic import Field

from models.anonymity.errors import PolicyError
from models.anonymity.search.classes import Classes
from models.anonymity.search.find import search
from models.anonymity.search.ladder import Ladder
from models.anonymity.search.loss import costs
from models.anonymity.search.node import Levels, Question, evaluate, heights, owners, suppressed_classes
from models.values.anonymity import Anonymity
from models.values.base import Value

KS: Final = (2, 5, 10, 20, 50)
MOST_NODES: Final = 500  # of a lattice that is looked at as a whole; of a larger one the best node for each k


class TablePoint(Value):
    """One way to publish a table. `levels` by column; `loss` is the normalised certainty penalty (0..1).

    `linkage` is the share of released rows that somebody who names all of them gets right (marketer risk), `highest`
    the risk of the worst row (both El Emam 2013); `suppressed` the share of rows that go. `on_front`: none loses less
    and is linked less.
    """

    k: int = Field(ge=1)
    levels: dict[str, int]
    loss: float = Field(ge=0, le=1)
    linkage: float = Field(ge=0, le=1)
    highest: float = Field(ge=0, le=1)
    suppressed: float = Field(ge=0, le=1)
    on_front: bool = False


def table_front(
    classes: Classes, ladders: Sequence[Ladder], anonymity: Anonymity, ks: Sequence[int] = KS
) -> tuple[TablePoint, ...]:
    """Every way to publish a table for each k that keeps the other criteria, by k and loss; the front is marked.

    A k for which no generalisation keeps the criteria within the suppression limit has no point.
    """
    found = [point for k in ks for point in _of(classes, tuple(ladders), _with(anonymity, k))]
    marked = [
        point.model_copy(update={"on_front": not any(_beats(other, point) for other in found)})
        for point in found
    ]
    return tuple(sorted(marked, key=lambda point: (point.k, point.loss, point.linkage)))


def _with(anonymity: Anonymity, k: int) -> Anonymity:
    return Anonymity.model_validate({**anonymity.model_dump(), "k": k, "search": "lattice"})


def _of(classes: Classes, ladders: tuple[Ladder, ...], anonymity: Anonymity) -> Iterator[TablePoint]:
    question = Question(
        classes=classes,
        ladders=ladders,
        anonymity=anonymity,
        costs=costs(classes, ladders, "ncp", anonymity.weights),
    )
    for levels in _candidates(question):
        node = evaluate(question, levels)
        if node.loss is not None:
            yield _point(question, levels, min(1.0, node.loss))


def _candidates(question: Question) -> Iterator[Levels]:
    shape = heights(question.ladders)
    if int(np.prod(shape, dtype=np.float64)) <= MOST_NODES:
        yield from (tuple(map(int, levels)) for levels in np.ndindex(*shape))
        return
    try:
        best = search(question.classes, question.ladders, question.anonymity).levels
    except PolicyError:  # no node keeps the criteria
        return
    if best is not None:
        yield best


def _point(question: Question, levels: Levels, loss: float) -> TablePoint:
    owner, groups = owners(question, levels)
    gone = suppressed_classes(question, levels)
    counts = np.asarray(question.classes.counts, dtype=np.float64)
    sizes = np.bincount(owner[~gone], weights=counts[~gone], minlength=groups)
    sizes = sizes[sizes > 0]
    released = float(sizes.sum())
    return TablePoint(
        k=question.anonymity.k,
        levels={ladder.column: level for ladder, level in zip(question.ladders, levels, strict=True)},
        loss=loss,
        linkage=len(sizes) / released,
        highest=float(1 / sizes.min()),
        suppressed=float(counts[gone].sum()) / question.total,
    )


def _beats(one: TablePoint, other: TablePoint) -> bool:
    mine, others = (one.loss, one.linkage), (other.loss, other.linkage)
    return mine != others and all(here <= there for here, there in zip(mine, others, strict=True))
