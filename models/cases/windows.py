"""Windows over a customer's own past, as of each event.

A table of events has customer_id, `moment` (its time), `event` (its id, a pseudonym) and `hour` (whole hours since
1970, see `with_hours`). Events of one customer are put in a row by time, and within the same (coarsened) time by id.
The past of an event is every event strictly before it in that row; no other customer's event is ever read. What is
summed are whole numbers: sums of others depend in their last bits on where the engine finds a customer's rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAY: Final = 24  # hours
THOUSANDTHS: Final = 1_000
CENTS: Final = 100
_RADIANS_PER_HOUR: Final = 2 * math.pi / DAY


def with_hours(events: ir.Table) -> ir.Table:
    """The events with `hour`, and `sine` and `cosine` of the hour of the day in thousandths."""
    hour = (events.moment.epoch_seconds() / 3600).floor().cast("int64")
    angle = (hour % DAY).cast("float64") * _RADIANS_PER_HOUR
    return events.mutate(
        hour=hour, sine=whole(angle.sin(), THOUSANDTHS), cosine=whole(angle.cos(), THOUSANDTHS)
    )


def whole(number: Any, parts: int) -> Any:
    """`number` in whole `parts` of one."""
    return (number.cast("float64") * parts).round().cast("int64")


def before(table: ir.Table, *same: str) -> Any:
    """How many events of the customer came before; with `same`, only those with the same values there."""
    return ibis.row_number().over(_row(table, *same))


def mean_before(table: ir.Table, column: str) -> Any:
    """The mean of `column` over all events of the customer before; missing for the first."""
    past = ibis.window(group_by=table.customer_id, order_by=_order(table), preceding=(None, 1))
    return table[column].mean().over(past)


def hours_since_last(table: ir.Table) -> Any:
    """Hours since the customer's event before; missing for the first."""
    return table.hour - table.hour.lag().over(_row(table))


def within_hours(table: ir.Table, hours: int) -> Any:
    """How many events the customer had in the `hours` before, earlier ones of the same hour included."""
    return table.hour.count().over(_hours(table, hours, 1)) + before(table, "hour")


def total_within_hours(table: ir.Table, column: str, hours: int) -> Any:
    """The sum of `column` over the same events as `within_hours`; 0 for none."""
    same_hour = ibis.window(
        group_by=[table.customer_id, table.hour], order_by=_order(table), preceding=(None, 1)
    )
    parts = (table[column].sum().over(window) for window in (_hours(table, hours, 1), same_hour))
    return sum(part.fill_null(0) for part in parts)


def known_after(table: ir.Table, column: str, delay: int, hours: int, *same: str) -> Any:
    """The sum of `column` over events at least `delay` and at most `hours` hours before; 0 for none.

    For labels, which are known some time after their event only; `same` as in `before`.
    """
    return table[column].sum().over(_hours(table, hours, delay, *same)).fill_null(0)


def unusual_hour(table: ir.Table) -> Any:
    """1 - cosine of the angle between an event's hour and the mean hour of those before: 0 to 2; missing at first."""
    sine, cosine = mean_before(table, "sine"), mean_before(table, "cosine")
    usual = (table.sine * sine + table.cosine * cosine) / (sine**2 + cosine**2 + 1).sqrt()
    return 1 - usual / THOUSANDTHS


def capped_log(number: Any, cap: int) -> Any:
    """log(1 + number) after clamping to [0, cap]."""
    return (number.cast("float64").clip(0, cap) + 1).ln()


def log_ratio(number: Any, usual: Any, cap: int) -> Any:
    """log((number + 1) / (usual + 1)) after clamping both to [0, cap]."""
    return capped_log(number, cap) - capped_log(usual, cap)


def _hours(table: ir.Table, first: int, last: int, *same: str) -> Any:
    """Events from `first` to `last` whole hours before."""
    group = [table[name] for name in ("customer_id", *same)]
    return ibis.range_window(group_by=group, order_by=table.hour, preceding=(first, last))


def _row(table: ir.Table, *same: str) -> Any:
    return ibis.window(group_by=[table[name] for name in ("customer_id", *same)], order_by=_order(table))


def _order(table: ir.Table) -> list[Any]:
    return [table.moment, table.event]
