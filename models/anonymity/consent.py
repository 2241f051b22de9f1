"""Consent: which customers' data may be used for a purpose. Whatever is not known to be allowed is denied.

It is the first step of every preparation, so that no later table, count or class depends on the rows of
a customer who did not agree (docs/privacy.md, rule 8).
"""

from __future__ import annotations

import ibis.expr.types as ir

from models.anonymity.errors import PolicyError
from models.anonymity.pseudonyms import stripped
from models.values.spec import ShopSpec

CUSTOMER = "customer_"


def allowed(spec: ShopSpec, consents: ir.Table | None, customers: ir.Table, purpose: str) -> ir.Table:
    """The customers whose data may be used for `purpose`: one column `customer`, each customer once.

    A customer's latest record of the purpose counts, and every record at that time must allow it under
    all regimes. No record, an unknown state or a record without time: denied. A shop without a consent
    table has all customers allowed if no basis of the purpose is consent.
    Errors: PolicyError for an unknown purpose and for a consent table that is described but not given.
    """
    if purpose not in spec.purposes:
        raise PolicyError(
            f"purpose {purpose!r} is not among purposes of shop {spec.shop!r}; describe it there"
        )
    column = spec.tables[spec.customers.table].customer
    listed = customers.select(customer=customers[column]).filter(lambda t: t.customer.notnull()).distinct()
    if spec.consent is not None:
        if consents is None:
            raise PolicyError(
                f"consent table {spec.consent.table!r} is not at hand; land it before anything else"
            )
        return _agreeing(spec, consents, listed, purpose)
    if "consent" in spec.purposes[purpose].basis.values():
        raise PolicyError(f"purpose {purpose!r} rests on consent but there is no consent table; name one")
    return listed


def _agreeing(spec: ShopSpec, consents: ir.Table, listed: ir.Table, purpose: str) -> ir.Table:
    assert spec.consent is not None
    names, customer = spec.consent, spec.tables[spec.consent.table].customer
    records = consents.select(
        who=stripped(consents[customer].cast("string")),
        about=stripped(consents[names.purpose]).lower(),
        state=stripped(consents[names.state]).lower().fill_null(""),
        at=consents[names.recorded_at],
    )
    records = records.filter(records.about == purpose.strip().lower())
    latest = records.group_by("who").aggregate(latest=records.at.max(), undated=records.at.isnull().any())
    states = sorted(spec.purposes[purpose].allowing_states())
    joined = records.join(latest, "who")
    at_last = joined.filter(joined.at == joined.latest)
    agreeing = at_last.group_by("who").aggregate(
        agrees=at_last.state.isin(states).all() & ~at_last.undated.any() if states else False
    )
    agreeing = agreeing.filter(agreeing.agrees)
    return listed.semi_join(agreeing, stripped(listed.customer.cast("string")) == agreeing.who)


def only_allowed(table: ir.Table, allowed: ir.Table, column: str) -> ir.Table:
    """The rows of `table` whose `column` is an allowed customer; rows without a customer go too."""
    return table.semi_join(allowed, table[column] == allowed.customer)


def with_customer(spec: ShopSpec, name: str, table: ir.Table, parent: ir.Table | None = None) -> ir.Table:
    """`table` with column `customer_`, the customer of each row, as the spec says for the raw table `name`.

    For a table with customer_via, `parent` is the table that it leads through; rows that lead nowhere go.
    Errors: PolicyError for a public table and for a missing parent.
    """
    entry = spec.tables[name]
    if entry.customer is not None:
        return table.mutate(**{CUSTOMER: table[entry.customer]})
    if entry.customer_via is None:
        raise PolicyError(
            f"table {name!r} is public and has no customers; do not filter or release it by customer"
        )
    via, key = entry.customer_via.split(".")
    if parent is None:
        raise PolicyError(
            f"table {name!r} leads to customers through {via!r}; hand that table over as parent"
        )
    owner = parent.select(**{key: parent[key], CUSTOMER: parent[spec.customer_column(via)]}).distinct()
    return table.join(owner, key)
