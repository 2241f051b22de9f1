from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases.case import CaseError
from models.cases.profile_text import CATEGORIES, PROFILE_TEXT, TABLES, features

ORDERS = [(1, "anna", 1), (2, "anna", 2), (3, "anna", 3), (4, "bert", 1), (5, "cleo", 1), (6, "cleo", 2)]
PRODUCTS = ["cheese", "soup", "beef", "yogurt"]
LINES = [
    (1, "cheese", 5.0),
    (1, "soup", 1.0),
    (2, "soup", 1.0),
    (3, "beef", 9.0),
    (3, "yogurt", 2.0),
    (3, "soup", 50.0),
    (4, "yogurt", 1.0),
    (5, "beef", 1.0),
    (6, "soup", 1.0),
]


def _tables(orders: list[tuple[int, str, int]] = ORDERS) -> list[Any]:
    people = pd.DataFrame({"customer_id": ["anna", "bert", "cleo"], "birth_date": ["30-39", "20-29", None]})
    people = people.assign(gender=["F", "M", "X"], postcode="123**", part="train")
    frames = (
        people,
        pd.DataFrame(orders, columns=["order_id", "customer_id", "day"]).assign(
            ordered_at=lambda rows: pd.Timestamp("2025-01-01") + pd.to_timedelta(rows.day, "D")
        ),
        pd.DataFrame(LINES, columns=["order_id", "product_id", "amount"]),
        pd.DataFrame({"product_id": PRODUCTS, "category": [name.upper() for name in PRODUCTS]}),
    )
    return [ibis.memtable(frame) for frame in frames]


def _rows(tables: list[Any]) -> pd.DataFrame:
    frame: pd.DataFrame = features(*tables).to_pandas()
    return frame.set_index("customer_id").sort_index()


def test_the_text_is_of_before_and_the_label_of_the_last_basket() -> None:
    rows = _rows(_tables())
    assert rows.loc["anna", "text"] == "a woman of 30-39 from 123** who often buys soup, cheese"
    assert rows.loc["anna", "category"] == "BEEF"  # the dearest of the ten; soup is none of them
    assert rows.loc["bert", "text"] == "a man of 20-29 from 123** who often buys nothing yet"
    assert "cleo" not in rows.index  # the last basket holds none of the ten


def test_other_customers_change_nothing() -> None:
    alone = _rows(_tables([order for order in ORDERS if order[1] == "anna"]))
    pd.testing.assert_frame_equal(alone, _rows(_tables()).loc[["anna"]])


def test_the_categories_are_ten_and_public() -> None:
    assert len(set(CATEGORIES)) == 10
    assert list(CATEGORIES) == sorted(CATEGORIES)


def test_examples_and_a_model_that_starts_as_the_nearest_name() -> None:
    tables = _tables()
    facts = PROFILE_TEXT.facts(*tables)
    train = PROFILE_TEXT.examples(PROFILE_TEXT.features(*tables), "train", facts)
    assert [CATEGORIES[label] for label in train.labels[:, 0]] == ["BEEF", "YOGURT"]
    model = PROFILE_TEXT.build_model(facts)
    assert PROFILE_TEXT.baseline is not None
    start = PROFILE_TEXT.baseline(train, facts)
    np.testing.assert_array_equal(
        PROFILE_TEXT.outputs(model, train, facts).argmax(axis=-1), start.argmax(axis=-1)
    )
    said = PROFILE_TEXT.score(PROFILE_TEXT.features(*tables), model, facts)
    assert said.column_names == ["customer_id", "category", "probability"]
    assert set(said["category"].to_pylist()) <= set(CATEGORIES)


@pytest.mark.parametrize("number", range(4))
def test_a_missing_column_is_named(number: int) -> None:
    name, columns = list(TABLES.items())[number]
    tables = _tables()
    tables[number] = tables[number].drop(columns[-1])
    with pytest.raises(CaseError, match=f"{name}.*{columns[-1]}"):
        features(*tables)
