"""Windows over a customer's own past, as of each order.

Orders of one customer are put in a row by time, and within the same (coarsened) time by order id, which
is a pseudonym. The past of an order is every order strictly before it in that row; no other customer's
order is ever read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir


def before(table: ir.Table, *same: str) -> Any:
    """How many orders the customer placed before; with `same`, only those with the same values there."""
    return ibis.row_number().over(_row(table, *same))


def mean_before(table: ir.Table, column: str) -> Any:
    """The mean of `column` over all orders of the customer before; missing for the first."""
    past = ibis.window(group_by=table.customer_id, order_by=_order(table), preceding=(None, 1))
    return table[column].mean().over(past)


def hours_since_last(table: ir.Table) -> Any:
    """Hours since the customer's order before; missing for the first."""
    return table.hour - table.hour.lag().over(_row(table))


def within_hours(table: ir.Table, hours: int) -> Any:
    """How many orders the customer placed in the `hours` before, earlier ones of the same hour included."""
    earlier = ibis.range_window(group_by=table.customer_id, order_by=table.hour, preceding=(hours, 1))
    return table.hour.count().over(earlier) + before(table, "hour")


def _row(table: ir.Table, *same: str) -> Any:
    return ibis.window(group_by=[table[name] for name in ("customer_id", *same)], order_by=_order(table))


def _order(table: ir.Table) -> list[Any]:
    return [table.ordered_at, table.order_id]
