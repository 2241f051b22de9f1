"""Sentences: canaries of text, planted among the customers of an audited run, and what its model then knows of them.

The run trains the case's own model under its plan, so the sentences cost no epsilon beside it. What they show is of
that run; a model that was trained under the same plan has the same chances to know a sentence by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.attacks.canary import Canaries, chance_exposure, exposures, found_from, mean_exposure, planted
from models.attacks.dirac import Company
from models.attacks.guessing import POWER
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss
from models.values.language import Language
from models.values.risk import Exposure
from models.values.scope import Measure

PLANTED: Final = 100  # in each language
OTHERS: Final = 1023
_APART: Final = 0.9  # of the sentences that a model must read differently
_DIGITS: Final = 4  # of an input, beyond which a difference is the arithmetic's

Read = Callable[[Sequence[str]], dict[str, NDArray[Any]]]
"""`UseCase.read`."""
Fit = Callable[[Any], Any]
"""`fit(customers) -> model`: the same training without privacy."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lot:
    """The canaries of one language, and the model's inputs (n, ...) of those planted and of the others."""

    language: Language
    canaries: Canaries
    own: dict[str, NDArray[Any]]
    others: dict[str, NDArray[Any]]

    @classmethod
    def draw(cls, read: Read, *, language: Language, **sizes: Any) -> Lot:
        """Canaries of these `sizes` (see `Canaries.draw`) as a model reads them."""
        drawn = Canaries.draw(language=language, **sizes)
        return cls(language=language, canaries=drawn, own=read(drawn.planted), others=read(drawn.others))

    def among(self, customers: CustomerExamples) -> CustomerExamples:
        """`customers` and one more for each canary."""
        return planted(customers, self.own, self.canaries.labels)

    @property
    def apart(self) -> float:
        """The share of sentences that the model reads differently from every one before it."""
        held = [
            np.concatenate([self.own[name], self.others[name]]).astype(np.float32).round(_DIGITS)
            for name in self.own
        ]
        seen = {b"".join(array[row].tobytes() for array in held) for row in range(len(held[0]))}
        return len(seen) / len(held[0])

    def exposure(self, model: Any, loss: Loss) -> Measure:
        """The mean exposure of what was planted, in `model`. A loss that is no number is as bad as any."""
        own, others = (
            np.asarray(model(arrays, training=False), np.float64) for arrays in (self.own, self.others)
        )
        labels = self.canaries.labels
        instead = [loss(np.full(len(others), label), others) for label in labels]
        losses, ranked = (
            np.nan_to_num(np.asarray(each), nan=np.inf) for each in (loss(labels, own), instead)
        )
        return mean_exposure(exposures(losses, ranked))


@dataclass(frozen=True, kw_only=True, eq=False)
class Planting:
    """A `company` with sentences among its customers, who train `model`. Without lots it is as it was."""

    company: Company
    model: Any
    lots: tuple[Lot, ...]

    def exposures(self, *, audited: str, fit: Fit | None = None) -> tuple[Exposure, ...]:
        """What the trained model knows of the sentences, in each language, beside its twin by `fit`. Internal."""
        models = {"bits": self.model}
        if fit is not None and self.lots:
            models["twin"] = fit(self.company.customers)
        return tuple(_shown(lot, models, self.company.case.loss, audited) for lot in self.lots)


def plant(
    company: Company, *, planted_each: int = PLANTED, others: int = OTHERS, seed: int | None = None
) -> Planting:
    """Plant sentences in every language that a case of text answers in; in any other case nothing.

    Each is a customer who gives nothing else, in a class by lot. `seed` is of the sentences, never of the trainer.
    """
    case, facts, customers = company.case, company.facts, company.customers
    if case.read is None:
        return Planting(company=company, model=None, lots=())
    model, lots = case.build_model(facts), []
    for number, language in enumerate(_languages(facts)):
        lot = Lot.draw(
            case.read,
            language=language,
            planted=planted_each,
            others=others,
            classes=int(model.output_shape[-1]),
            seed=None if seed is None else seed + number,
        )
        customers = lot.among(customers)
        lots.append(lot)
    return Planting(
        company=replace(company, case=replace(case, build_model=lambda _: model), customers=customers),
        model=model,
        lots=tuple(lots),
    )


def _languages(facts: Mapping[str, NDArray[Any]]) -> tuple[Language, ...]:
    answered = set(facts["entry_language"].tolist())
    return tuple(language for language in get_args(Language) if language in answered)


def _shown(lot: Lot, models: Mapping[str, Any], loss: Loss, audited: str) -> Exposure:
    count, others = len(lot.canaries.planted), len(lot.canaries.others)
    named = {"audited": audited, "language": lot.language, "planted": count, "others": others}
    if (apart := lot.apart) < _APART:
        why = f"the model reads only {apart:.0%} of the sentences apart, so it could not know one by heart"
        return Exposure(**named, missing=why)
    known = found_from(count, others, power=POWER)
    return Exposure(
        **named,
        **{name: lot.exposure(model, loss) for name, model in models.items()},
        chance=chance_exposure(others),
        power=f"{known} of {count} sentences known by heart would have been found with a chance of {POWER:g}",
    )
