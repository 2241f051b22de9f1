"""Measures of anonymity: classes of equal quasi-identifiers, their size, their diversity and the risk that remains.

k-anonymity (Sweeney 2002) and distinct l-diversity (Machanavajjhala et al. 2007); `closeness` and `risk` have the
others. A missing value is a value like any other: rows that miss the same thing form a class, and none is left out
of a count. `measure_all` is all of them in one scan of the table for the classes and one for each sensitive column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp
from typing import Any

import ibis
import ibis.expr.types as ir

from models.anonymity import risk
from models.anonymity.closeness import per_class
from models.values.measures import ColumnMeasures, Measures

Rows = Callable[[ir.Table], list[dict[str, Any]]]
SIZE = "class_size_"
_DIVERSITY = "class_diversity_"


def _distinct(column: ir.Column) -> ir.IntegerScalar:
    """How many different values, missing being one of them."""
    return column.nunique() + column.isnull().any().fill_null(False).cast("int64")


def classes(
    table: ir.Table, quasi: Sequence[str], sensitive: Sequence[str] = (), unit: str | None = None
) -> ir.Table:
    """One row per class: the quasi-identifiers, its size and the least diversity of a sensitive column.

    Columns: `quasi`, `class_size_` (rows, or different values of `unit`), `class_diversity_` (null without
    sensitive columns). Without quasi-identifiers the whole table is one class.
    """
    size = table.count() if unit is None else _distinct(table[unit])
    counts = [_distinct(table[column]) for column in sensitive]
    diversity = ibis.least(*counts) if counts else ibis.null("int64")
    measured = {SIZE: size, _DIVERSITY: diversity}
    if not quasi:
        return table.aggregate(**measured)
    return table.group_by(list(quasi)).aggregate(**measured)


def k_of(table: ir.Table, quasi: Sequence[str], unit: str | None = None) -> ir.IntegerScalar:
    """The size of the smallest class; null for an empty table."""
    return classes(table, quasi, unit=unit)[SIZE].min()


def l_of(table: ir.Table, quasi: Sequence[str], sensitive: Sequence[str]) -> ir.IntegerScalar:
    """The least number of different values of a sensitive column in a class; null if there is none."""
    return classes(table, quasi, sensitive)[_DIVERSITY].min()


def suppress(
    table: ir.Table,
    quasi: Sequence[str],
    sensitive: Sequence[str],
    k: int,
    l: int,  # noqa: E741  # the paper's letter
    unit: str | None = None,
) -> ir.Table:
    """`table` without the rows of classes that have fewer than `k` rows or `l` values of a sensitive column.

    With `unit` a class must hold `k` different values of that column (customers) instead of rows. Whole
    classes go, so what is left needs no second pass.
    """
    table = table.view()  # or Ibis 12, if it is a join, compares the columns of `kept` with themselves
    found = classes(table, quasi, sensitive, unit)
    kept = found.filter(found[SIZE] >= k, (found[_DIVERSITY] >= l).fill_null(True))
    if not quasi:
        return table.filter(kept.count().as_scalar() > 0)
    return table.semi_join(kept, [table[name].identical_to(kept[name]) for name in quasi])


def facts(before: ir.Table, after: ir.Table, quasi: Sequence[str], sensitive: Sequence[str]) -> ir.Table:
    """One row on the result of a suppression: k, l, classes, suppressed, suppressed_share.

    k and l are null where nothing is left (l also without sensitive columns).
    """
    found = classes(after, quasi, sensitive)
    measured = found.aggregate(
        k=found[SIZE].min(), l=found[_DIVERSITY].min(), classes=(found[SIZE] > 0).sum()
    )
    total, left = before.count().as_scalar(), after.count().as_scalar()
    suppressed = total - left
    share = (total > 0).ifelse(suppressed / total, 0.0)
    return measured.mutate(
        classes=measured.classes.fill_null(0), suppressed=suppressed, suppressed_share=share
    )


def measure_all(
    table: ir.Table,
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    l: int = 2,  # noqa: E741  # the paper's letter
    unit: str | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
    population: ir.Table | None = None,
    people: int | None = None,
    rows: Rows | None = None,
) -> Measures:
    """All measures of `table` over its quasi-identifiers, exact; only the uniqueness in a population is an estimate.

    Args:
        table: on any engine that Ibis speaks to.
        quasi: the quasi-identifiers; without one the table is a single class.
        sensitive: columns that the classes must say little about.
        l: the l of recursive (c, l)-diversity.
        unit: the column by which customers are counted in a class; by default each row is one.
        orders: public orders of texts, by column. Numbers and times have theirs; other columns have no order.
        population: a table that holds all rows of `table`, with the same quasi-identifiers in the same form.
        people: how many the population has, if that is more than the table's rows are known to stand for.
        rows: executes an expression, e.g. `Engine.rows`; by default the table's own engine.
    """
    asked = questions(table, quasi, sensitive, l=l, unit=unit, orders=orders, population=population)
    run = rows or _executed
    return answered({name: run(question) for name, question in asked.items()}, people=people)


def questions(
    table: ir.Table,
    quasi: Sequence[str],
    sensitive: Sequence[str] = (),
    *,
    l: int = 2,  # noqa: E741  # the paper's letter
    unit: str | None = None,
    orders: Mapping[str, Sequence[str]] | None = None,
    population: ir.Table | None = None,
) -> dict[str, ir.Table]:
    """Small aggregates that the measures follow from: `sizes`, maybe `pairs`, and `of COLUMN` for each sensitive."""
    found = _filled(table, quasi, unit)
    asked = {"sizes": found.group_by(size=found[SIZE]).aggregate(many=found.count())}
    if population is not None:
        asked["pairs"] = _pairs(table, population, quasi, unit)
    for name in sensitive:
        asked[f"of {name}"] = _worst(table, quasi, name, l, (orders or {}).get(name))
    return asked


def answered(
    answers: Mapping[str, list[dict[str, Any]]], *, people: int | None = None, threshold: float = 0.1
) -> Measures:
    """The measures, from the rows of `questions`."""
    sizes = {int(row["size"]): int(row["many"]) for row in answers["sizes"]}
    total = sum(size * many for size, many in sizes.items())
    pairs, presence = {(size, size): many for size, many in sizes.items()}, None
    if "pairs" in answers:
        pairs = {(row["size"], row["among"]): row["many"] for row in answers["pairs"]}
        shares = [size / among for size, among in pairs] or [0.0]
        presence = (min(shares), max(shares))
    people = max(total, sum(among * many for (_, among), many in pairs.items()), people or 0)
    columns = [(name[3:], next(iter(rows), {})) for name, rows in answers.items() if name.startswith("of ")]
    return Measures(
        rows=total,
        classes=sum(sizes.values()),
        k=min(sizes, default=0),
        singled_out=sizes.get(1, 0),
        sizes=tuple(sorted(sizes.items())),
        columns=tuple(_column(name, row) for name, row in columns),
        prosecutor=risk.prosecutor(sizes, threshold),
        journalist=risk.journalist(pairs, threshold),
        marketer=risk.marketer(pairs),
        population=people,
        population_unique=risk.population_unique(sizes, people),
        presence=presence,
    )


def _executed(table: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return found


def _filled(table: ir.Table, quasi: Sequence[str], unit: str | None) -> ir.Table:
    """The classes and their sizes; that of a table without quasi-identifiers and rows has no members and is none."""
    found = classes(table, quasi, unit=unit)
    return found.filter(found[SIZE] > 0)


def _pairs(table: ir.Table, population: ir.Table, quasi: Sequence[str], unit: str | None) -> ir.Table:
    """(size in the table, size in the population) and how many classes of the table have them."""
    here, there = _filled(table, quasi, unit), _filled(population, quasi, unit)
    there = there.rename({f"{name}_there_": name for name in (*quasi, SIZE)})
    same = [here[name].identical_to(there[f"{name}_there_"]) for name in quasi]
    met = here.inner_join(there, same) if quasi else here.cross_join(there)
    return met.group_by(size=met[SIZE], among=met[f"{SIZE}_there_"]).aggregate(many=met.count())


def _worst(
    table: ir.Table,
    quasi: Sequence[str],
    name: str,
    l: int,  # noqa: E741  # the paper's letter
    order: Sequence[str] | None,
) -> ir.Table:
    """One row: what the worst class says about a sensitive column, measure by measure."""
    kind = table[name].type()
    ordered = order is not None or kind.is_numeric() or kind.is_temporal()
    found = per_class(table, quasi, name, l=l, ordered=ordered, order=order or ())
    return found.aggregate(
        l=found.different.min(),
        entropy=found.entropy.min(),
        c=(found.largest / found.tail.nullif(0)).max(),
        none=(found.tail == 0).any(),
        equal=found.equal.max(),
        ordered=found.earth_mover.max() if ordered else ibis.null("float64"),
        beta=found.beta.max(),
        bounded=found.bounded.all(),
    )


def _column(name: str, row: Mapping[str, Any]) -> ColumnMeasures:
    """A column's measures; of a table without rows there is nothing to say."""
    beta = row.get("beta") or 0.0
    return ColumnMeasures(
        column=name,
        l=row.get("l") or 0,
        entropy_l=exp(row.get("entropy") or 0.0),
        c=None if row.get("none") else row.get("c"),
        equal=row.get("equal") or 0.0,
        ordered=row.get("ordered"),
        beta=beta,
        enhanced_beta=beta if row.get("bounded") else None,
    )
