"""Customers of a release: one row each, with the part that each belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir


def one_row_each(customers: ir.Table, **kept: Any) -> ir.Table:
    """customer_id, part and, where known, household of every customer, once, so that each is in one part only.

    `kept` are further columns, as aggregates over a customer's rows. Without a column `part` the pseudonym decides.
    """
    part = customers.part.min() if "part" in customers.columns else _part_by_pseudonym(customers)
    known = {"household": customers.household.min()} if "household" in customers.columns else {}
    return customers.group_by("customer_id").aggregate(part=part, **known, **kept)


def _part_by_pseudonym(customers: ir.Table) -> Any:
    """60 / 20 / 20 by the first byte of the keyed pseudonym, which depends on that customer alone."""
    byte = customers.customer_id.cast("string").substr(0, 2).lower()
    return ibis.cases((byte < "9a", "train"), (byte < "cd", "test"), else_="holdout").min()
