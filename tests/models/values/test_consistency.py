"""Consistency: every problem of a spec that does not hang together, and its way out."""

from __future__ import annotations

import re

import pytest

from models.values.spec import ShopSpec

WITHOUT = "without"
PROBLEMS = [
    ("customers.table", "clients", "customers.table 'clients' is not among tables; describe it there"),
    ("customers.split", "half", "customers names column 'half', which customers lacks"),
    ("customers.group", "flat", "customers names column 'flat', which customers lacks"),
    ("tables.lines.customer_via", "baskets.order_id", "tables.lines.customer_via: 'baskets' has no customer"),
    ("tables.lines.customer_via", "orders.number", "customer_via"),
    (
        "use_cases.fraud.privacy",
        {"epsilon": 3, "delta": 1e-3},
        "use_cases.fraud.privacy.delta is above 1/(10 pub",
    ),
    (
        "tables.orders.columns.order_id.transform",
        {"kind": "keep"},
        "is a key that would lead back to a customer",
    ),
    ("tables.orders.columns.customer_id.references", "clients.customer_id", "is unknown; write table.column"),
    ("tables.orders.columns.customer_id.references", "customers.id", "is unknown; write table.column"),
    ("tables.orders.columns.customer_id.references", "customers", "is unknown; write table.column"),
    ("regimes", ["gdpr", "pipl", "ccpa"], "purposes.fraud.basis names no basis under ccpa, pipl; state one"),
    ("consent", WITHOUT, "purposes.fraud rests on consent but there is no consent table"),
    ("consent.table", "choices", "consent.table 'choices' must be a table with a customer column"),
    ("consent.table", "lines", "consent.table 'lines' must be a table with a customer column"),
    ("consent.purpose", "aim", "consent names column 'aim', which consents lacks"),
    ("consent.state", "answer", "consent names column 'answer', which consents lacks"),
    ("consent.recorded_at", "day", "consent names column 'day', which consents lacks"),
    ("releases.events.table", "sales", "releases.events.table 'sales' is not among tables"),
    ("releases.events.purpose", "fun", "releases.events.purpose 'fun' is not among purposes"),
    ("releases.events.columns", ["amount", "tip"], "asks for column 'tip', which orders lacks"),
    ("releases.people.columns", ["name"], "asks for column 'name', which is dropped; remove it"),
    ("use_cases.fraud.tables", ["ghosts"], "use_cases.fraud needs 'ghosts' among releases, with product: ev"),
    ("use_cases.fraud.tables", ["people"], "use_cases.fraud needs 'people' among releases, with product: ev"),
    ("use_cases.fraud.purpose", "ads", "use_cases.fraud has purpose 'ads', its table 'events' was released"),
]


def test_the_good_spec_hangs_together(spec_with):
    assert ShopSpec.model_validate(spec_with()).shop == "my-shop"


@pytest.mark.parametrize(("place", "value", "fragment"), PROBLEMS)
def test_every_problem_is_told(spec_with, removed, place, value, fragment):
    spec = spec_with(place, removed if value is WITHOUT else value)
    with pytest.raises(ValueError, match=re.escape(fragment)):
        ShopSpec.model_validate(spec)


def test_the_customers_table_needs_a_customer_key(spec_with):
    spec = spec_with("tables.customers.customer")
    del spec["tables"]["customers"]["customer"]
    spec["tables"]["customers"]["public"] = True
    with pytest.raises(ValueError, match=r"tables\.customers\.customer must name the customer's key"):
        ShopSpec.model_validate(spec)


def test_all_problems_are_told_at_once(spec_with):
    spec = spec_with("customers.split", "half")
    spec["releases"]["events"]["purpose"] = "fun"
    with pytest.raises(ValueError, match=r"'half'.*; .*'fun'"):
        ShopSpec.model_validate(spec)
