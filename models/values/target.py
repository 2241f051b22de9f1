"""The privacy target: what a training may cost a customer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.values.base import Value

Unit = Literal["customer"]
NeighbouringRelation = Literal["add_or_remove_one"]


class PrivacyTarget(Value):
    """(epsilon, delta) differential privacy of one training, with the unit that it protects.

    Definition 2.4 of Dwork & Roth, *The Algorithmic Foundations of Differential Privacy* (2014);
    neighbours differ by all rows of one customer. `n_public` is a public upper bound of the number of
    customers, never their exact private number, and delta may be at most 1 / (10 n_public).
    """

    epsilon: float = Field(default=3.0, gt=0, le=20)
    delta: float = Field(gt=0, lt=1)
    n_public: int = Field(ge=100)
    unit: Unit = "customer"
    neighbouring: NeighbouringRelation = "add_or_remove_one"

    @model_validator(mode="after")
    def _delta_is_small(self) -> PrivacyTarget:
        limit = 1 / (10 * self.n_public)
        if self.delta > limit:
            raise ValueError(f"delta {self.delta:g} is above 1/(10 n_public) = {limit:g}; lower delta")
        return self

    @classmethod
    def default_delta(cls, n_public: int) -> float:
        """min(1e-5, 1 / (10 n_public))."""
        return min(1e-5, 1 / (10 * n_public))
