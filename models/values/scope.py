"""The scope of a number: who may see it, and how a count is disclosed outside (docs/privacy.md, rule 3).

*public*: depends on no private data. *dp_released*: computed by a mechanism whose spend is in the
ledger. *internal*: everything else; encrypted and access-controlled, unless the data is itself public.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from models.values.base import Value

Scope = Literal["public", "dp_released", "internal"]


class Measure(Value):
    """A number with its interval, its scope and how it was obtained.

    `low` and `high` bound `value` at `confidence`; a number without an error has low = value = high.
    """

    name: str
    value: float
    low: float
    high: float
    scope: Scope
    how: str
    confidence: float = 0.95

    @model_validator(mode="after")
    def _ordered(self) -> Measure:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"measure {self.name!r}: low <= value <= high does not hold")
        return self


def without_error(name: str, value: float, *, how: str) -> Measure:
    """A public number that has no error."""
    return Measure(name=name, value=value, low=value, high=value, scope="public", how=how)


def disclose(count: int, *, minimum: int, public: bool) -> str:
    """A count as it may leave the internal scope: exact if the data is public, else hidden under `minimum`.

    Counts of private data are rounded down to a multiple of `minimum`, so that two reports differ
    by one customer only by chance of a boundary; a count of zero is shown as below the minimum too.
    """
    if public:
        return str(count)
    if count < minimum:
        return f"<{minimum}"
    return f"~{count // minimum * minimum}"
