"""Published tables: the search, the suppression and what the manifest says of both.

What is chosen here depends on the data: for published tables only, never on the way to DP training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import ibis.expr.types as ir

from models.anonymity.errors import PolicyError
from models.anonymity.generalise import transform_column
from models.anonymity.ladders import ladder_at, ladder_of
from models.anonymity.measures import suppress
from models.anonymity.pseudonyms import HmacKey
from models.values.anonymity import Anonymity

if TYPE_CHECKING:
    from models.anonymity.policy import PlannedColumn, ReleasePlan
    from models.anonymity.search.find import Found
    from models.anonymity.search.ladder import Ladder

Facts = dict[str, float | int | str]
LEVEL = "level_"
FITTED = "levels and suppression depend on the data: for reading, not for private training"


class Published(NamedTuple):
    """A table that may be published, and the facts of how it became so."""

    table: ir.Table
    facts: Facts


def publish(
    plan: ReleasePlan, table: ir.Table, unit: str | None = None, population: ir.Table | None = None
) -> Published:
    """The rows of a de-identified `table` that keep the plan's anonymity, generalised as its search finds best.

    `unit` names the customer of a row; `population` holds the people that presence is measured against (see
    `population_of`). The expressions run on the table's own engine. Errors: PolicyError if the criteria cannot be
    measured or kept.
    """
    wanted = plan.anonymity
    if wanted is None:
        return Published(table, {})
    if wanted.search == "none" and not wanted.beyond_k_and_l:
        return Published(suppress(table, plan.quasi, plan.sensitive, wanted.k, wanted.l, unit), {})
    from models.anonymity.search.aggregate import aggregate
    from models.anonymity.search.find import search
    from models.anonymity.search.write import write

    classes = aggregate(table, plan.quasi, plan.sensitive, unit, population)
    columns = {column.name: column for column in plan.columns}
    ladders = [
        ladder_of(name, values, columns[name].transform, columns[name].levels)
        for name, values in zip(plan.quasi, classes.values, strict=True)
    ]
    found = search(classes, ladders, wanted)
    return Published(write(table, classes, ladders, found), facts_of(wanted, ladders, found))


def population_of(
    plan: ReleasePlan,
    table: ir.Table,
    keys: Mapping[str, HmacKey],
    at: Facts | None = None,
    beside: Sequence[str] = (),
) -> ir.Table:
    """The people of a `table` by the release's quasi-identifiers and columns `beside`, under the same transforms.

    `at`: what the manifest says of a search (see `facts_of`); then at the levels that it chose.
    Errors: PolicyError if the table lacks a column, or the search chose no levels.
    """
    wanted = (*plan.quasi, *beside)
    missing = sorted(set(wanted) - set(table.columns))
    if missing:
        raise PolicyError(
            f"the population lacks column {missing[0]!r} of release {plan.release!r}; add it there"
        )
    columns = {column.name: column for column in plan.columns}
    people = table.select(
        **{name: transform_column(table[name], columns[name].transform, keys) for name in wanted}
    )
    return people if at is None else _at_levels(people, [columns[name] for name in plan.quasi], at)


def _at_levels(people: ir.Table, columns: Sequence[PlannedColumn], at: Facts) -> ir.Table:
    from models.anonymity.search.write import recoded

    ladders = []
    for column in columns:
        level = at.get(f"{LEVEL}{column.name}")
        if level is None:
            raise PolicyError(f"the search chose no level of column {column.name!r}; use search: lattice")
        values = people.select(column.name).distinct().to_pyarrow()[column.name].to_pylist()
        ladders.append(ladder_at(column.name, values, column.transform, column.levels, str(level)))
    return recoded(people, ladders, [1] * len(ladders))


def facts_of(wanted: Anonymity, ladders: list[Ladder], found: Found) -> Facts:
    """What the manifest says of a search: the levels, the loss by column, how many nodes were looked at."""
    facts: Facts = {"search": wanted.search, "fitted": FITTED, "loss": round(found.loss, 6)}
    facts |= {f"loss_{column}": round(lost, 6) for column, lost in found.by_column.items()}
    for ladder, level in zip(ladders, found.levels or (), strict=False):
        facts[f"{LEVEL}{ladder.column}"] = ladder.levels[level].name
    if found.proof is not None:
        ruled_out = found.proof.infeasible + found.proof.bounded
        looked = len(found.proof.evaluated)
        facts |= {"nodes": found.proof.nodes, "nodes_evaluated": looked, "nodes_ruled_out": ruled_out}
    return facts
