"""What attackers on a recommender ask: which item of some was bought last, and what a customer's vector was made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.case import Attribute, Embedded
from models.cases.recommender_baskets import HISTORY
from models.cases.recommender_events import Events, pair_codes
from models.cases.recommender_model import towers
from models.cases.recommender_popularity import popular, popularity
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import Facts, UseCase

MOST: Final = 1000
_LAST: Final = 0  # the basket, and its first item
_CANDIDATE: Final = HISTORY  # where that item stands in `items`


def attributes(facts: Facts) -> tuple[Attribute, ...]:
    """The department of an item of the customer's last basket.

    Of each department the attacker knows one item that it may have been: the right one of the customer's own, else the
    most popular one. Values are the departments in their order.
    """
    department = facts["department"]
    best = _most_popular(department, popularity(facts))

    def truth(customers: CustomerExamples) -> NDArray[np.int64]:
        bought = np.maximum(customers.labels[:, _LAST, _LAST], 0)
        return np.where(customers.mask[:, _LAST], department[bought] - 1, -1).astype(np.int64)

    def having(customers: CustomerExamples, value: int) -> CustomerExamples:
        bought = np.where(truth(customers) == value, customers.labels[:, _LAST, _LAST], best[value])
        return _bought(customers, bought, facts)

    name = "department of an item bought last"
    return (Attribute(name=name, values=len(best), truth=truth, having=having),)


def embedded(case: UseCase, rows: ir.Table, part: str, model: Any, facts: Facts) -> Embedded:
    """The customer's tower for the next basket, and which of the MOST most popular items its history holds."""
    del case
    events = Events.of(rows.filter((rows.part == part) & (rows.place == 0)))
    customer, _ = towers(model)
    place = np.full(len(facts["department"]), MOST)
    liked = popular(facts, MOST)
    place[liked] = np.arange(len(liked))
    given = np.zeros((len(events), MOST + 1), np.bool_)
    given[np.arange(len(events))[:, None], place[events.history]] = (
        True  # the last column is of all other items
    )
    vectors = np.asarray(customer([events.history, events.times]))
    return Embedded(what="items bought", vectors=vectors, given=given[:, : len(liked)], sets=True)


def _bought(customers: CustomerExamples, item: NDArray[np.int64], facts: Facts) -> CustomerExamples:
    """The customers with another first item (n,) in their last basket, and what their history says of it."""
    assert isinstance(customers.features, dict)
    features = dict(customers.features)
    last = {name: features[name][:, _LAST] for name in ("items", "times", "since", "before")}
    codes = pair_codes(
        item[:, None], last["items"][:, :HISTORY], last["times"], last["since"], last["before"], facts
    )
    for name, place, value in (("items", _CANDIDATE, item), ("codes", 0, codes[:, 0])):
        features[name] = features[name].copy()
        features[name][:, _LAST, place] = value
    labels = customers.labels.copy()
    labels[:, _LAST, _LAST] = item
    return replace(customers, features=features, labels=labels)


def _most_popular(department: NDArray[np.integer], share: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most popular item of each department (departments,), which are numbered from 1."""
    order = np.lexsort((-share, department))
    held = order[department[order] > 0]
    first = np.unique(department[held], return_index=True)[1]
    return held[first].astype(np.int64)
