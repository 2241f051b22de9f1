"""Attributes of customers, made of the arrays that a case trains on: features and labels of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.cases.case import Attribute
from models.privacy.examples import CustomerExamples

Codes = NDArray[np.floating]
_FIRST: Final = 0  # the example that is asked about; which of a customer's it is follows from pseudonyms


def class_of_first(name: str, values: int) -> Attribute:
    """Which of `values` classes the label of the customer's first example is."""

    def truth(customers: CustomerExamples) -> NDArray[np.int64]:
        return _known(customers, customers.labels[:, _FIRST].astype(np.int64))

    def having(customers: CustomerExamples, value: int) -> CustomerExamples:
        labels = customers.labels.copy()
        labels[:, _FIRST] = value
        return replace(customers, labels=labels)

    return Attribute(name=name, values=values, truth=truth, having=having)


def any_positive(name: str) -> Attribute:
    """Whether (1) or not (0) one of a customer's labels is positive.

    Whoever asks knows which one it would be: where none is, the first example's.
    """

    def truth(customers: CustomerExamples) -> NDArray[np.int64]:
        return _known(customers, _positive(customers).astype(np.int64))

    def having(customers: CustomerExamples, value: int) -> CustomerExamples:
        labels = customers.labels.copy()
        if value:
            labels[~_positive(customers), _FIRST] = 1
        else:
            labels[customers.mask] = 0
        return replace(customers, labels=labels)

    return Attribute(name=name, values=2, truth=truth, having=having)


def feature_of_first(name: str, columns: Sequence[int], codes: Sequence[Sequence[float]]) -> Attribute:
    """Which of `codes` (values, c) is nearest to the features `columns` (c,) of the customer's first example.

    What is no nearer than 1 to any of them is none. Features are one array (n, m, d).
    """
    known = np.asarray(codes, dtype=np.float32)

    def distances(customers: CustomerExamples) -> NDArray[np.float32]:
        held = np.asarray(customers.features)[:, _FIRST][:, list(columns)]
        return np.asarray(np.linalg.norm(held[:, None] - known[None], axis=2))

    def truth(customers: CustomerExamples) -> NDArray[np.int64]:
        far = distances(customers)
        return _known(customers, np.where(far.min(axis=1) < 1, far.argmin(axis=1), -1))

    def having(customers: CustomerExamples, value: int) -> CustomerExamples:
        features = np.array(customers.features)
        others = np.flatnonzero(truth(customers) != value)
        features[others[:, None], _FIRST, list(columns)] = known[value]
        return replace(customers, features=features)

    return Attribute(name=name, values=len(codes), truth=truth, having=having)


def one_of(name: str, names: Sequence[str], columns: Sequence[str]) -> Attribute:
    """Which of `columns`, of which at most one is 1, it is for the customer's first example; `names` are all."""
    return feature_of_first(name, _places(names, columns), np.eye(len(columns)).tolist())


def is_set(name: str, names: Sequence[str], column: str) -> Attribute:
    """Whether `column` of `names` is 1 or 0 for the customer's first example."""
    return feature_of_first(name, _places(names, (column,)), ((0.0,), (1.0,)))


def quarter_of_day(name: str, names: Sequence[str]) -> Attribute:
    """In which six hours (from 0, 6, 12, 18) the first example is, as `hour_sine` and `hour_cosine` tell."""
    middle = 2 * np.pi * (np.arange(4) * 6 + 2.5) / 24  # of six whole hours
    codes = np.stack([np.sin(middle), np.cos(middle)], axis=1)
    return feature_of_first(name, _places(names, ("hour_sine", "hour_cosine")), codes.tolist())


def _places(names: Sequence[str], columns: Sequence[str]) -> list[int]:
    return [list(names).index(column) for column in columns]


def _positive(customers: CustomerExamples) -> NDArray[np.bool_]:
    return np.asarray(((customers.labels > 0) & customers.mask).any(axis=1))


def _known(customers: CustomerExamples, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """`values` (n,), -1 where there is no first example."""
    return np.where(customers.mask[:, _FIRST], values, -1).astype(np.int64)
