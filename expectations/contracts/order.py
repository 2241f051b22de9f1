"""The order of tables: a table is checked after those that it refers to."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from expectations.errors import ContractError
from models.values.spec import ShopSpec


def references_of(spec: ShopSpec, table: str) -> dict[str, str]:
    """Column of `table` -> "table.column" whose accepted rows must hold its value.

    Beside the stated `references`, a customer must be among the customers and a row that belongs to its
    customer by way of another table must have a partner there: without them no consent could be looked up.
    """
    entry, home = spec.tables[table], spec.customers.table
    found: dict[str, str] = {}
    if entry.customer is not None and table != home:
        found[entry.customer] = f"{home}.{spec.tables[home].customer}"
    if entry.customer_via is not None:
        found[entry.customer_via.split(".")[-1]] = entry.customer_via
    stated = {name: column.references for name, column in entry.columns.items() if column.references}
    return {**found, **stated}


def contract_order(spec: ShopSpec) -> tuple[str, ...]:
    """All tables of the spec, each after the tables that it refers to; ContractError if in a circle."""
    needs = {
        table: {target.split(".")[0] for target in references_of(spec, table).values()}
        for table in spec.tables
    }
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ContractError(
            f"tables refer to each other in a circle: {circle}; remove one of these references"
        ) from None
