"""The spec: what each role lets out by default, which states allow a purpose, and what targets default to."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.values.spec import ALLOWING_STATES, Anonymity, Column, Purpose, Release, ShopSpec, Table
from models.values.transform import Drop, Keep, Pseudonym, Redact, Truncate

DEFAULTS = [
    ("identifier", Drop()),
    ("key", Pseudonym(domain="customer")),
    ("free_text", Redact()),
    ("time", Truncate(unit="day")),
    ("sensitive", Keep()),
    ("attribute", Keep()),
    ("label", Keep()),
]
KEPT = {"kind": "keep"}
REDACTED = {"kind": "redact"}
ROUNDED = {"kind": "round", "step": 1}
REFUSED = [
    ({"role": "identifier", "transform": KEPT}, "an identifier is dropped or pseudonymised, never 'keep'"),
    ({"role": "identifier", "transform": REDACTED}, "an identifier is dropped or pseudonymised, never 'red"),
    ({"role": "key", "transform": ROUNDED}, "a key is pseudonymised, dropped or (public keys) kept, not 'ro"),
    ({"role": "quasi_identifier"}, "a quasi-identifier needs a generalising transform or drop"),
    ({"role": "quasi_identifier", "transform": KEPT}, "a quasi-identifier needs a generalising transform"),
    ({"role": "free_text", "transform": KEPT}, "free text is redacted or dropped, never 'keep'"),
    ({"role": "attribute", "type": "integer", "transform": REDACTED}, "redact works on strings"),
    ({"role": "atribute"}, "role"),
    ({"role": "attribute", "colour": 1}, "colour"),
    ({"role": "attribute", "max_length": 0}, "max_length"),
]
TABLE = {"source": "a.csv", "key": ["id"], "customer": "id", "columns": {"id": {"role": "key"}}}
BAD_TABLES = [
    ({"key": ["no"]}, "column 'no' is named as key or customer but not described"),
    ({"customer": "no"}, "column 'no' is named as key or customer but not described"),
    ({"customer": None, "customer_via": "orders.no"}, "customer_via 'orders.no' needs a column of that name"),
    ({"customer": None}, "say exactly one of customer, customer_via, public: true"),
    ({"public": True}, "say exactly one of customer, customer_via, public: true"),
    ({"customer_via": "orders.id"}, "say exactly one of customer, customer_via, public: true"),
    ({"encoding": "utf-16"}, "encoding"),
]
BAD_SPECS = [
    ("timezone", "Mars/Base", "is no IANA time zone; use e.g. Asia/Shanghai"),
    ("timezone", "../../etc/passwd", "is no IANA time zone"),
    ("shop", "My Shop", "shop"),
    ("shop", "../up", "shop"),
    ("regimes", [], "regimes"),
    ("minimum_count", 1, "minimum_count"),
    ("customers.public_bound", 99, "public_bound"),
    ("budget.epsilon", 0, "epsilon"),
    ("budget.delta", 1, "delta"),
    ("purposes.fraud.reason", "because", "reason"),
    ("purposes.fraud.basis", {"gdpr": "curiosity"}, "basis"),
    ("use_cases.fraud.privacy", {"epsilon": 0}, "epsilon"),
    ("use_cases.fraud.privacy", {"epsilon": 21}, "epsilon"),
    ("use_cases.fraud.privacy", {"unit": "row"}, "unit"),
    ("use_cases.fraud.privacy", {"delta": 1e-5, "delta_exception": "published at this"}, "delta_exception"),
]
STATES = {
    "consent": {"granted"},
    "contract": {"granted", "not_asked"},
    "legal_duty": {"granted", "not_asked", "withdrawn", "objected"},
    "legitimate_interest": {"granted", "not_asked"},
}


@pytest.mark.parametrize(("role", "transform"), DEFAULTS)
def test_a_role_has_its_default_transform(role, transform):
    assert Column(role=role).effective_transform("customer_id") == transform


def test_a_stated_transform_wins():
    column = Column.model_validate({"role": "identifier", "transform": {"kind": "pseudonym", "domain": "d"}})
    assert column.effective_transform("email") == Pseudonym(domain="d")


@pytest.mark.parametrize(("column", "fragment"), REFUSED)
def test_a_column_that_would_leak_is_refused(column, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        Column.model_validate(column)


@pytest.mark.parametrize(("change", "fragment"), BAD_TABLES)
def test_a_table_leads_to_its_customer_in_one_way(change, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        Table.model_validate({**TABLE, **change})


@pytest.mark.parametrize(("place", "value", "fragment"), BAD_SPECS)
def test_a_value_out_of_its_range_is_refused(spec_with, place, value, fragment):
    with pytest.raises(ValueError, match=re.escape(fragment)):
        ShopSpec.model_validate(spec_with(place, value))


def test_a_refusal_does_not_quote_the_input(spec_with):
    with pytest.raises(ValueError, match="shop") as caught:
        ShopSpec.model_validate(spec_with("shop", "Ann <ann@leak.example>"))
    assert "leak" not in str(caught.value)


def test_a_published_table_needs_anonymity():
    with pytest.raises(ValueError, match="a published attribute table needs anonymity"):
        Release(product="attributes", table="customers", purpose="p", columns=("a",))
    assert Anonymity().k == 10


@pytest.mark.parametrize("basis", sorted(STATES))
def test_a_basis_allows_its_states_only(basis):
    assert ALLOWING_STATES[basis] == STATES[basis]
    assert "unknown" not in ALLOWING_STATES[basis]


@pytest.mark.parametrize("pair", combinations(sorted(STATES), 2))
def test_a_purpose_needs_the_leave_of_every_regime(pair):
    purpose = Purpose(basis={"gdpr": pair[0], "pipl": pair[1]}, reason="to serve customers")
    assert purpose.allowing_states() == STATES[pair[0]] & STATES[pair[1]]
    assert "granted" in purpose.allowing_states()


@given(n=st.integers(100, 10**9))
def test_a_target_without_delta_has_the_default(n):
    from copy import deepcopy

    spec = ShopSpec.model_validate({**deepcopy(MINIMAL), "customers": {"table": "c", "public_bound": n}})
    target = spec.target("u")
    assert target.delta == min(1e-5, 1 / (10 * n))
    assert (target.n_public, target.unit, target.epsilon) == (n, "customer", 3.0)


def test_a_stated_target_is_kept(spec_with):
    spec = ShopSpec.model_validate(spec_with("use_cases.fraud.privacy", {"epsilon": 1, "delta": 1e-6}))
    assert (spec.target("fraud").epsilon, spec.target("fraud").delta) == (1, 1e-6)


def test_a_changed_spec_has_another_digest_and_an_equal_one_the_same(spec_with):
    first, again = (ShopSpec.model_validate(spec_with()) for _ in range(2))
    other = ShopSpec.model_validate(spec_with("releases.people.anonymity.k", 11))
    assert first.digest() == again.digest() != other.digest()


def test_data_stay_what_they_are_when_only_the_balance_changes(spec_with):
    """A release goes on being used under another choice, and under nothing else that is another."""
    first = ShopSpec.model_validate(spec_with())
    chosen = ShopSpec.model_validate(spec_with("use_cases.fraud.balance", {"weights": {"upper_bits": 1.0}}))
    assert chosen.digest() != first.digest()
    assert chosen.policy_hash() == first.policy_hash()
    for place, value in (
        ("use_cases.fraud.privacy", {"epsilon": 1.0}),
        ("minimum_count", 11),
        ("releases.people.anonymity.k", 11),
    ):
        other = ShopSpec.model_validate(spec_with(place, value))
        assert other.policy_hash() != first.policy_hash(), place


def test_the_customer_column_of_every_way(spec_with):
    spec = ShopSpec.model_validate(spec_with())
    assert [spec.customer_column(table) for table in ("orders", "lines")] == ["customer_id", "order_id"]


@pytest.mark.parametrize(("label", "public"), [(None, False), ("invented", True)])
def test_data_is_public_only_if_it_is_called_synthetic(spec_with, label, public):
    assert ShopSpec.model_validate(spec_with("synthetic", label)).public_data is public


MINIMAL = {
    "shop": "s",
    "regimes": ["gdpr"],
    "budget": {"epsilon": 6, "delta": 1e-5},
    "purposes": {"p": {"basis": {"gdpr": "contract"}, "reason": "to serve customers"}},
    "tables": {"c": {"source": "c.csv", "key": ["id"], "customer": "id", "columns": {"id": {"role": "key"}}}},
    "releases": {"e": {"product": "events", "table": "c", "purpose": "p", "columns": ["id"]}},
    "use_cases": {"u": {"case": "fraud", "purpose": "p", "tables": ["e"]}},
}
