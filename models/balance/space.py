"""The space: which public choices of a training are searched, and between which bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import Field, model_validator

from models.cases.case import CaseError, UseCase
from models.values.balance import Number
from models.values.base import Value
from models.values.target import PrivacyTarget

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

Name = Literal["epsilon", "learning_rate", "clipping_norm", "sampling_rate", "steps", "size", "coarseness"]
Choices = dict[str, Number]
COARSEST: Final = 4  # levels of coarser values that a case offers, 0 being none
_LEAST_EPSILON: Final = 0.1
SECONDS: Final = "seconds"  # under this name a study keeps what a trial took
_DIGITS: Final = 3


class Knob(Value):
    """One choice: what it is and the bounds between which it is searched, both included.

    `log` searches its logarithm; `whole` takes whole numbers only.
    """

    name: Name
    low: float
    high: float
    log: bool = True
    whole: bool = False

    @model_validator(mode="after")
    def _can_be_searched(self) -> Knob:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(
                f"knob {self.name!r} needs low < high, and low > 0 on a logarithmic scale; it has {self.low:g} and "
                f"{self.high:g}"
            )
        return self

    def at(self, place: float) -> Number:
        """The value at `place` (0..1) of the way from low to high on the knob's scale."""
        if self.log:
            return self.kept(self.low * (self.high / self.low) ** place)
        return self.kept(self.low + place * (self.high - self.low))

    def place(self, value: float) -> float:
        """Where a value lies, 0..1 of the way from low to high on the knob's scale."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def kept(self, value: float) -> Number:
        """`value` as it is recorded and used: three significant digits, within the bounds, whole where it must be."""
        if self.whole:
            return int(min(max(round(value), math.ceil(self.low)), math.floor(self.high)))
        digits = _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else 0
        return float(min(max(round(value, digits), self.low), self.high))

    def distribution(self) -> BaseDistribution:
        """The knob as Optuna knows it."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(math.ceil(self.low), math.floor(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def asked(self, trial: Trial) -> Number:
        """What an Optuna trial suggests for this knob."""
        if self.whole:
            low, high = math.ceil(self.low), math.floor(self.high)
            return trial.suggest_int(self.name, low, high, log=self.log)
        return self.kept(trial.suggest_float(self.name, self.low, self.high, log=self.log))


class Space(Value):
    """What is searched, and the case's own choices, from which every search starts.

    No bound depends on customers' data: they are made from the case's recipe and the spec's target, both public.
    """

    knobs: tuple[Knob, ...] = Field(min_length=1)
    default: Choices

    @model_validator(mode="after")
    def _starts_inside(self) -> Space:
        names = [knob.name for knob in self.knobs]
        if len(set(names)) < len(names) or set(names) != set(self.default):
            raise ValueError("each knob needs one name and one default; name each once")
        outside = [
            knob.name for knob in self.knobs if not knob.low <= float(self.default[knob.name]) <= knob.high
        ]
        if outside:
            raise ValueError(f"the default of {', '.join(outside)} is out of its bounds; widen them")
        return self

    def suggest(self, trial: Trial) -> Choices:
        """What an Optuna trial suggests for every knob."""
        return {knob.name: knob.asked(trial) for knob in self.knobs}

    def starts(self) -> tuple[Choices, ...]:
        """What a search tries first: the recipe as it is, then the recipe at a third and at a tenth of its epsilon."""
        found = [self.default]
        for knob in self.knobs:
            if knob.name == "epsilon":
                own = float(self.default["epsilon"])
                lower = [knob.kept(own / part) for part in (3, 10)]
                found += [
                    {**self.default, "epsilon": value} for value in dict.fromkeys(lower) if float(value) < own
                ]
        return tuple(found)

    def grid(self, count: int) -> list[Choices]:
        """A full grid of at most `count` points: as many as a product can have, and the knobs as even as can be.

        The first knobs get most values, each in the middle of an equal part of its scale; a knob with one value
        keeps the case's own.
        """
        levels = _levels(count, len(self.knobs))
        values = [
            [knob.at((place + 0.5) / many) for place in range(many)]
            if many > 1
            else [self.default[knob.name]]
            for knob, many in zip(self.knobs, levels, strict=True)
        ]
        names = [knob.name for knob in self.knobs]
        return [dict(zip(names, chosen, strict=True)) for chosen in product(*values)]


def space_of(case: UseCase, target: PrivacyTarget) -> Space:
    """The space around a case's recipe under a spec's target: epsilon up to the target's, the rest by factors."""
    recipe = case.recipe
    least_rate = min(recipe.sampling_rate, max(recipe.sampling_rate / 4, 8 / target.n_public))
    knobs: list[Knob] = [
        _epsilon(target.epsilon),
        _around("learning_rate", recipe.learning_rate, 5, 5),
        _around("clipping_norm", recipe.clipping_norm, 8, 4),
        Knob(name="sampling_rate", low=least_rate, high=min(1.0, recipe.sampling_rate * 4)),
        _around("steps", recipe.steps, 4, 2, whole=True),
    ]
    default: Choices = {
        "epsilon": target.epsilon,
        "learning_rate": recipe.learning_rate,
        "clipping_norm": recipe.clipping_norm,
        "sampling_rate": recipe.sampling_rate,
        "steps": recipe.steps,
    }
    if case.sized is not None and case.size is not None:
        knobs.append(_around("size", case.size, 4, 4, whole=True))
        default["size"] = case.size
    if case.coarsened is not None:
        knobs.append(Knob(name="coarseness", low=0, high=COARSEST, log=False, whole=True))
        default["coarseness"] = 0
    return Space(knobs=tuple(knobs), default=default)


def variant(case: UseCase, choices: Mapping[str, Number]) -> UseCase:
    """`case` with `choices` in place of its recipe's. Raises CaseError for a choice that it does not have."""
    left = {name: value for name, value in choices.items() if name != "epsilon"}
    for name, change in (("size", case.sized), ("coarseness", case.coarsened)):
        if name in left and (change is None or isinstance(left[name], str)):
            raise CaseError(f"case {case.name!r} cannot change its {name}; take {name} out of the choices")
    size, coarseness = left.pop("size", None), left.pop("coarseness", None)
    if unknown := [name for name in left if name not in type(case.recipe).model_fields]:
        raise CaseError(f"choice {', '.join(unknown)} is none of a recipe's; take it out of the choices")
    made = case
    if size is not None and size != case.size and case.sized is not None:
        made = case.sized(int(size))
    if coarseness and made.coarsened is not None:
        made = made.coarsened(int(coarseness))
    recipe = type(case.recipe).model_validate({**case.recipe.model_dump(), **left})
    if recipe == case.recipe:
        return made
    return replace(made, recipe=recipe, optimizer=_at_rate(made, recipe.learning_rate))


def aimed(target: PrivacyTarget, choices: Mapping[str, Number]) -> PrivacyTarget:
    """The spec's target with the epsilon of `choices`. Raises CaseError if that is above the spec's."""
    epsilon = float(choices.get("epsilon", target.epsilon))
    if epsilon > target.epsilon:
        raise CaseError(
            f"epsilon {epsilon:g} is above the target {target.epsilon:g} of the spec; choose a smaller one"
        )
    return PrivacyTarget.model_validate({**target.model_dump(), "epsilon": epsilon})


def _at_rate(case: UseCase, learning_rate: float) -> Any:
    def made() -> Any:
        optimizer = case.optimizer()
        optimizer.learning_rate = learning_rate
        return optimizer

    return made


def _epsilon(most: float) -> Knob:
    return Knob(name="epsilon", low=min(max(_LEAST_EPSILON, most / 10), most / 2), high=most)


def _around(name: Name, own: float, down: float, up: float, *, whole: bool = False) -> Knob:
    low, high = own / down, own * up
    if whole:
        low, high = max(1, math.ceil(low)), math.floor(high)
    return Knob(name=name, low=low, high=high, whole=whole)


def _levels(count: int, knobs: int) -> tuple[int, ...]:
    """How many values each knob gets: a product of at most `count`, as large as can be, then as even as can be."""
    found = (-1, 0, (1,) * knobs)

    def search(levels: tuple[int, ...], made: int) -> None:
        nonlocal found
        padded = levels + (1,) * (knobs - len(levels))
        found = max(found, (made, -max(padded), padded))
        if len(levels) == knobs:
            return
        for more in range(2, min(levels[-1] if levels else count, count // made) + 1):
            search((*levels, more), made * more)

    search((), 1)
    return found[2]
