"""The recommender: history as of each basket, two worlds, lists, and the switch to nothing personal."""

from __future__ import annotations

from functools import cache
from typing import Any

import ibis
import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tensorflow as tf

from models.cases.case import CaseError, Facts
from models.cases.recommender import RECOMMENDER, answer, loss, ndcg, recall, score
from models.cases.recommender_baskets import BASKETS, HISTORY, TARGETS
from models.cases.recommender_events import CODES, Events, pair_codes
from models.cases.recommender_examples import CANDIDATES, NEGATIVES, examples
from models.cases.recommender_model import towers
from models.cases.recommender_popularity import LIST, popular, popularity
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import ClippedGradients
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.query import CustomerSumQuery
from models.privacy.statistics import clipped_sum

ANNA, BERT = "10000000-0000-4000-8000-000000000000", "f0000000-0000-4000-8000-000000000000"
ITEMS = 60
Baskets = dict[str, dict[str, list[int]]]  # customer -> time -> items
SHOP: Baskets = {
    ANNA: {"2025-01-01 10:00": [1, 2], "2025-02-01 10:00": [1, 3], "2025-03-01 10:00": [1, 4, 5]},
    BERT: {"2025-01-05 10:00": [7], "2025-02-05 10:00": [7, 8], "2025-03-05 10:00": [9]},
}


def _products() -> pd.DataFrame:
    numbers = np.arange(1, ITEMS + 1)
    return pd.DataFrame(
        {
            "product_id": [f"P{number:04}" for number in numbers],
            "department": [f"D{number % 3}" for number in numbers],
            "category": [f"C{number % 6}" for number in numbers],
            "price": numbers / 4,
        }
    )


def _tables(shop: Baskets, **columns: list[Any]) -> list[Any]:
    """Customers, orders, lines and products; an order is named by customer and time."""
    people = pd.DataFrame({"customer_id": list(shop), "part": "train"} | columns)
    orders = [(f"{who} {at}", who, pd.Timestamp(at)) for who, baskets in shop.items() for at in baskets]
    lines = [
        (f"{who} {at}", f"P{item:04}")
        for who, baskets in shop.items()
        for at in baskets
        for item in baskets[at]
    ]
    frames = (
        people,
        pd.DataFrame(orders, columns=["order_id", "customer_id", "ordered_at"]),
        pd.DataFrame(lines, columns=["order_id", "product_id"]),
        _products(),
    )
    return [ibis.memtable(frame) for frame in frames]


def _rows(shop: Baskets, **columns: list[Any]) -> Any:
    return ibis.memtable(RECOMMENDER.features(*_tables(shop, **columns)).to_pyarrow())


def _facts(shop: Baskets | None = None) -> Facts:
    """The catalogue, and the popularity of `shop` without noise."""
    shop = SHOP if shop is None else shop
    facts = RECOMMENDER.facts(*_tables(shop))
    (statistic,) = RECOMMENDER.statistics
    return facts | {statistic.name: clipped_sum(statistic.contributions(_rows(shop), facts))}


def _histories(rows: Any) -> dict[tuple[str, int], dict[int, tuple[int, int]]]:
    """By customer and place: item -> (times, since)."""
    events = Events.of(rows)
    return {
        (str(events.customer[k]), int(events.place[k])): {
            int(item): (int(times), int(since))
            for item, times, since in zip(events.history[k], events.times[k], events.since[k], strict=True)
            if item
        }
        for k in range(len(events))
    }


def test_a_history_is_every_basket_strictly_before() -> None:
    known = _histories(_rows(SHOP))
    assert known[ANNA, 2] == {1: (1, 1), 2: (1, 1)}
    assert known[ANNA, 1] == {1: (2, 1), 2: (1, 2), 3: (1, 1)}
    assert known[ANNA, 0] == {1: (3, 1), 2: (1, 3), 3: (1, 2), 4: (1, 1), 5: (1, 1)}


def test_what_is_ordered_in_the_same_hour_is_one_basket() -> None:
    tables = _tables({ANNA: {"2025-01-01 10:00": [1], "2025-02-01 10:00": [2]}})
    orders = tables[1].to_pandas()
    other = orders.iloc[[1]].assign(order_id="other")
    lines = pd.concat([tables[2].to_pandas(), pd.DataFrame({"order_id": ["other"], "product_id": ["P0003"]})])
    tables[1:3] = [ibis.memtable(pd.concat([orders, other])), ibis.memtable(lines)]
    events = Events.of(
        ibis.memtable(RECOMMENDER.features(*tables).filter(lambda row: row.place == 1).to_pyarrow())
    )
    assert set(events.bought[0]) == {2, 3, -1}
    assert set(events.history[0]) == {0, 1}


def test_the_future_changes_nothing() -> None:
    """A basket after those that are there: what is known before each of them stays, one place further back."""
    later = SHOP | {ANNA: SHOP[ANNA] | {"2025-03-01 11:00": [2, 2, 40]}}
    before, after = _histories(_rows(SHOP)), _histories(_rows(later))
    assert after[ANNA, 2] == before[ANNA, 1]
    assert after[ANNA, 1] == before[ANNA, 0]


def test_everybody_has_an_own_history() -> None:
    """Customers are numbered for the engine's joins: no two get each other's purchases, on several threads."""
    names = [f"{number * 2_654_435_761 % 2**32:08x}" for number in range(30_000)]
    own = {name: int(name, 16) % ITEMS + 1 for name in names}
    orders = pd.DataFrame({"order_id": names, "customer_id": names, "ordered_at": pd.Timestamp("2025-01-01")})
    lines = pd.DataFrame({"order_id": names, "product_id": [f"P{item:04}" for item in own.values()]})
    people = pd.DataFrame({"customer_id": names, "part": "train"}).sample(frac=1, random_state=0)
    tables = [ibis.memtable(frame) for frame in (people, orders, lines, _products())]
    events = Events.of(RECOMMENDER.features(*tables))
    assert len(events) == len(names)
    assert list(events.history[:, 0]) == [own[name] for name in events.customer]


def test_first_baskets_have_nothing_to_learn_from() -> None:
    places = {
        (row["customer_id"], row["place"])
        for row in _rows({ANNA: {"2025-01-01": [1]}, BERT: {}}).to_pyarrow().to_pylist()
    }
    assert places == {(ANNA, 0), (BERT, 0)}


@pytest.mark.parametrize("who", [ANNA, BERT])
def test_other_customers_change_nothing(who: str) -> None:
    """Two worlds: features, examples and negatives of one customer, with and without the other."""
    facts, place = _facts(), sorted(SHOP).index(who)
    both, alone = (examples(_rows(shop), "train", facts) for shop in (SHOP, {who: SHOP[who]}))
    assert (both.customers, alone.customers) == (2, 1)
    for with_other, without in zip(both.leaves(), alone.leaves(), strict=True):
        np.testing.assert_array_equal(with_other[[place]], without)
    np.testing.assert_array_equal(both.labels[[place]], alone.labels)


def test_a_customer_moves_the_sums_by_no_more_than_their_bounds() -> None:
    """From raw-like tables to the statistic and to clipped gradients, with and without a customer, noise off."""
    bare = RECOMMENDER.facts(*_tables(SHOP))
    (statistic,) = RECOMMENDER.statistics
    sums = [clipped_sum(statistic.contributions(_rows(shop), bare)) for shop in (SHOP, {BERT: SHOP[BERT]})]
    assert np.linalg.norm(sums[0] - sums[1]) == pytest.approx(1.0)
    facts, clip = _facts(), 0.01
    query = CustomerSumQuery(clipping_norm=clip, stddev=0.0, noise=GaussianNoise(KeyStream()))
    keras.utils.set_random_seed(1)
    model, gradients = RECOMMENDER.build_model(facts), []
    for shop in (SHOP, {BERT: SHOP[BERT]}):
        held = examples(_rows(shop), "train", facts)
        clipped = ClippedGradients(model, held, loss=loss, query=query)
        assert clipped.engine == "book-keeping"
        gradients.append(clipped.sum(np.arange(held.customers))[0])
    moved = [tf.convert_to_tensor(a) - tf.convert_to_tensor(b) for a, b in zip(*gradients, strict=True)]
    assert float(tf.linalg.global_norm(moved)) == pytest.approx(clip, rel=1e-3)


def test_negatives_are_of_the_catalogue_and_never_the_target() -> None:
    held = examples(_rows(SHOP), "train", _facts())
    assert isinstance(held.features, dict)
    items, offset = held.features["items"][:, :, HISTORY:], held.features["offset"]
    assert items.shape == (2, BASKETS, CANDIDATES)
    assert items.max() <= ITEMS
    targets = (items[:, :, TARGETS:, None] == held.labels[:, :, None, :]).any(axis=3)
    assert (offset[:, :, TARGETS:][targets] == -30).all()
    assert (offset[:, :, :TARGETS] == 0).all()
    own = items[0, 0, -NEGATIVES // 4 :]
    assert set(own) <= {1, 2, 3}


@pytest.mark.parametrize(
    ("candidate", "codes"),
    [
        (1, [1 + 1 * 5 + 0, 1 + 6, 2 * 2 + 1, 6]),  # in two of two baskets, the last one too
        (2, [1 + 0 * 5 + 1, 1 + 5, 2 * 1 + 0, 5]),
        (7, [0, 0, 2 * 2 + 1, 0]),  # never bought, but its category was
        (60, [0, 0, 0, 0]),
    ],
)
def test_bands_of_own_history(candidate: int, codes: list[int]) -> None:
    facts = {"category": np.arange(61) % 6, "department": np.arange(61) % 3 + 100 * (np.arange(61) > 6)}
    history = np.zeros((1, HISTORY), np.int32)
    times, since = history.astype(np.uint8), history.astype(np.uint8)
    history[0, :2], times[0, :2], since[0, :2] = [1, 2], [2, 1], [1, 2]
    found = pair_codes(np.array([[candidate]]), history, times, since, np.array([2]), facts)[0, 0]
    assert list(found) == codes
    assert (found < np.array(CODES)).all()


def test_a_loss_reads_its_own_basket_only() -> None:
    labels = np.array([[5, -1, -1, -1], [5, 6, -1, -1]], np.int32)
    said = np.random.default_rng(0).normal(size=(2, CANDIDATES)).astype(np.float32)
    others = np.log(np.exp(said[:, TARGETS:]).sum(axis=1))
    expected = [np.log1p(np.exp(others[0] - said[0, 0])), np.mean(np.log1p(np.exp(others[1] - said[1, :2])))]
    np.testing.assert_allclose(loss(labels, said).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("found", "hits", "gain"),
    [([1, 2, 3], 1.0, 1.0), ([9, 2, 3], 0.5, 1 / np.log2(3) / (1 + 1 / np.log2(3))), ([7, 8, 9], 0.0, 0.0)],
)
def test_recall_and_gain(found: list[int], hits: float, gain: float) -> None:
    labels = np.array([[[1, 2, -1, -1]]])
    test = CustomerExamples(features=np.zeros((1, 1, 1)), labels=labels, mask=np.ones((1, 1), np.bool_))
    lists = np.array([[found]])
    assert recall(lists, test)[0, 0] == pytest.approx(hits)
    assert ndcg(lists, test)[0, 0] == pytest.approx(gain)


def test_popularity_without_a_count_is_the_categorys() -> None:
    facts = {"category": np.array([0, 1, 1, 2, 2]), "popularity": np.array([0.0, 100.0, 1.0, -1.0, 3.0])}
    share = popularity(facts)
    assert share[0] == 0
    assert share.sum() == pytest.approx(1)
    assert share[1] > 50 * share[2] > 0
    assert share[3] > 0
    assert list(popular(facts, 1)) == [1]


@cache
def _model() -> Any:
    keras.utils.set_random_seed(2)
    return RECOMMENDER.build_model(_facts())


def _scored(rows: Any, facts: Facts) -> dict[str, list[str]]:
    table: pa.Table = score(rows, _model(), facts)
    frame = table.to_pandas()
    assert list(frame.columns) == ["customer_id", "rank", "product_id"]
    return {str(who): list(part.sort_values("rank").product_id) for who, part in frame.groupby("customer_id")}


def test_a_list_holds_each_item_once() -> None:
    for found in _scored(_rows(SHOP), _facts()).values():
        assert len(found) == len(set(found)) == LIST


def test_who_wants_nothing_personal_gets_the_popular_items_and_is_not_read() -> None:
    """PIPL, article 24, paragraph 2; for search results also the E-commerce Law of China, article 18, paragraph 1."""
    facts = _facts()
    liked = [str(facts["product_id"][item]) for item in popular(facts)]
    rows = _rows(SHOP, personalised=[False, True])
    found = _scored(rows, facts)
    assert found[ANNA] == liked
    assert found[BERT] != liked
    other = SHOP | {ANNA: {"2025-01-01 10:00": [30, 31, 32]}}
    changed = _rows(other, personalised=[False, True])
    order = ["customer_id", "place"]
    pd.testing.assert_frame_equal(rows.to_pandas().sort_values(order), changed.to_pandas().sort_values(order))
    assert {row["place"] for row in rows.to_pyarrow().to_pylist() if row["customer_id"] == ANNA} == {0}


def test_a_new_customer_gets_the_popular_items() -> None:
    facts = _facts()
    found = _scored(_rows(SHOP | {"20000000-0000-4000-8000-000000000000": {}}), facts)
    assert found["20000000-0000-4000-8000-000000000000"] == [
        facts["product_id"][item] for item in popular(facts)
    ]


def test_a_new_item_is_known_by_its_public_features() -> None:
    """Nobody bought item 50: its vector is that of item 56, of the same category, department and price band."""
    facts = _facts()
    vectors = np.asarray(towers(_model())[1](np.array([[50, 56, 51]], np.int32)))[0]
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=1e-5)
    assert np.abs(vectors[0] - vectors[2]).max() > 0.1
    assert facts["popularity"][50] == 0


def test_an_answer_is_the_score_of_the_same_purchases() -> None:
    frame = pd.DataFrame(
        [
            {"customer_id": who, "personalised": True, "ordered_at": at, "product_id": f"P{item:04}"}
            for who, baskets in SHOP.items()
            for at, items in baskets.items()
            for item in items
        ]
    )
    facts = _facts()
    found = answer(frame, _model(), facts)
    expected = _scored(_rows(SHOP), facts)
    assert {who: list(part.product_id) for who, part in found.groupby("customer_id")} == expected
    plain = answer(frame.assign(personalised=False), _model(), facts)
    assert {tuple(part.product_id) for _, part in plain.groupby("customer_id")} == {
        tuple(facts["product_id"][popular(facts)])
    }


def test_a_missing_column_is_named() -> None:
    tables = _tables(SHOP)
    tables[3] = tables[3].drop("price")
    with pytest.raises(CaseError, match=r"products.*price"):
        RECOMMENDER.features(*tables)


def test_a_customers_vector_and_the_popular_items_of_its_history() -> None:
    """What attackers reconstruct: the tower's vector for the next basket, and which of the items were bought."""
    facts, rows = _facts(), _rows(SHOP)
    model = RECOMMENDER.build_model(facts)
    assert RECOMMENDER.embedded is not None
    found = RECOMMENDER.embedded(RECOMMENDER, rows, "train", model, facts)
    assert found.vectors.shape[0] == 2
    assert found.given.shape == (2, ITEMS)
    of = {
        facts["product_id"][item]: found.given[:, place] for place, item in enumerate(popular(facts, ITEMS))
    }
    bought = sorted(name for name, held in of.items() if held.any())
    assert bought == [f"P{item:04}" for item in (1, 2, 3, 4, 5, 7, 8, 9)]
