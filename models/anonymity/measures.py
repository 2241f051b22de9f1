"""Measures of anonymity: classes of equal quasi-identifiers, their size, their diversity and the risk that remains.

k-anonymity (Sweeney 2002) and distinct l-diversity (Machanavajjhala et al. 2007); `closeness` and `risk` have the
others. A missing value is a value like any other: rows that miss the same thing form a class, and none is left out
of a count. `measure_all` is all of them in one scan of the table for the classes and one for each sensitive column:
what the engine counted (classes, and the values in each) is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir

from models.anonymity import risk
from models.anonymity.closeness import Cells, cells, worst
from models.values.measures import ColumnMeasures, Measures

if TYPE_CHECKING:
    import pyarrow as pa

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


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured: a table and what its columns are.

    Args:
        table: on any engine that Ibis speaks to.
        quasi: the quasi-identifiers; without one the table is a single class.
        sensitive: columns that the classes must say little about.
        l: the l of recursive (c, l)-diversity.
        unit: the column by which customers are counted in a class; by default each row is one.
        orders: public orders of texts, by column. Numbers and times have theirs; other columns have no order.
        population: a table that holds all rows of `table`, with the same quasi-identifiers in the same form.
    """

    table: ir.Table
    quasi: Sequence[str]
    sensitive: Sequence[str] = ()
    l: int = 2  # noqa: E741  # the paper's letter
    unit: str | None = None
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    population: ir.Table | None = None

    def questions(self) -> dict[str, ir.Table]:
        """Aggregates that the measures follow from: `sizes`, maybe `pairs`, and `of COLUMN` for each sensitive."""
        found = self._filled(self.table)
        asked = {"sizes": found.group_by(size=found[SIZE]).aggregate(many=found.count())}
        if self.population is not None:
            asked["pairs"] = self._pairs(found, self._filled(self.population))
        for name in self.sensitive:
            asked[f"of {name}"] = cells(self.table, self.quasi, name, self.orders.get(name, ()))
        return asked

    def answered(
        self, answers: Mapping[str, pa.Table], people: int | None = None, threshold: float = 0.1
    ) -> Measures:
        """The measures, from the results of `questions`; see `measure_all`."""
        sizes = {int(row["size"]): int(row["many"]) for row in answers["sizes"].to_pylist()}
        total = sum(size * many for size, many in sizes.items())
        pairs, presence = {(size, size): many for size, many in sizes.items()}, None
        if "pairs" in answers:
            pairs = {(row["size"], row["among"]): row["many"] for row in answers["pairs"].to_pylist()}
            shares = [size / among for size, among in pairs] or [0.0]
            presence = (min(shares), max(shares))
        people = max(total, sum(among * many for (_, among), many in pairs.items()), people or 0)
        return Measures(
            rows=total,
            classes=sum(sizes.values()),
            k=min(sizes, default=0),
            singled_out=sizes.get(1, 0),
            sizes=tuple(sorted(sizes.items())),
            columns=tuple(self._column(name, answers[f"of {name}"]) for name in self.sensitive),
            prosecutor=risk.prosecutor(sizes, threshold),
            journalist=risk.journalist(pairs, threshold),
            marketer=risk.marketer(pairs),
            population=people,
            population_unique=risk.population_unique(sizes, people),
            presence=presence,
        )

    def _filled(self, table: ir.Table) -> ir.Table:
        """The classes and their sizes; a table without quasi-identifiers and rows has none."""
        found = classes(table, self.quasi, unit=self.unit)
        return found.filter(found[SIZE] > 0)

    def _pairs(self, here: ir.Table, there: ir.Table) -> ir.Table:
        """(size in the table, size in the population) and how many classes of the table have them."""
        there = there.rename({f"{name}_there_": name for name in (*self.quasi, SIZE)})
        same = [here[name].identical_to(there[f"{name}_there_"]) for name in self.quasi]
        met = here.inner_join(there, same) if self.quasi else here.cross_join(there)
        return met.group_by(size=met[SIZE], among=met[f"{SIZE}_there_"]).aggregate(many=met.count())

    def _column(self, name: str, answer: pa.Table) -> ColumnMeasures:
        """A column's measures; of a table without rows there is nothing to say."""
        if not answer.num_rows:
            return ColumnMeasures(column=name, l=0, entropy_l=1.0, c=None, equal=0.0, beta=0.0)
        found = Cells.of(
            *(answer[column].to_numpy().astype("int64") for column in ("class_id", "place", "n"))
        )
        kind = self.table[name].type()
        ordered = name in self.orders or kind.is_numeric() or kind.is_temporal()
        return worst(name, found, l=self.l, ordered=ordered)


def measure_all(subject: Subject, *, people: int | None = None) -> Measures:
    """All measures of a table over its quasi-identifiers, exact; only the uniqueness in a population is an estimate.

    `people`: how many the population has, if that is more than the table's rows are known to stand for.
    """
    return subject.answered({name: asked.to_pyarrow() for name, asked in subject.questions().items()}, people)
