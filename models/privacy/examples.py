"""The examples of customers, ready to train on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.privacy.errors import PrivacyError


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CustomerExamples:
    """At most m examples of each of n customers, with d features.

    `features` is (n, m, d) float32, `labels` (n, m) float32 of 0 and 1, `mask` (n, m) bool: True where the
    example exists. `groups` (n,) int64 numbers the household of each customer, where households are known;
    customers of one household are not independent of each other. Raises PrivacyError if shapes disagree.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]
    mask: NDArray[np.bool_]
    groups: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        rows = self.features.shape[:2]
        if self.features.ndim != 3 or self.labels.shape != rows or self.mask.shape != rows:
            raise PrivacyError(
                "features (n, m, d), labels (n, m) and mask (n, m) disagree; rebuild the examples"
            )
        if self.groups is not None and self.groups.shape != rows[:1]:
            raise PrivacyError("groups must hold one number per customer; rebuild the examples")

    def __repr__(self) -> str:
        return f"CustomerExamples(max_examples={self.max_examples}, features={self.features.shape[2]})"

    @property
    def customers(self) -> int:
        """n, an exact private number."""
        return len(self.features)

    @property
    def max_examples(self) -> int:
        """m, the public cap of examples per customer."""
        return int(self.features.shape[1])

    def take(self, chosen: NDArray[np.int64]) -> CustomerExamples:
        """The customers at the indices `chosen`."""
        return CustomerExamples(
            features=self.features[chosen],
            labels=self.labels[chosen],
            mask=self.mask[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )

    def group_of(self) -> NDArray[np.int64]:
        """The household of each customer (n,); every customer its own where households are unknown."""
        return np.arange(self.customers) if self.groups is None else self.groups
