from __future__ import annotations

import uuid
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases.arrays import DatedExamples
from models.cases.case import CaseError
from models.cases.fraud import FEATURE_NAMES, FRAUD, LABEL_DELAY, MAX_EXAMPLES, REASONS, examples, features

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
    assert (last.soon_after_last, last.orders_in_1_days, last.orders_in_30_days) == (
        1,
        1,
        pytest.approx(1 / 3),
    )
    assert last.spent_in_1_days == pytest.approx(np.log(31) / 4)
    assert last.spent_in_30_days == pytest.approx(np.log(41) / 4)
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
    assert list(rows[rows.place < MAX_EXAMPLES].index) == list(range(81, 81 + MAX_EXAMPLES))
    assert len(rows) == 20
    assert list(rows.place) == list(range(20))


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
    train = examples(table, "train", {})
    assert train.features.shape == (1, MAX_EXAMPLES, len(FEATURE_NAMES))
    assert train.mask.sum() == 2
    assert list(train.labels[0, :2]) == [1, 0]
    assert train.features[0, 0, FEATURE_NAMES.index("first_order")] == 1
    assert not train.features[~train.mask].any()
    assert train.groups is not None
    assert examples(table, "holdout", {}).customers == 0


def test_a_missing_column_is_named() -> None:
    orders = ibis.memtable(pd.DataFrame([_order(1, "2025-01-01")]).drop(columns="device_id"))
    with pytest.raises(CaseError, match=r"fraud_orders.*device_id"):
        features(orders, _customers())


def test_windows_count_what_was_new() -> None:
    orders = [
        _order(1, "2025-01-01 10:00"),
        _order(2, "2025-03-01 10:00", device_id=str(uuid.UUID(int=901)), ship_postcode="555**"),
        _order(3, "2025-03-01 10:00", device_id=str(uuid.UUID(int=902))),
        _order(4, "2025-03-05 10:00", device_id=str(uuid.UUID(int=901))),
        _order(5, "2025-06-05 10:00"),
    ]
    rows = _rows(orders)
    assert list(rows.new_devices_in_1_days) == [0, 0, 1, 0, 0]
    assert list(rows.new_devices_in_7_days) == [0, 0, 1, 2, 0]
    assert list(rows.new_regions_in_30_days) == [0, 0, 1, 1, 0]


def test_a_label_counts_once_it_can_be_known() -> None:
    """TWO: fraud of yesterday, and of the order itself, changes no feature; that of LABEL_DELAY days ago does."""
    days = (0, LABEL_DELAY - 1, LABEL_DELAY, 2 * LABEL_DELAY)
    at = [f"{pd.Timestamp('2025-01-01 10:00') + pd.Timedelta(days=day)}" for day in days]
    honest = [_order(number, moment) for number, moment in enumerate(at)]
    fraud = [order | {"is_fraud": number < 1} for number, order in enumerate(honest)]
    before, after = _rows(honest)[list(FEATURE_NAMES)], _rows(fraud)[list(FEATURE_NAMES)]
    assert list((before != after).any(axis=1)) == [False, False, True, True]
    assert list(after.frauds_known) == [0, 0, 1, 1]


def test_examples_know_their_day() -> None:
    table = features(ibis.memtable(pd.DataFrame([_order(1, "1970-01-11 23:00")])), _customers())
    held = examples(table, "train", {})
    assert isinstance(held, DatedExamples)
    assert held.day[0, 0] == 10


def test_reasons_are_told_of_features_and_of_every_window() -> None:
    told = [name for reason in REASONS for name in reason.features]
    assert set(told) == set(FEATURE_NAMES)
    assert len(told) == len(set(told))


def test_an_answer_says_why() -> None:
    """The request of a served model: a last order from a new device, at night, of ten times the amount."""
    model = FRAUD.build_model({})
    weights = model.get_weights()
    weights[0][:] = 0
    for name in ("device_new", "amount_to_past_mean"):
        weights[0][FEATURE_NAMES.index(name), 0] = 1.0
    weights[2][:] = 0
    weights[2][0] = 4.0
    model.set_weights(weights)
    orders = [_order(number, f"2025-01-{number:02} 10:00") for number in range(1, 6)]
    orders.append(_order(6, "2025-01-07 02:00", amount=209.0, device_id=str(uuid.UUID(int=901))))
    frame = pd.DataFrame(orders).assign(postcode="123**")[list(FRAUD.request)]
    answered = FRAUD.answer(frame, model, {}).set_index("order_id")
    last = answered.loc[str(uuid.UUID(int=6))]
    assert last.fraud > answered.fraud.drop(last.name).max()
    assert "The amount is 10.0 times the customer's earlier mean." in last.because
    assert "The customer never used this device before." in last.because
    assert "该客户此前从未使用过此设备。" in last.because_zh
    assert not answered.because.drop(last.name).any()
