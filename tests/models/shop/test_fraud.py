"""Fraud: several weak signals, none of which is enough, all of which together are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier  # type: ignore[import-untyped]
from sklearn.metrics import roc_auc_score  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

# Features of an order and the customer's own earlier ones, on what is left after coarsening: hours, whole
# amounts and the first three characters of postcodes.
FEATURES = """
    WITH coarse AS (
        SELECT customer_id, order_id, part, is_fraud, device_id, payment_method, channel,
            date_trunc('hour', ordered_at) AS hour, round(amount) AS amount,
            left(ship_postcode, 3) <> left(postcode, 3) AS away
        FROM orders JOIN customers USING (customer_id))
    SELECT part, is_fraud, away::INT AS away, ln(1 + amount) AS amount,
        coalesce(ln(1 + amount) - avg(ln(1 + amount)) OVER earlier, 0) AS growth,
        (count(*) OVER earlier > 0 AND row_number() OVER device = 1)::INT AS new_device,
        hour(hour) AS hour, (hour(hour) BETWEEN 1 AND 5)::INT AS night,
        ln(1 + coalesce(date_diff('hour', lag(hour) OVER own, hour), 2000)) AS gap,
        (count(*) OVER earlier > 0 AND row_number() OVER payment = 1)::INT AS new_payment,
        (payment_method = 'gift_card')::INT AS gift_card, (channel = 'web')::INT AS web,
        count(*) OVER earlier AS orders
    FROM coarse WINDOW own AS (PARTITION BY customer_id ORDER BY hour, order_id),
        earlier AS (PARTITION BY customer_id ORDER BY hour, order_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        device AS (PARTITION BY customer_id, device_id ORDER BY hour, order_id),
        payment AS (PARTITION BY customer_id, payment_method ORDER BY hour, order_id)
    ORDER BY customer_id, hour, order_id
"""


@pytest.fixture(scope="module")
def features(tables: Any) -> dict[str, Any]:
    return dict(tables.execute(FEATURES).fetchnumpy())


def test_two_to_three_percent_of_orders_are_fraud(features: dict[str, Any]) -> None:
    assert 0.02 < features["is_fraud"].mean() < 0.03


def test_no_single_feature_tells(features: dict[str, Any]) -> None:
    for name in set(features) - {"part", "is_fraud"}:
        area = roc_auc_score(features["is_fraud"], features[name])
        assert max(area, 1 - area) < 0.75, name


def test_all_features_together_tell(features: dict[str, Any]) -> None:
    columns = np.column_stack([features[name] for name in features if name not in ("part", "is_fraud")])
    train, test = (features["part"] == part for part in ("train", "test"))
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=8, random_state=0)
    with threadpool_limits(1):
        model.fit(columns[train], features["is_fraud"][train])
    area = roc_auc_score(features["is_fraud"][test], model.predict_proba(columns[test])[:, 1])
    assert 0.80 < area < 0.95


def test_a_minority_suffers_much_of_it(tables: Any) -> None:
    query = "SELECT avg((n > 0)::INT), avg((n > 1)::INT), sum(n) FILTER (n > 1) / sum(n) FROM (" + (
        "SELECT count(*) FILTER (is_fraud) AS n FROM orders GROUP BY customer_id)"
    )
    hit, hit_again, their_share = tables.execute(query).fetchone()
    assert hit < 0.25
    assert their_share > 4 * hit_again


def test_a_first_order_is_honest(tables: Any) -> None:
    first = """SELECT count(*) FILTER (is_fraud) FROM (
        SELECT arg_min(is_fraud, order_id) AS is_fraud FROM orders GROUP BY customer_id)"""
    assert tables.execute(first).fetchone() == (0,)
