"""From raw-like tables to summed clipped gradients, with and without one customer, noise off."""

from __future__ import annotations

import uuid
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases.fraud import CHANNELS, FEATURE_NAMES, FRAUD, MAX_EXAMPLES, PAYMENT_METHODS
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery

CLIP = 0.1
CUSTOMERS = [str(uuid.UUID(int=number * 0x1234567890ABCDEF1234567, version=4)) for number in range(1, 31)]


def _orders(customer: str, rng: np.random.Generator, count: int) -> pd.DataFrame:
    hours = pd.to_timedelta(np.sort(rng.integers(0, 24 * 300, count)), unit="h")
    return pd.DataFrame(
        {
            "order_id": [str(uuid.UUID(bytes=rng.bytes(16))) for _ in range(count)],
            "customer_id": customer,
            "ordered_at": pd.Timestamp("2025-01-01") + hours,
            "amount": np.round(rng.lognormal(3, 1, count)),
            "payment_method": rng.choice(PAYMENT_METHODS, count),
            "channel": rng.choice(CHANNELS, count),
            "device_id": [str(uuid.UUID(int=int(n))) for n in rng.integers(0, 4, count)],
            "ship_postcode": rng.choice(["123**", "124**", "987**"], count),
            "is_fraud": rng.random(count) < 0.3,
        }
    )


def _world(customers: list[str], rows: dict[str, int] | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raw-like tables; what a customer holds depends on that customer alone."""
    orders = []
    for customer in customers:
        rng = np.random.default_rng(uuid.UUID(customer).int % 2**63)
        drawn = int(rng.integers(1, 15))
        orders.append(_orders(customer, rng, (rows or {}).get(customer, drawn)))
    postcodes = pd.DataFrame({"customer_id": customers, "part": "train", "postcode": "123**"})
    return pd.concat(orders), postcodes


def _features(world: tuple[pd.DataFrame, pd.DataFrame]) -> Any:
    return ibis.memtable(FRAUD.features(*(ibis.memtable(table) for table in world)).to_pandas())


def _gradient_sum(world: tuple[pd.DataFrame, pd.DataFrame], model: Any) -> Any:
    customers = FRAUD.examples(_features(world), "train", {})
    query = CustomerSumQuery(clipping_norm=CLIP, stddev=0.0, noise=GaussianNoise(KeyStream()))
    gradients = ClippedGradients(model, customers, loss=FRAUD.loss, query=query)
    total, _ = gradients.sum(np.arange(customers.customers))
    return np.concatenate([np.ravel(part) for part in total]).astype(np.float64)


@pytest.fixture(scope="module")
def model() -> Any:
    return FRAUD.build_model({})


@pytest.mark.parametrize("gone", [0, 7, 29])
def test_removing_one_customer_moves_the_sum_by_at_most_the_clipping_norm(gone: int, model: Any) -> None:
    rest = [customer for customer in CUSTOMERS if customer != CUSTOMERS[gone]]
    distance = np.linalg.norm(_gradient_sum(_world(CUSTOMERS), model) - _gradient_sum(_world(rest), model))
    assert 0.9 * CLIP < distance <= CLIP * (1 + 1e-4)


@pytest.mark.parametrize("gone", [0, 7, 29])
def test_all_other_customers_features_stay_as_they_are(gone: int) -> None:
    rest = [customer for customer in CUSTOMERS if customer != CUSTOMERS[gone]]
    frames = [_features(_world(world)).to_pandas() for world in (CUSTOMERS, rest)]
    whole, reduced = (
        frame[frame.customer_id.astype(str) != CUSTOMERS[gone]].sort_values("order_id", ignore_index=True)
        for frame in frames
    )
    pd.testing.assert_frame_equal(whole[list(FEATURE_NAMES)], reduced[list(FEATURE_NAMES)], check_exact=True)
    assert list(whole.label) == list(reduced.label)


@pytest.mark.parametrize("alone", [1, 13, 22])
def test_a_customers_features_need_nobody_else(alone: int) -> None:
    """Nothing is fitted: no scale, vocabulary or popularity that other customers could move."""
    together, single = (_features(_world(world)).to_pandas() for world in (CUSTOMERS, [CUSTOMERS[alone]]))
    own = together[together.customer_id.astype(str) == CUSTOMERS[alone]]
    own, single = (
        frame.sort_values("order_id", ignore_index=True)[list(FEATURE_NAMES)] for frame in (own, single)
    )
    pd.testing.assert_frame_equal(own, single, check_exact=True)


def test_a_customer_with_500_rows_is_still_one_customer(model: Any) -> None:
    crowded = _world(CUSTOMERS, rows={CUSTOMERS[4]: 500})
    rest = [customer for customer in CUSTOMERS if customer != CUSTOMERS[4]]
    assert FRAUD.examples(_features(crowded), "train", {}).mask.sum(axis=1).max() == MAX_EXAMPLES
    distance = np.linalg.norm(_gradient_sum(crowded, model) - _gradient_sum(_world(rest), model))
    assert distance <= CLIP * (1 + 1e-4)


def test_replacing_a_customer_is_leaving_and_coming(model: Any) -> None:
    """The claim is for adding or removing; replacing one moves the sum by up to twice as much."""
    others = _world(CUSTOMERS, rows={CUSTOMERS[4]: 3})
    distance = np.linalg.norm(_gradient_sum(others, model) - _gradient_sum(_world(CUSTOMERS), model))
    assert distance <= 2 * CLIP * (1 + 1e-4)
