"""The privacy target: what a training may cost a customer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from models.values.base import Value

Unit = Literal["customer"]
NeighbouringRelation = Literal["add_or_remove_one"]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=10, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class PrivacyTarget(Value):
    """(epsilon, delta) differential privacy of one training, with the unit that it protects.

    Definition 2.4 of Dwork & Roth, *The Algorithmic Foundations of Differential Privacy* (2014);
    neighbours differ by all rows of one customer. `n_public` is a public upper bound of the number of
    customers, never their exact private number, and delta may be at most 1 / (10 n_public).

    `delta_exception` lifts that rule, and is the reason in plain words: only to compare with a figure that was
    published at such a delta. Claim and statement name it, delta stays below 1 / n_public, and no shop's training
    takes such a target (`Recipe.plan`, `Evidence`).
    """

    epsilon: float = Field(default=3.0, gt=0, le=20)
    delta: float = Field(gt=0, lt=1)
    n_public: int = Field(ge=100)
    unit: Unit = "customer"
    neighbouring: NeighbouringRelation = "add_or_remove_one"
    delta_exception: Reason | None = None

    @model_validator(mode="after")
    def _delta_is_small(self) -> PrivacyTarget:
        limit = 1 / (10 * self.n_public)
        if self.delta <= limit and self.delta_exception is not None:
            raise ValueError(f"delta {self.delta:g} needs no exception; leave delta_exception out")
        if self.delta > limit and self.delta_exception is None:
            raise ValueError(f"delta {self.delta:g} is above 1/(10 n_public) = {limit:g}; lower delta")
        if self.delta >= 1 / self.n_public:
            raise ValueError(
                f"delta {self.delta:g} is not below 1/n_public = {1 / self.n_public:g}, where even giving one "
                "customer away would be allowed; lower delta"
            )
        return self

    @classmethod
    def default_delta(cls, n_public: int) -> float:
        """min(1e-5, 1 / (10 n_public))."""
        return min(1e-5, 1 / (10 * n_public))
