"""Measures of anonymity: classes of equal quasi-identifiers, their size and their diversity.

k-anonymity (Sweeney 2002) and distinct l-diversity (Machanavajjhala et al. 2007). A missing value is a
value like any other: rows that miss the same thing form a class, and none is left out of a count.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

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
