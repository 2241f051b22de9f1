"""The examples of customers, ready to train on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.privacy.errors import PrivacyError

Features = NDArray[Any] | dict[str, NDArray[Any]]


def each_array(features: Features, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Features:
    """`features` with `change` applied to every array."""
    if isinstance(features, dict):
        return {name: change(array) for name, array in features.items()}
    return change(features)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomerExamples:
    """At most m examples of each of n customers.

    `features` is (n, m, ...), e.g. (n, m, d) float32 or (n, m, T) int32 of tokens, or a dict of such arrays for a
    model with several named inputs. `labels` is (n, m, ...), `mask` (n, m) bool: True where the example exists.
    `groups` (n,) int64 numbers the household of each customer, where households are known; customers of one
    household are not independent of each other. Raises PrivacyError if shapes disagree.
    """

    features: Features
    labels: NDArray[Any]
    mask: NDArray[np.bool_]
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        rows = self.mask.shape
        arrays = [self.labels, *self.leaves()]
        if self.mask.ndim != 2 or any(array.shape[:2] != rows for array in arrays):
            raise PrivacyError(
                "features (n, m, ...), labels (n, m, ...) and mask (n, m) disagree; rebuild the examples"
            )
        if self.groups is not None and self.groups.shape != rows[:1]:
            raise PrivacyError("groups must hold one number per customer; rebuild the examples")

    def __repr__(self) -> str:
        return f"CustomerExamples(max_examples={self.max_examples}, features={self.leaves()[0].shape[2:]})"

    def leaves(self) -> list[NDArray[Any]]:
        """The arrays of `features`."""
        return list(self.features.values()) if isinstance(self.features, dict) else [self.features]

    @classmethod
    def from_rows(
        cls, features: Features, labels: NDArray[Any], customer: NDArray[Any] | None, *, max_examples: int
    ) -> CustomerExamples:
        """Rows `features` (rows, ...) and `labels` (rows, ...) by whose they are, `customer` (rows,).

        Of a customer with more than `max_examples` rows so many are drawn at random, whatever others have; without
        `customer` every row is one. Raises PrivacyError if the lengths disagree.
        """
        rows = len(labels)
        leaves = features.values() if isinstance(features, dict) else [features]
        if any(len(array) != rows for array in leaves) or (customer is not None and len(customer) != rows):
            raise PrivacyError("features, labels and customers are not of the same number of rows")
        whose = np.arange(rows) if customer is None else np.unique(customer, return_inverse=True)[1]
        order = np.lexsort((np.random.default_rng().random(rows), whose))
        starts = np.searchsorted(whose[order], np.arange(whose.max(initial=-1) + 1))
        place = np.arange(rows) - starts[whose[order]]
        kept, place = order[place < max_examples], place[place < max_examples]
        shape = (len(starts), max_examples)

        def spread(array: NDArray[Any]) -> NDArray[Any]:
            filled = np.zeros((*shape, *array.shape[1:]), array.dtype)
            filled[whose[kept], place] = array[kept]
            return filled

        return cls(
            features=each_array(features, spread), labels=spread(labels), mask=spread(np.ones(rows, np.bool_))
        )

    @property
    def customers(self) -> int:
        """n, an exact private number."""
        return len(self.mask)

    @property
    def max_examples(self) -> int:
        """m, the public cap of examples per customer."""
        return int(self.mask.shape[1])

    def take(self, chosen: NDArray[np.int64]) -> CustomerExamples:
        """The customers at the indices `chosen`."""
        return CustomerExamples(
            features=each_array(self.features, lambda array: array[chosen]),
            labels=self.labels[chosen],
            mask=self.mask[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )

    def slices(self, size: int) -> Iterator[CustomerExamples]:
        """The customers in their order, at most `size` at a time."""
        for start in range(0, self.customers, size):
            yield self.take(np.arange(start, min(start + size, self.customers)))

    def group_of(self) -> NDArray[np.int64]:
        """The household of each customer (n,); every customer its own where households are unknown."""
        return np.arange(self.customers) if self.groups is None else self.groups
