"""Recommender: what will a customer buy next?

Groceries are bought again, so most of the answer is the customer's own history, read for that customer alone. What is
learnt of all customers together is how much which kind of history says, vectors of items, and which items are popular:
all under differential privacy of a customer.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
import pandas
from numpy.typing import NDArray

from models.cases.case import Recipe, UseCase
from models.cases.metrics import MeanMetric
from models.cases.recommender_attributes import attributes, embedded
from models.cases.recommender_baskets import (
    BASKETS,
    CUSTOMER_COLUMNS,
    LINE_COLUMNS,
    ORDER_COLUMNS,
    PRODUCT_COLUMNS,
    TARGETS,
    features,
    numbered,
)
from models.cases.recommender_events import Events
from models.cases.recommender_examples import examples
from models.cases.recommender_lists import History, lists, outputs
from models.cases.recommender_model import INPUTS, WIDTH, build_model, embedding_tables
from models.cases.recommender_popularity import LIST, POPULARITY, popular

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from models.cases.case import Facts
    from models.privacy.examples import CustomerExamples

_PRICES: Final = (0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 20)  # public edges of the price bands


def facts(customers: ir.Table, orders: ir.Table, lines: ir.Table, products: ir.Table) -> Facts:
    """The public catalogue, by item: product_id, category, department and price_band (N + 1,); item 0 is none."""
    del customers, orders, lines
    table = numbered(products).order_by("item").to_pandas()
    department = table.department.fillna("").to_numpy(dtype=str)
    category = np.char.add(np.char.add(department, "/"), table.category.fillna("").to_numpy(dtype=str))
    price = table.price.fillna(0.0).to_numpy(dtype=np.float64)
    return {
        "product_id": np.concatenate([[""], table.product_id.astype(str).to_numpy(dtype=str)]),
        "category": _numbers(category),
        "department": _numbers(department),
        "price_band": np.concatenate([[0], 1 + np.searchsorted(_PRICES, price, side="right")]).astype(
            np.int32
        ),
    }


def _numbers(words: NDArray[Any]) -> NDArray[np.int32]:
    """(N + 1,): each word's number from 1, in their order; 0 for item 0."""
    found = 1 + np.unique(words, return_inverse=True)[1]
    return np.concatenate([[0], found]).astype(np.int32)


def optimizer() -> Any:
    """Adam with a moving average of the weights; both only post-process noised gradients."""
    import keras

    return keras.optimizers.Adam(RECOMMENDER.recipe.learning_rate, use_ema=True, ema_momentum=0.98)


def loss(labels: Any, said: Any) -> Any:
    """Mean over a basket's items of -log(its share of the softmax over itself and the negatives)."""
    import tensorflow as tf

    said, there = tf.cast(said, tf.float32), tf.cast(labels > 0, tf.float32)
    others = tf.reduce_logsumexp(said[:, TARGETS:], axis=1, keepdims=True)
    each = tf.nn.softplus(others - said[:, :TARGETS]) * there
    return tf.reduce_sum(each, axis=1) / tf.maximum(tf.reduce_sum(there, axis=1), 1.0)


def recall(found: NDArray[np.int64], test: CustomerExamples) -> NDArray[np.float64]:
    """The share of a basket's items that are on its list, (n, m)."""
    hits = (found[:, :, None, :] == test.labels[..., None]).any(axis=3) & (test.labels > 0)
    return np.asarray(hits.sum(axis=2) / np.maximum((test.labels > 0).sum(axis=2), 1))


def ndcg(found: NDArray[np.int64], test: CustomerExamples) -> NDArray[np.float64]:
    """Normalised discounted cumulative gain of the lists, (n, m): Jarvelin & Kekalainen 2002."""
    hits = (found[..., None] == np.where(test.labels > 0, test.labels, -1)[:, :, None, :]).any(axis=3)
    discount = 1 / np.log2(np.arange(found.shape[2]) + 2)
    wanted = np.minimum((test.labels > 0).sum(axis=2), found.shape[2])
    best = np.concatenate([[0.0], np.cumsum(discount)])[wanted]
    return np.asarray((hits * discount).sum(axis=2) / np.where(best > 0, best, 1.0))


def baseline(test: CustomerExamples, known: Facts) -> NDArray[np.int64]:
    """The same popular items for everybody."""
    liked = popular(known)
    return np.broadcast_to(liked, (*test.mask.shape, len(liked)))


def score(rows: ir.Table, model: Any, known: Facts) -> pa.Table:
    """customer_id, rank (1 to LIST) and product_id of every customer's list for the next basket."""
    import pyarrow as pa

    events = Events.of(rows.filter(rows.place == 0))
    history = History(items=events.history, times=events.times, since=events.since, before=events.before)
    found = lists(model, history, known)
    rank = np.broadcast_to(np.arange(1, found.shape[1] + 1), found.shape)
    return pa.table(
        {
            "customer_id": np.repeat(events.customer, found.shape[1]),
            "rank": rank.ravel(),
            "product_id": known["product_id"][found.ravel()],
        }
    )


def answer(frame: pd.DataFrame, model: Any, known: Facts) -> pd.DataFrame:
    """The lists of the customers in `frame`, which holds their purchases: customer_id, rank and product_id.

    A customer without purchases has one row without a product. Of customers whose `personalised` is false nothing but
    that is read.
    """
    people = frame.groupby("customer_id", as_index=False).personalised.min().assign(part="served")
    bought = frame.dropna(subset=["product_id"])
    bought = bought.assign(
        ordered_at=pandas.to_datetime(bought.ordered_at),
        order_id=bought.customer_id + " " + bought.ordered_at,
    )
    products = pandas.DataFrame({"product_id": known["product_id"][1:]}).assign(
        department="", category="", price=0.0
    )
    tables = (people, bought[[*ORDER_COLUMNS]].drop_duplicates(), bought[[*LINE_COLUMNS]], products)
    rows = features(*map(ibis.memtable, tables))
    found: pd.DataFrame = score(rows, model, known).to_pandas()
    return found


def _sized(width: int) -> UseCase:
    return replace(RECOMMENDER, size=width, build_model=partial(build_model, width=width))


RECOMMENDER: Final = UseCase(
    personalises=True,
    name="recommender",
    title="Recommender",
    tables={
        "rec_customers": CUSTOMER_COLUMNS,
        "rec_orders": ORDER_COLUMNS,
        "rec_lines": LINE_COLUMNS,
        "products": PRODUCT_COLUMNS,
    },
    inputs=INPUTS,
    features=features,
    facts=facts,
    statistics=(POPULARITY,),
    examples=examples,
    build_model=build_model,
    optimizer=optimizer,
    embedding_tables=embedding_tables,
    loss=loss,
    recipe=Recipe(sampling_rate=0.02, steps=200, max_examples=BASKETS, clipping_norm=0.5, learning_rate=0.03),
    metrics=(
        MeanMetric(name=f"Recall@{LIST}", per_example=recall),
        MeanMetric(name=f"NDCG@{LIST}", per_example=ndcg),
    ),
    baseline=baseline,
    outputs=outputs,
    score=score,
    request={
        "customer_id": "string",
        "personalised": "boolean",
        "ordered_at": "string",
        "product_id": "string",
    },
    answer=answer,
    attributes=attributes,
    embedded=embedded,
    size=WIDTH,
    sized=_sized,
)
