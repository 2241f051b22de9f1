"""Lists: for each basket the items that the customer will most likely buy next.

Retrieval takes what the customer bought before, the best of the customer's own categories, and the items of the whole
catalogue whose vector has the largest product with the customer's. Ranking scores all of them by the whole network.
Who has no history, or wants nothing personal, gets the popular items in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.recommender_baskets import HISTORY
from models.cases.recommender_events import pair_codes
from models.cases.recommender_model import towers
from models.cases.recommender_popularity import popular, popularity

if TYPE_CHECKING:
    from models.cases.case import Facts
    from models.privacy.examples import CustomerExamples

RETRIEVED: Final = 100
_CATEGORIES, _OF_CATEGORY = 8, 6  # of a customer, and items of each
_AT_ONCE: Final = 256  # customers
_BLOCK: Final = 1 << 16  # items


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class History:
    """Of each of e baskets: `items`, `times`, `since` (e, HISTORY) and `before` (e,), see Events."""

    items: NDArray[Any]
    times: NDArray[Any]
    since: NDArray[Any]
    before: NDArray[Any]

    def part(self, start: int, size: int) -> History:
        """`size` baskets from `start` on."""
        return History(**{name: array[start : start + size] for name, array in vars(self).items()})


def outputs(model: Any, customers: CustomerExamples, facts: Facts) -> NDArray[np.int64]:
    """The lists (n, m, LIST) for all examples."""
    features = customers.features
    assert isinstance(features, dict)
    history = History(
        items=features["items"][:, :, :HISTORY].reshape(-1, HISTORY),
        times=features["times"].reshape(-1, HISTORY),
        since=features["since"].reshape(-1, HISTORY),
        before=features["before"].reshape(-1),
    )
    return lists(model, history, facts).reshape(*customers.mask.shape, -1)


def lists(model: Any, history: History, facts: Facts) -> NDArray[np.int64]:
    """The LIST best items (e, LIST) for each history, the best first; the popular ones where there is none."""
    known = np.flatnonzero((history.items > 0).any(axis=1))
    chosen = np.broadcast_to(popular(facts), (len(history.before), len(popular(facts)))).copy()
    if not len(known):
        return chosen
    own = History(**{name: array[known] for name, array in vars(history).items()})
    towers, best = _Towers(model, facts), _best_of_categories(facts)
    for start in range(0, len(known), _AT_ONCE):
        part = own.part(start, _AT_ONCE)
        found = np.concatenate(
            [part.items, _of_own_categories(part, facts, best), towers.nearest(part, RETRIEVED)], axis=1
        )
        chosen[known[start : start + _AT_ONCE]] = _ranked(model, part, _once(found), facts)[
            :, : chosen.shape[1]
        ]
    return chosen


def _ranked(model: Any, history: History, found: NDArray[np.int64], facts: Facts) -> NDArray[np.int64]:
    """`found` (e, c) by the network's score, the best first; 0 is nothing and comes last."""
    codes = pair_codes(found, history.items, history.times, history.since, history.before, facts)
    scores = np.asarray(
        model(
            {
                "items": np.concatenate([history.items, found], axis=1).astype(np.int32),
                "times": history.times,
                "codes": codes,
                "offset": np.where(found > 0, 0.0, -np.inf).astype(np.float32),
            },
            training=False,
        )
    )
    return np.take_along_axis(found, np.argsort(-scores, axis=1, kind="stable"), axis=1)


class _Towers:
    """The two towers of a model: vectors of all items, once, and of customers by their histories."""

    def __init__(self, model: Any, facts: Facts) -> None:
        self._customer, item = towers(model)
        items = len(facts["category"])
        self._vectors = np.concatenate(
            [
                np.asarray(item(np.arange(start, min(start + _BLOCK, items), dtype=np.int32)[None]))[0]
                for start in range(0, items, _BLOCK)
            ]
        )
        weights = np.asarray(model.get_layer("score").kernel)[:, 0]
        width = self._vectors.shape[1]
        self._scale, self._bias = weights[:width], weights[width + 1 : 2 * width + 1]
        self._liked = (weights[width] * np.log(np.maximum(popularity(facts), 1e-9))).astype(np.float32)
        self._liked[0] = -np.inf

    def nearest(self, history: History, count: int) -> NDArray[np.int64]:
        """The `count` items (e, count), in no order, of the largest product, popularity counted."""
        import tensorflow as tf

        vectors = np.asarray(self._customer([history.items.astype(np.int32), history.times])) * self._scale
        vectors += self._bias
        best, score = np.zeros((len(vectors), 0), np.int64), np.zeros((len(vectors), 0), np.float32)
        for start in range(0, len(self._vectors), _BLOCK):
            block = slice(start, start + _BLOCK)
            near = tf.matmul(vectors, self._vectors[block], transpose_b=True) + self._liked[block]
            found = tf.math.top_k(near, min(count, near.shape[1]), sorted=False)
            best = np.concatenate([best, found.indices.numpy() + start], axis=1)
            score = np.concatenate([score, found.values.numpy()], axis=1)
        kept = np.argpartition(-score, min(count, score.shape[1]) - 1, axis=1)[:, :count]
        return np.take_along_axis(best, kept, axis=1)


def _best_of_categories(facts: Facts) -> NDArray[np.int64]:
    """The most popular items of every category (categories, _OF_CATEGORY); 0 where there are fewer."""
    share, category = popularity(facts), facts["category"]
    order = np.lexsort((-share, category))
    first = np.searchsorted(category[order], np.arange(category.max() + 1))
    place = np.arange(len(order)) - first[category[order]]
    best = np.zeros((int(category.max()) + 1, _OF_CATEGORY), np.int64)
    kept = place < _OF_CATEGORY
    best[category[order][kept], place[kept]] = order[kept]
    return best


def _of_own_categories(history: History, facts: Facts, best: NDArray[np.int64]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = best[facts["category"][history.items[:, :_CATEGORIES]]]
    return found.reshape(len(found), -1)


def _once(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """`found` (e, c) with 0 for every further mention of an item."""
    ordered = np.sort(found, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = 0
    return ordered
