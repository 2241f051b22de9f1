"""Anonymity: what must hold of a published table, and how its generalisation is found."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.values.base import Value

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class Anonymity(Value):
    """The criteria that every class of equal quasi-identifiers must meet; what is missing is a value.

    `k`: customers in a class (Sweeney 2002). `l` and `diversity`: distinct values, exp(entropy), or with `c` the
    recursive (c, l) of a sensitive column (Machanavajjhala et al. 2007). `t` and `distance`: how far a class's
    sensitive values may be from the table's (Li et al. 2007). `beta`: how much likelier a class may make a
    sensitive value, in shares of its share of the table (enhanced beta-likeness, Cao & Karras 2012).
    `presence`: least and greatest share of the people of the table `population` that a class may hold
    (delta-presence, Nergiz et al. 2007). `suppression_limit`: the share of rows that may go.
    `search`: none (the spec's transforms, then suppression), lattice (the best levels for all rows) or mondrian
    (classes of their own), both chosen on the data; `weights`: how much a column's detail counts, default 1.
    """

    k: int = Field(default=10, ge=2)
    l: int = Field(default=1, ge=1)  # noqa: E741  # the paper's letter
    diversity: Literal["distinct", "entropy", "recursive"] = "distinct"
    c: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    t: float | None = Field(default=None, gt=0, le=1)
    distance: Literal["equal", "ordered"] = "equal"
    beta: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    presence: tuple[Share, Share] | None = None
    population: str | None = None
    suppression_limit: float = Field(default=0.1, ge=0, le=1)
    search: Literal["none", "lattice", "mondrian"] = "none"
    weights: dict[str, Weight] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> Anonymity:
        if (self.c is None) == (self.diversity == "recursive"):
            raise ValueError("recursive diversity needs c, and nothing else has one; see docs/spec.md")
        if self.diversity != "distinct" and self.l < 2:
            raise ValueError(f"{self.diversity} diversity needs l of 2 or more; raise l")
        if self.distance != "equal" and self.t is None:
            raise ValueError("distance says how t is measured; give t or take distance out")
        if (self.presence is None) != (self.population is None):
            raise ValueError("presence is a share of a population; name both or neither")
        if self.presence is not None and not self.presence[0] <= self.presence[1]:
            raise ValueError("presence is [low, high] with low <= high")
        if self.presence is not None and self.search == "mondrian":
            raise ValueError(
                "presence is counted at one level a column, and mondrian has none; set search: lattice"
            )
        if self.weights and self.search == "none":
            raise ValueError("weights guide a search; set search to lattice or mondrian, or take them out")
        return self

    @property
    def beyond_k_and_l(self) -> bool:
        """True if a criterion needs more than the sizes of classes and their numbers of sensitive values."""
        rest = (self.t, self.beta, self.presence)
        return self.diversity != "distinct" or any(criterion is not None for criterion in rest)

    @property
    def least_entropy(self) -> float:
        """The least entropy, in nats, of a class's sensitive values under entropy diversity."""
        return math.log(self.l)
