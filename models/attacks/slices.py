"""Slices: the customers whom a model may know better than others, as masks over members and others.

What is rare is counted among the customers under attack; slices are internal.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.attacks.membership import together
from models.privacy.examples import CustomerExamples

Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
"""Which of the members (n,) and which of the others (k,) belong to a slice."""

HEAVY: Final = 0.75  # of the public cap of examples: who has at least so many
RARE: Final = 0.1  # a value that at most this share of customers has
_MOST: Final = 0.5  # a group of more customers than this is not a rare one
_VALUES: Final = 10_000  # an array with more different values is of measurements, not of kinds


def slices_of(members: CustomerExamples, others: CustomerExamples) -> dict[str, Masks]:
    """Heavy customers, and those with a rare label or a rare feature, by name; a slice of nobody or of most is none.

    *Heavy* has at least HEAVY of the public cap of examples. *Rare* has a label, an indicator, or a number of a list (a
    word, an item) that at most RARE of the customers have, and is among the tenth whose values are the rarest, with
    those who tie. Features that are measured have no rare values.
    """
    pool = together(members, others)
    found = {
        "heavy customers": _heavy(pool),
        "rare label": _rare(pool, [pool.labels]),
        "rare feature": _rare(pool, _kinds(pool)),
    }
    return {
        name: (chosen[: members.customers], chosen[members.customers :])
        for name, chosen in found.items()
        if 0 < chosen.mean() <= _MOST
    }


def _heavy(pool: CustomerExamples) -> NDArray[np.bool_]:
    if pool.max_examples < 2:
        return np.zeros(pool.customers, np.bool_)
    return np.asarray(pool.mask.sum(axis=1) >= math.ceil(HEAVY * pool.max_examples))


def _kinds(pool: CustomerExamples) -> list[NDArray[Any]]:
    """Arrays (n, m, ...) of whole numbers: those of lists as they are, each column of indicators as one."""
    kinds: list[NDArray[Any]] = []
    for leaf in pool.leaves():
        if leaf.dtype.kind in "iu":
            kinds.append(leaf)
        elif leaf.ndim == 3:
            columns = np.moveaxis(leaf, -1, 0)
            kinds += [column.astype(np.int8) for column in columns if np.isin(column, (0, 1)).all()]
    return kinds


def _rare(pool: CustomerExamples, arrays: list[NDArray[Any]]) -> NDArray[np.bool_]:
    """The customers (n,) who have one of the rarest values of `arrays` (n, m, ...)."""
    shares = np.min([np.ones(pool.customers), *(_shares(pool, array) for array in arrays)], axis=0)
    return np.asarray(shares <= min(RARE, float(np.quantile(shares, RARE))))


def _shares(pool: CustomerExamples, array: NDArray[Any]) -> NDArray[np.float64]:
    """The share of customers who have it, of the rarest value that each customer (n,) has in `array`."""
    there = np.broadcast_to(pool.mask.reshape(pool.mask.shape + (1,) * (array.ndim - 2)), array.shape)
    values, number = np.unique(array[there], return_inverse=True)
    rarest = np.ones(pool.customers)
    if len(values) > _VALUES:
        return rarest
    held = np.unique(number.reshape(-1) * pool.customers + np.nonzero(there)[0])
    value, customer = np.divmod(held, pool.customers)
    shares = np.bincount(value, minlength=len(values)) / pool.customers
    np.minimum.at(rarest, customer, shares[value])
    return rarest
