"""Micro-aggregation of one column: neighbours by size share their mean."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from models.values.transform import MicroAggregate

VALUE, MEAN = "value_", "mean_"


def group_means(column: ir.NumericColumn, transform: MicroAggregate) -> ir.Table:
    """Each value of the column and the mean of its group: columns `value_` and `mean_`.

    Rows by size, k at a time, the last group taking what is over (fixed groups, Domingo-Ferrer & Mateo-Sanz 2002);
    groups that share a value are joined, so that equal values stay equal and the order of rows decides nothing.
    Every mean is of k rows or more; with fewer than k rows in all it is missing, as for what is missing.
    """
    k = transform.k
    rows = column.as_table().select(**{VALUE: column.cast("float64")})
    rows = rows.filter(rows[VALUE].notnull() & ~rows[VALUE].isnan())
    place = ibis.row_number().over(order_by=rows[VALUE])
    numbered = rows.mutate(place=place, total=rows.count().over(ibis.window()))
    last = (numbered.total / k).floor() - 1
    numbered = numbered.mutate(group=ibis.least((numbered.place / k).floor(), last))
    values = numbered.group_by(VALUE).aggregate(
        count=numbered.count(),
        first=numbered.group.min(),
        last=numbered.group.max(),
        total=numbered.total.max(),
    )
    before = values["last"].max().over(ibis.window(order_by=VALUE, preceding=(None, 1), following=None))
    values = values.mutate(begins=(values["first"] > before).fill_null(True).cast("int64"))
    values = values.mutate(island=values.begins.sum().over(ibis.cumulative_window(order_by=VALUE)))
    within = ibis.window(group_by="island")
    mean = (values[VALUE] * values["count"]).sum().over(within) / values["count"].sum().over(within)
    enough = (values.total >= k).ifelse(mean.round(9), ibis.null("float64"))
    return values.select(**{VALUE: values[VALUE], MEAN: enough})
