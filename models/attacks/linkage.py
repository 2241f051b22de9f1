"""Linkage: who holds customers' raw quasi-identifiers looks for their rows in a released table.

The transforms of a release are public, and its levels stand in its manifest; so the attacker generalises what is known
of somebody in the same way and looks who has the same values (record linkage; Sweeney 2002, *k-Anonymity*). Somebody
whose values one row alone has is linked to it. Whether the link is right is told by further columns, which the attacker
does not know: a customer's pseudonym, or what the attacker wanted to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from models.anonymity.attacks import Rows, risk
from models.values.scope import Measure

_TOLD: Final = "told_"


def linkage(
    known: ir.Table, released: ir.Table, quasi: Sequence[str], told: Sequence[str], rows: Rows
) -> Measure:
    """The share of the people in `known` who are linked to one row of `released` alone, and to their own; internal.

    `known` has one row a customer: the columns `quasi` generalised as in the release (see `population_of`) and, to
    judge by, the true `told`. The control links each by the quasi-identifiers of the next customer in `known`, and is
    judged by the first one's truth: what chance makes right, as where few values of `told` are met. Wilson's interval.
    """
    people = known.select(*quasi, **{_TOLD + name: known[name] for name in told})
    turn = ibis.row_number().over(ibis.window(order_by=people.columns))
    people = people.mutate(turn=turn)
    (counted,) = rows(people.aggregate(all=people.count()))
    everyone = int(counted["all"])
    shifted = people.mutate(turn=(people.turn + 1) % max(everyone, 1))
    truths = shifted.select("turn", *(_TOLD + name for name in told))
    exchanged = people.select("turn", *quasi).inner_join(truths, "turn")
    alone = _alone(released, quasi, told)
    (right,), (chance,) = (rows(_right(each, alone, quasi, told)) for each in (people, exchanged))
    how = (
        "looked for by " + ", ".join(quasi) + " as generalised; right if " + ", ".join(told) + " are the own"
    )
    return risk(int(right["right"]), int(chance["right"]), everyone, "linkage to raw identifiers", how)


def _alone(released: ir.Table, quasi: Sequence[str], told: Sequence[str]) -> ir.Table:
    """The rows that no other row of `released` equals in `quasi`."""
    found: dict[str, Any] = {name: released[name].arbitrary() for name in told}
    classes = released.group_by(list(quasi)).aggregate(n=released.count(), **found)
    return classes.filter(classes.n == 1)


def _right(people: ir.Table, alone: ir.Table, quasi: Sequence[str], told: Sequence[str]) -> ir.Table:
    """One row: how many of `people` are linked `right`."""
    beside = alone.rename({f"released_{name}": name for name in alone.columns})
    met = people.inner_join(beside, [people[name].identical_to(beside[f"released_{name}"]) for name in quasi])
    same = [met[_TOLD + name].identical_to(met[f"released_{name}"]) for name in told]
    return met.aggregate(right=reduce(and_, same).ifelse(1, 0).sum().fill_null(0))
