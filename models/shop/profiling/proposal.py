"""Proposals: what `privet init` suggests for a shop, each column with its reason and what is left to choose."""

from __future__ import annotations

from models.shop.profiling.headers import Kind
from models.values.base import Value
from models.values.spec import Column, Release, Table


class ProposedColumn(Value):
    """One column of a file: what it was taken for and why. `column` is None if the spec leaves it out.

    `choose` says what the user should look at; None where nothing is in doubt.
    """

    name: str
    kind: Kind
    column: Column | None
    why: str
    choose: str | None = None


class ProposedTable(Value):
    """One table of the spec: `table` as it will be read, its columns in the order of the file, and remarks.

    `offers` are columns that a derived table of customers may list if the user wants it.
    """

    name: str
    table: Table
    columns: tuple[ProposedColumn, ...]
    remarks: tuple[str, ...] = ()
    offers: tuple[ProposedColumn, ...] = ()


class ProposedShop(Value):
    """All that the spec's writer needs. `left_out` names files that no way leads to customers from.

    `roots`: the folders outside the spec's own in which its files lie.
    """

    shop: str
    customers: str
    tables: tuple[ProposedTable, ...]
    releases: dict[str, Release]
    local_times: bool
    consent: dict[str, str] | None = None
    left_out: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
