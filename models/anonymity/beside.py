"""What is computed once a value, beside the rows: a value that many rows share is hashed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir

from models.anonymity.errors import PolicyError
from models.anonymity.generalise import transform_column
from models.anonymity.keyed import key_domain, shift_days
from models.anonymity.micro import MEAN, VALUE, group_means
from models.anonymity.pseudonyms import HmacKey
from models.values.transform import DateShift, HashBucket, MicroAggregate, Pseudonym, Token, Transform


def with_beside(
    table: ir.Table,
    transforms: Mapping[str, Transform],
    key: Sequence[str],
    customer: str | None,
    keys: Mapping[str, HmacKey],
) -> tuple[ir.Table, dict[str, str]]:
    """The rows with what is computed once a value beside them, and its name by released column.

    `transforms` is by released column. The `key` of a table repeats nowhere, so that it is hashed where it stands.
    A date's shift is computed from the column `customer`. Errors: PolicyError where there is none.
    """
    sources: dict[str, dict[str, Transform]] = {}
    for column, transform in transforms.items():
        if isinstance(transform, DateShift):
            if customer is None:
                raise PolicyError("dates are shifted by customer; join them with consent.with_customer first")
            sources.setdefault(customer, {})[column] = transform
        elif isinstance(transform, MicroAggregate) or (
            isinstance(transform, Pseudonym | Token | HashBucket) and [column] != list(key)
        ):
            sources.setdefault(column, {})[column] = transform
    joined = table
    for number, (source, wanted) in enumerate(sources.items()):
        value = f"value_{number}_"
        once = _once(table, source, value, wanted, keys)
        joined = joined.left_join(once, joined[source] == once[value])
    return joined, {column: _beside(column) for wanted in sources.values() for column in wanted}


def key_of(keys: Mapping[str, HmacKey], name: str) -> HmacKey:
    """The key of that name. Errors: PolicyError if there is none."""
    if name not in keys:
        raise PolicyError(f"{name!r} has no key; draw one for this release first")
    return keys[name]


def most_rows(table: ir.Table, customer: str) -> ir.Table:
    """One row, `most`: how many rows the customer with most rows has; rows without one count as of one."""
    counted = table.group_by(table[customer]).aggregate(rows=table.count())
    return counted.aggregate(most=counted["rows"].max())


def _beside(column: str) -> str:
    return f"beside_{column}_"


def _once(
    table: ir.Table, source: str, value: str, wanted: Mapping[str, Transform], keys: Mapping[str, HmacKey]
) -> ir.Table:
    """Each value of the column `source` once, as `value`, and what becomes of it in each of the `wanted` columns."""
    for column, transform in wanted.items():
        if isinstance(transform, MicroAggregate):  # a number, which has no other transform
            means = group_means(table[source], transform)
            shared = {value: means[VALUE].cast(table[source].type()), _beside(column): means[MEAN]}
            return means.select(**shared)
    once = table.select(**{value: table[source]}).distinct()
    made = {
        _beside(column): shift_days(once[value], transform, key_of(keys, key_domain(transform) or ""))
        if isinstance(transform, DateShift)
        else transform_column(once[value], transform, keys)
        for column, transform in wanted.items()
    }
    return once.mutate(**made)
