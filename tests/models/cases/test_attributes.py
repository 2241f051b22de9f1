"""Attributes: what is asked is what is changed, and a customer's own value changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.cases import card_fraud, fraud, reference
from models.cases.attributes import class_of_first
from models.cases.case import Attribute
from models.cases.catalog import CATALOG
from models.cases.recommender_attributes import attributes
from models.cases.recommender_baskets import HISTORY, TARGETS
from models.cases.recommender_events import Events
from models.cases.recommender_examples import from_events
from models.privacy.examples import CustomerExamples

N = 40


def _orders(names: tuple[str, ...]) -> CustomerExamples:
    """Features and labels by lot; each other customer has no second example, the last one none at all."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(N, 3, len(names))).astype(np.float32)
    for place, name in enumerate(names):
        if name.startswith(("payment_", "terminal_new", "away")):
            features[..., place] = 0
    hour = 2 * np.pi * rng.integers(24, size=(N, 3)) / 24
    features[..., names.index("hour_sine")] = np.sin(hour)
    features[..., names.index("hour_cosine")] = np.cos(hour)
    mask = np.ones((N, 3), np.bool_)
    mask[::2, 1:] = False
    mask[-1] = False
    return CustomerExamples(
        features=features, labels=rng.integers(0, 2, (N, 3)).astype(np.float32), mask=mask
    )


def _same(left: CustomerExamples, right: CustomerExamples) -> bool:
    pairs = zip([*left.leaves(), left.labels], [*right.leaves(), right.labels], strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def _asked(attribute: Attribute, customers: CustomerExamples) -> None:
    truth = attribute.truth(customers)
    assert truth.dtype == np.int64
    assert truth[-1] == -1
    before = customers.take(np.arange(N))  # a copy
    for value in range(attribute.values):
        had = attribute.having(customers, value)
        known = had.mask[:, 0]
        assert (attribute.truth(had)[known] == value).all()
        own = np.flatnonzero(truth == value)
        assert _same(had.take(own), customers.take(own))
        assert np.array_equal(had.mask, customers.mask)
    assert _same(before, customers)  # what was handed in stays as it is


@pytest.mark.parametrize("attribute", fraud.ATTRIBUTES, ids=lambda each: each.name)
def test_fraud(attribute: Attribute) -> None:
    _asked(attribute, _orders(fraud.FEATURE_NAMES))


@pytest.mark.parametrize("attribute", card_fraud.ATTRIBUTES, ids=lambda each: each.name)
def test_card_fraud(attribute: Attribute) -> None:
    _asked(attribute, _orders(card_fraud.FEATURE_NAMES))


def test_labels() -> None:
    for attribute in (class_of_first("intent", 2), *reference.ATTRIBUTES):
        _asked(attribute, _orders(fraud.FEATURE_NAMES))


def test_only_what_is_asked_changes() -> None:
    """The features beside the attribute's own are those of the customer."""
    (asked,) = (each for each in fraud.ATTRIBUTES if each.name.startswith("payment"))
    customers = _orders(fraud.FEATURE_NAMES)
    had = asked.having(customers, 2)
    changed = np.argwhere((np.asarray(had.features) != customers.features).any(axis=0))
    assert {fraud.FEATURE_NAMES[column] for _, column in changed} == {"payment_bank_transfer"}
    assert {place for place, _ in changed} == {0}
    assert (asked.truth(customers) == -1).all()  # a payment method that is on no list is none of the values


@pytest.mark.parametrize(("hour", "value"), [(0, 0), (5, 0), (6, 1), (11, 1), (12, 2), (18, 3), (23, 3)])
def test_the_hour_belongs_to_its_quarter(hour: int, value: int) -> None:
    (asked,) = (each for each in fraud.ATTRIBUTES if "time of day" in each.name)
    customers = _orders(fraud.FEATURE_NAMES)
    features: Any = customers.features
    angle = 2 * np.pi * hour / 24
    features[:, 0, fraud.FEATURE_NAMES.index("hour_sine")] = np.sin(angle)
    features[:, 0, fraud.FEATURE_NAMES.index("hour_cosine")] = np.cos(angle)
    assert (asked.truth(customers)[:-1] == value).all()


def _baskets() -> tuple[CustomerExamples, dict[str, Any]]:
    rng = np.random.default_rng(2)
    items, events = 31, 24
    facts = {
        "category": np.concatenate([[0], 1 + np.arange(items - 1) % 6]).astype(np.int32),
        "department": np.concatenate([[0], 1 + np.arange(items - 1) % 3]).astype(np.int32),
        "price_band": np.ones(items, np.int32),
        "popularity": np.concatenate([[0.0], 100.0 + np.arange(items - 1)]),
    }
    bought = np.sort(rng.integers(1, items, (events, TARGETS)), axis=1)
    bought[:, 2:] = -1
    given = Events(
        customer=np.array([f"c{number // 2:02}" for number in range(events)]),
        place=1 + np.arange(events) % 2,
        before=np.full(events, 5, np.uint8),
        history=rng.integers(1, items, (events, HISTORY)).astype(np.int32),
        times=np.ones((events, HISTORY), np.uint8),
        since=np.full((events, HISTORY), 2, np.uint8),
        bought=bought.astype(np.int32),
    )
    return from_events(given, facts), facts


def test_the_item_bought_last_is_exchanged_with_all_that_the_history_says_of_it() -> None:
    customers, facts = _baskets()
    (asked,) = attributes(facts)
    assert asked.values == 3
    truth = asked.truth(customers)
    assert set(truth) == {0, 1, 2}
    for value in range(3):
        had = asked.having(customers, value)
        assert (asked.truth(had) == value).all()
        own, others = np.flatnonzero(truth == value), np.flatnonzero(truth != value)
        assert _same(had.take(own), customers.take(own))
        assert isinstance(had.features, dict)
        assert (had.features["items"][others, 0, HISTORY] == 28 + value).all()  # the most popular one
        assert (had.labels[others, 0, 0] == 28 + value).all()
        assert np.array_equal(had.labels[:, 1], customers.labels[:, 1])
        for row in others:  # told as if it had been in the basket from the first
            item, history = 28 + value, had.features["items"][row, 0, :HISTORY]
            assert (had.features["codes"][row, 0, 0, 0] > 0) == (item in history)


def test_every_case_of_the_catalog_is_asked_about_something() -> None:
    known = {
        "intents": np.array(["a", "b"]),
        "category": np.array([0, 1]),
        "department": np.array([0, 1]),
        "popularity": np.array([0.0, 2.0]),
    }
    for case in CATALOG.values():
        assert case.attributes(known), case.name
