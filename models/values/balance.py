"""The balance: points of utility, risk, compliance and cost, the front among them, and the one that is chosen."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from models.values.base import Value
from models.values.scope import Measure

Severity = Literal["hard", "high", "medium", "low"]
Number = float | int | str


class RuleResult(Value):
    """Whether one rule of a pack is met by a run; `holds` is None if it does not apply to it.

    `section` is the law's, `fix` what to do where the rule is not met. `translated` says `because` and `fix` in other
    languages than English.
    """

    rule: str
    regime: str
    section: str
    severity: Severity
    holds: bool | None
    because: str
    fix: str = ""
    translated: dict[str, tuple[str, str]] = Field(default_factory=dict)


class Compliance(Value):
    """The rules that apply to a run, and which are met. `packs` name each pack with its version and digest."""

    packs: tuple[str, ...]
    results: tuple[RuleResult, ...]
    unmet: float = Field(ge=0, le=1)

    @property
    def broken(self) -> tuple[RuleResult, ...]:
        """Hard rules that are not met: constraints, not objectives."""
        return tuple(each for each in self.results if each.severity == "hard" and each.holds is False)


class Point(Value):
    """One trial: what was chosen and what came of it, every number with its interval.

    `utility` is the case's metric (more is better), `risk` bits leaked about a customer (less is better; the
    accountant's upper bound as `upper_bits`, which constraints use), `unmet` the share of rules not met. `repeats` is
    how many trainings it had, of which the first does not count where there are more. `seconds` are those of one; on
    private data they follow from the plan alone.
    """

    number: int = Field(ge=0)
    choices: dict[str, Number]
    utility: Measure
    risk: Measure
    advantage: Measure
    upper_bits: float = Field(ge=0)
    epsilon: float = Field(ge=0)
    unmet: float = Field(ge=0, le=1)
    seconds: float = Field(ge=0)
    repeats: int = Field(default=1, ge=1)
    broken: tuple[str, ...] = ()


Objective = Literal["utility", "upper_bits", "risk", "advantage", "epsilon", "unmet", "seconds"]


class Constraint(Value):
    """A bound that a choice must keep: Risk <= epsilon and Compliance <= delta of the strategy, or the user's own."""

    what: Objective
    at_most: float | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Constraint:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"constraint on {self.what} needs either at_most or at_least")
        return self


class Choice(Value):
    """The chosen point, the reason in a sentence of each language, and what one step more or less privacy costs."""

    number: int
    reason: dict[str, str]
    stricter: dict[str, str] = Field(default_factory=dict)
    looser: dict[str, str] = Field(default_factory=dict)


class Front(Value):
    """The result of a search over one use case.

    `points` are all trials, `front` the numbers of those that none dominates and that keep every constraint, `knee`
    the one of the best bargain, `hypervolume` its growth trial by trial. `twin` is the training without privacy, which
    is not made on private data.
    `charged` is the epsilon that the search itself cost customers: 0 on public data.
    """

    shop: str
    use_case: str
    metric: str
    created_at: datetime
    data: str
    charged: float = Field(ge=0)
    constraints: tuple[Constraint, ...]
    packs: tuple[str, ...]
    points: tuple[Point, ...]
    front: tuple[int, ...]
    knee: int | None
    choice: Choice | None
    twin: Measure | None
    twin_risk: Measure | None = None
    hypervolume: tuple[float, ...]
    seconds: float = Field(ge=0)
    space: dict[str, Any] = Field(default_factory=dict)

    def point(self, number: int) -> Point:
        """The trial of that number. Raises KeyError if there is none."""
        for each in self.points:
            if each.number == number:
                return each
        raise KeyError(number)


class Position(Value):
    """Where a model stands against the last front, and what is proposed.

    `drifted` are the sentences that say what left its interval; `proposal` is a point of the front to go to, with
    `made` if the spec allows the flow to go there by itself.
    """

    front: str
    nearest: int | None
    chosen: int | None
    drifted: tuple[str, ...] = ()
    proposal: int | None = None
    reason: str = ""
    made: bool = False
