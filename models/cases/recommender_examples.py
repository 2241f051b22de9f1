"""Examples of the recommender: a basket, and items that could have been in it.

The items of the basket are told apart from negatives of three kinds: any of the public catalogue, items in proportion
to their DP-released popularity, and items of the customer's own history. So no customer's purchases become another
one's negatives. Which are drawn follows from a hash of the customer's pseudonym, whoever else there is.

A softmax over few candidates stands for one over the catalogue if the score of each negative is raised by
-log(how often it is expected among them): Bengio & Senecal 2008, *Adaptive Importance Sampling to Accelerate Training
of a Neural Probabilistic Language Model*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.hashing import mixed
from models.cases.recommender_baskets import BASKETS, TARGETS
from models.cases.recommender_events import Events, pair_codes
from models.cases.recommender_popularity import popularity
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.case import Facts

UNIFORM, POPULAR, OWN = 6, 12, 6
NEGATIVES: Final = UNIFORM + POPULAR + OWN
CANDIDATES: Final = TARGETS + NEGATIVES
_NEVER: Final = -30.0  # the log-odds of a candidate that is none


def examples(rows: ir.Table, part: str, facts: Facts) -> CustomerExamples:
    """The latest baskets of the customers of one part; see `from_events`."""
    return from_events(Events.of(rows.filter((rows.part == part) & (rows.place > 0))), facts)


def from_events(events: Events, facts: Facts) -> CustomerExamples:
    """Examples whose labels (n, BASKETS, TARGETS) are a basket's items, -1 for none.

    Features: `items` (n, m, HISTORY + CANDIDATES), `times` and `since` (n, m, HISTORY) of the history, `before` (n, m),
    `codes` (n, m, CANDIDATES, 4) and `offset` (n, m, CANDIDATES).
    """
    negatives, offset = _negatives(events, facts)
    candidates = np.concatenate([np.maximum(events.bought, 0), negatives], axis=1)
    none = np.zeros((len(events), TARGETS), np.float32)
    features = {
        "items": np.concatenate([events.history, candidates], axis=1).astype(np.int32),
        "times": events.times,
        "since": events.since,
        "before": events.before,
        "codes": pair_codes(candidates, events.history, events.times, events.since, events.before, facts),
        "offset": np.concatenate([none, offset], axis=1).astype(np.float32),
    }
    names, who = np.unique(events.customer, return_inverse=True)
    shape = (len(names), BASKETS)

    def spread(array: NDArray[Any]) -> NDArray[Any]:
        filled = np.zeros((*shape, *array.shape[1:]), array.dtype)
        filled[who, events.place - 1] = array
        return filled

    groups = None
    if events.household is not None:
        groups = np.zeros(len(names), np.int64)
        groups[who] = np.unique(events.household, return_inverse=True)[1]
    return CustomerExamples(
        features={name: spread(array) for name, array in features.items()},
        labels=spread(events.bought),
        mask=spread(np.ones(len(events), np.bool_)),
        groups=groups,
    )


def _negatives(events: Events, facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Negatives (e, NEGATIVES) and what raises the score of each; a target or no item is none."""
    share = popularity(facts)
    items = len(share) - 1
    chance = _uniform(events)
    held = (events.history > 0).sum(axis=1)
    anything = 1 + (chance[:, :UNIFORM] * items).astype(np.int64)
    summed = np.cumsum(share[1:])
    liked = 1 + np.searchsorted(summed[:-1], chance[:, UNIFORM:-OWN] * summed[-1], side="right")
    place = (chance[:, -OWN:] * held[:, None]).astype(np.int64)
    own = np.take_along_axis(events.history, place, axis=1)
    drawn = np.concatenate([anything, liked, own], axis=1)
    of_own = (drawn[:, :, None] == events.history[:, None, :]).any(axis=2) / np.maximum(held, 1)[:, None]
    expected = UNIFORM / items + POPULAR * share[drawn] + OWN * of_own
    target = (drawn[:, :, None] == events.bought[:, None, :]).any(axis=2)
    return drawn, np.where(target | (drawn == 0), _NEVER, -np.log(np.maximum(expected, 1e-12)))


def _uniform(events: Events) -> NDArray[np.float64]:
    """Numbers (e, NEGATIVES) in [0, 1) that follow from customer and place alone."""
    import pandas as pd

    names, who = np.unique(events.customer, return_inverse=True)
    hashed: NDArray[np.uint64] = pd.util.hash_array(names.astype(object))
    seed = mixed(hashed[who] + events.place.astype(np.uint64))
    turn: NDArray[np.uint64] = np.arange(NEGATIVES).astype(np.uint64)
    drawn = mixed(seed[:, None] + turn)
    return np.asarray((drawn >> np.uint64(11)).astype(np.float64) / 2.0**53)
