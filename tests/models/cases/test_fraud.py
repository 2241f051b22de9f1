from __future__ import annotations

import uuid
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases.case import CaseError
from models.cases.fraud import FEATURE_NAMES, MAX_EXAMPLES, examples, features, loss

ANNA, BERT = "10000000-0000-4000-8000-000000000000", "f0000000-0000-4000-8000-000000000000"


def _order(number: int, at: str, customer: str = ANNA, **changes: Any) -> dict[str, Any]:
    order = {
        "order_id": str(uuid.UUID(int=number)),
        "customer_id": customer,
        "ordered_at": pd.Timestamp(at),
        "amount": 20.0,
        "payment_method": "card",
        "channel": "web",
        "device_id": str(uuid.UUID(int=900)),
        "ship_postcode": "123**",
        "is_fraud": False,
    }
    return order | changes


def _customers(**columns: list[str]) -> Any:
    table = {"customer_id": [ANNA, BERT], "postcode": ["123**", "987**"], "part": ["train", "test"]}
    return ibis.memtable(pd.DataFrame(table | columns))


def _rows(orders: list[dict[str, Any]], customers: Any = None) -> pd.DataFrame:
    table = features(ibis.memtable(pd.DataFrame(orders)), _customers() if customers is None else customers)
    frame: pd.DataFrame = table.to_pandas()
    return frame.set_index(frame.order_id.map(lambda name: uuid.UUID(str(name)).int)).sort_index()


def test_a_first_order_has_no_past() -> None:
    row = _rows([_order(1, "2025-01-01 10:00")]).loc[1]
    assert row.first_order == 1
    for name in ("device_new", "region_new", "amount_to_past_mean", "hour_unusual", "soon_after_last"):
        assert row[name] == 0
    assert np.isfinite(row[list(FEATURE_NAMES)].astype(float)).all()


def test_an_order_is_compared_with_its_past() -> None:
    rows = _rows(
        [
            _order(1, "2025-01-01 10:00", amount=10.0),
            _order(2, "2025-01-09 10:00", amount=30.0),
            _order(
                3,
                "2025-01-09 22:00",
                amount=83.0,
                device_id=str(uuid.UUID(int=901)),
                ship_postcode="555**",
                payment_method="gift_card",
            ),
        ]
    )
    last = rows.loc[3]
    assert (last.device_new, last.region_new, last.away_from_home, last.first_order) == (1, 1, 1, 0)
    assert last.amount_to_past_mean == pytest.approx(np.log(84 / 21))
    assert last.hour_unusual == pytest.approx(2, abs=1e-3)
    assert last.hours_since_last == pytest.approx((np.log(13) - 5) / 2)
    assert (last.soon_after_last, last.orders_in_24_hours, last.orders_in_7_days) == (1, 1, 0.5)
    assert (last.payment_unusual, last.channel_unusual) == (1, pytest.approx(1 / 3))
    assert (last.payment_gift_card, last.payment_card, last.channel_web) == (1, 0, 1)
    assert rows.loc[2].device_new == 0


def test_what_comes_later_changes_nothing() -> None:
    """Also not within the same hour, where the order id decides what is later."""
    past = [_order(2, "2025-01-01 10:00"), _order(5, "2025-01-02 10:00")]
    later = [_order(7, "2025-01-02 10:00", amount=900.0), _order(1, "2025-01-03 09:00", channel="app")]
    pd.testing.assert_frame_equal(_rows(past), _rows([*past, *later]).loc[[2, 5]].assign(place=[0, 1]))


def test_other_customers_change_nothing() -> None:
    own = [_order(2, "2025-01-01 10:00"), _order(5, "2025-01-02 10:00", amount=50.0)]
    others = [_order(3, "2025-01-01 11:00", BERT, amount=4_000.0), _order(4, "2025-01-02 09:00", BERT)]
    pd.testing.assert_frame_equal(_rows(own), _rows([*own, *others]).loc[[2, 5]])


def test_unknown_and_missing_values_are_zeros() -> None:
    rows = _rows(
        [_order(1, "2025-01-01 10:00", payment_method="shells", channel=None, device_id=None, amount=None)]
    )
    assert (
        not rows.filter(regex="^(payment|channel)_")
        .drop(columns=["payment_unusual", "channel_unusual"])
        .any(axis=None)
    )
    assert np.isfinite(rows.loc[1][list(FEATURE_NAMES)].astype(float)).all()


@pytest.mark.parametrize("amount", [-5.0, 0.0, 1e12])
def test_extremes_are_capped_by_public_constants(amount: float) -> None:
    rows = _rows([_order(i, f"2025-01-01 {i:02}:00", amount=amount if i == 9 else 1.0) for i in range(10)])
    assert rows[list(FEATURE_NAMES)].abs().to_numpy().max() < 10


def test_at_most_so_many_examples_by_order_of_pseudonym() -> None:
    orders = [_order(100 - i, f"2025-01-{i + 1:02} 10:00") for i in range(20)]
    rows = _rows(orders)
    assert list(rows.index) == list(range(81, 81 + MAX_EXAMPLES))
    assert list(rows.place) == list(range(MAX_EXAMPLES))


def test_a_customer_listed_twice_is_in_one_part() -> None:
    customers = _customers(customer_id=[ANNA, ANNA])
    rows = _rows([_order(1, "2025-01-01 10:00")], customers)
    assert len(rows) == 1


def test_without_a_split_the_pseudonym_decides() -> None:
    names = [str(uuid.UUID(int=(byte << 120) + 7)) for byte in range(256)]
    customers = ibis.memtable(pd.DataFrame({"customer_id": names, "postcode": "123**"}))
    rows = _rows([_order(i, "2025-01-01 10:00", name) for i, name in enumerate(names)], customers)
    assert rows.part.value_counts().to_dict() == {"train": 154, "test": 51, "holdout": 51}
    assert list(rows.part.iloc[[0, 153, 154, 204, 205]]) == ["train", "train", "test", "test", "holdout"]


def test_examples_are_arrays_of_one_part() -> None:
    orders = [
        _order(1, "2025-01-01 10:00", is_fraud=True),
        _order(2, "2025-01-02 10:00"),
        _order(3, "2025-01-02 10:00", BERT),
    ]
    homes = _customers(household=[str(uuid.UUID(int=1)), str(uuid.UUID(int=2))])
    table = features(ibis.memtable(pd.DataFrame(orders)), homes)
    train = examples(table, "train")
    assert train.features.shape == (1, MAX_EXAMPLES, len(FEATURE_NAMES))
    assert train.mask.sum() == 2
    assert list(train.labels[0, :2]) == [1, 0]
    assert train.features[0, 0, FEATURE_NAMES.index("first_order")] == 1
    assert not train.features[~train.mask].any()
    assert train.groups is not None
    assert examples(table, "holdout").customers == 0


def test_a_missing_column_is_named() -> None:
    orders = ibis.memtable(pd.DataFrame([_order(1, "2025-01-01")]).drop(columns="device_id"))
    with pytest.raises(CaseError, match=r"fraud_orders.*device_id"):
        features(orders, _customers())


def test_the_rare_class_has_its_public_weight() -> None:
    losses = loss(np.array([1.0, 0.0], dtype=np.float32), np.zeros(2, dtype=np.float32)).numpy()
    assert losses[0] / losses[1] == pytest.approx(8.0)
