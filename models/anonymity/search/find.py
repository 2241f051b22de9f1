"""Finding: one call from classes and criteria to what is released, what it costs and why it was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.anonymity.errors import PolicyError
from models.anonymity.search.classes import Classes, Ints, number
from models.anonymity.search.criteria import check_columns, groups_of, kept_groups
from models.anonymity.search.ladder import Ladder
from models.anonymity.search.lattice import Proof, lattice
from models.anonymity.search.loss import Measure, by_column, costs
from models.anonymity.search.mondrian import axes, mondrian
from models.anonymity.search.node import Levels, Question, owners, suppressed_classes
from models.anonymity.search.regions import Named, named, region_costs
from models.values.anonymity import Anonymity


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search chose. It depends on the data, and so is for published tables only (docs/privacy.md, rule 1).

    `levels` by column (lattice, none) or `regions` (mondrian); `owner` is the released group of each finest class,
    -1 if it is suppressed. `loss` is of the measure, in [0, 1]; `by_column` the certainty penalty of each column
    without weights; `suppressed` the share of customers who are. `proof` says why no other node is better.
    """

    owner: Ints
    levels: Levels | None
    regions: tuple[Named, ...]
    loss: float
    by_column: dict[str, float]
    suppressed: float
    proof: Proof | None

    @property
    def groups(self) -> int:
        """How many groups are released."""
        return int(self.owner.max(initial=-1)) + 1


def search(
    classes: Classes, ladders: Sequence[Ladder], anonymity: Anonymity, measure: Measure = "ncp"
) -> Found:
    """The generalisation of `classes` that `anonymity` asks for, of least loss by `measure`.

    Mondrian lowers ncp only. Errors: PolicyError if the criteria cannot be measured, or not be kept within the
    suppression limit.
    """
    problems = check_columns(classes, anonymity)
    if problems:
        raise PolicyError("; ".join(problems))
    if classes.total == 0:
        raise PolicyError("the table has no rows; there is nothing to anonymise")
    ladders = tuple(ladders)
    match anonymity.search if ladders else "none":
        case "mondrian":
            return _local(classes, ladders, anonymity)
        case "lattice":
            return _best(classes, ladders, anonymity, measure)
        case "none":
            return _as_it_is(classes, ladders, anonymity)


def _best(classes: Classes, ladders: tuple[Ladder, ...], anonymity: Anonymity, measure: Measure) -> Found:
    found = None if measure == "discernibility" else costs(classes, ladders, measure, anonymity.weights)
    question = Question(classes=classes, ladders=ladders, anonymity=anonymity, costs=found)
    node, proof = lattice(question)
    return _at(question, node.levels, node.loss or 0.0, proof)


def _as_it_is(classes: Classes, ladders: tuple[Ladder, ...], anonymity: Anonymity) -> Found:
    """Level 0 in every column, and what the criteria suppress there; the limit is the gate's to hold."""
    table = costs(classes, ladders, "ncp", {})
    question = Question(classes=classes, ladders=ladders, anonymity=anonymity, costs=table)
    found = _at(question, (0,) * len(ladders), 0.0, None)
    return Found(**{**vars(found), "loss": _mean(found.by_column, anonymity)})


def _at(question: Question, levels: Levels, loss: float, proof: Proof | None) -> Found:
    classes = question.classes
    gone = suppressed_classes(question, levels)
    owner, _ = owners(question, levels)
    shown = np.full(owner.size, -1, dtype=np.int64)
    shown[~gone] = number(owner[~gone])[0]
    penalties = costs(classes, question.ladders, "ncp", {})
    return Found(
        owner=shown,
        levels=levels,
        regions=(),
        loss=loss,
        by_column=by_column(classes, penalties, levels, gone),
        suppressed=float(classes.counts[gone].sum()) / max(classes.total, 1),
        proof=proof,
    )


def _local(classes: Classes, ladders: tuple[Ladder, ...], anonymity: Anonymity) -> Found:
    raw = [anonymity.weights.get(ladder.column, 1.0) for ladder in ladders]
    row = axes(ladders, [weight / sum(raw) for weight in raw])
    owner = mondrian(classes, ladders, anonymity, [axis.share for axis in row])
    if (owner < 0).any():
        raise PolicyError("not even the table as one class keeps the criteria; lower them")
    groups = int(owner.max(initial=-1)) + 1
    assert kept_groups(groups_of(classes, owner, groups), anonymity).all(), "every region keeps the criteria"
    regions = tuple(
        named(ladder, axis, codes, owner, groups)
        for ladder, axis, codes in zip(ladders, row, classes.codes, strict=True)
    )
    lost = region_costs(regions, classes, owner)
    return Found(
        owner=owner,
        levels=None,
        regions=regions,
        loss=_mean(lost, anonymity),
        by_column=lost,
        suppressed=0.0,
        proof=None,
    )


def _mean(by_column: dict[str, float], anonymity: Anonymity) -> float:
    """The weighted mean of the columns' losses: the global certainty penalty."""
    raw = {column: anonymity.weights.get(column, 1.0) for column in by_column}
    return sum(raw[column] * lost for column, lost in by_column.items()) / (sum(raw.values()) or 1.0)
