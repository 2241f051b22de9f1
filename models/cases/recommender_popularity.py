"""Popularity: how many customers buy each item, as a statistic with noise, and what is made of it.

It is the baseline, the prior of the model, the list for customers who want nothing personal, and where the popular
negatives are drawn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.recommender_events import Events
from models.privacy.statistics import Contributions, Statistic

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import Facts

LIST: Final = 20  # items of a list
_SURE: Final = 2.5  # standard deviations of noise above which an item's own count is believed
_LEAST: Final = 0.05  # a count of customers: nothing is impossible


def contributions(rows: ir.Table, _: Facts, items: int) -> Contributions:
    """One for every item of a customer's history as it is now; a customer's vector is clipped to norm 1."""
    events = Events.of(rows.filter(rows.place == 0))
    who, place = np.nonzero(events.history)
    return Contributions(
        customer=who.astype(np.int64),
        cell=events.history[who, place].astype(np.int64),
        value=np.ones(len(who)),
        cells=items,
    )


def _bought(rows: ir.Table, facts: Facts) -> Contributions:
    return contributions(rows, facts, len(facts["category"]))


POPULARITY: Final = Statistic(name="popularity", share=0.1, contributions=_bought)


def popularity(facts: Facts) -> NDArray[np.float64]:
    """The estimated share of purchases of each item (N + 1,), 0 for item 0. Post-processing of the noised counts.

    How large the noise is shows in the counts below zero. An item whose count stands out from it keeps that; the
    others, new ones among them, share what their category has left.
    """
    noised, category = facts[POPULARITY.name].astype(np.float64), facts["category"]
    below = noised[1:][noised[1:] < 0]
    stddev = float(np.sqrt(np.mean(below**2))) if len(below) else 0.0
    sure = noised > _SURE * stddev
    left = np.bincount(category, np.where(sure, 0.0, noised))
    among = np.bincount(category, ~sure)
    rest = np.maximum(left / np.maximum(among, 1), _LEAST)
    share = np.where(sure, noised, rest[category])
    share[0] = 0.0
    return np.asarray(share / share.sum())


def popular(facts: Facts, count: int = LIST) -> NDArray[np.int64]:
    """The `count` most popular items, the same for everybody."""
    share = popularity(facts)
    count = min(count, len(share) - 1)
    top = np.argpartition(-share, count - 1)[:count]
    return top[np.argsort(-share[top], kind="stable")]
