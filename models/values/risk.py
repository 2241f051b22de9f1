"""Risk as measured by attack: what was found, how surely, and what could have been found."""

from __future__ import annotations

from typing import Final

from pydantic import Field, model_validator

from models.values.base import Value
from models.values.language import Language
from models.values.scope import Measure, Scope

Curve = tuple[tuple[float, float], ...]
STRONGEST: Final = ("RMIA, online", "LiRA, online", "RMIA, offline", "LiRA, offline", "loss threshold")
"""Membership attacks by what they reach in general (benchmarks/_attacks.py), most first."""


OWN_PARTS: Final = 4
"""One part in so many of the error is for each of the two audits that every model gets: half for both."""


def parts_of_charged(number: int) -> int:
    """One part in how many of the error is for the charged audit of that `number` of a use case, from 1: 2 k (k + 1).

    The parts of all of them, however many there will be, add up to half, since 1 / (k (k + 1)) adds up to 1.
    """
    return 2 * number * (number + 1)


class Membership(Value):
    """One membership attack on one group of customers: can the model's members be told from others?

    `group` is "all" or the name of a slice. `roc` are points (false positive rate, true positive rate) that reach down
    to small rates. All of it is internal.
    """

    attack: str
    group: str = "all"
    members: int = Field(ge=0)
    others: int = Field(ge=0)
    auc: Measure
    tpr_at_01_percent: Measure
    tpr_at_1_percent: Measure
    seconds: float = Field(ge=0)
    roc: Curve = ()


class Leakage(Value):
    """What a model tells of one attribute of a customer who was trained on, in bits (docs/risk.md).

    `prior` is the uncertainty H of the attribute for somebody who has a model of the same kind that was trained
    without the customer, `left` the cross-entropy of the best attack with the model, which is never less than H(P|M),
    and `bits` the difference: an estimate from below of I(P;M). `advantage` is the same in right guesses. `upper` is
    the accountant's bound of I(P;M), whatever the attack.
    """

    attribute: str
    values: int = Field(ge=2)
    prior: Measure
    left: Measure
    bits: Measure
    advantage: Measure
    upper: float = Field(ge=0)
    how: str


class EpsilonAudit(Value):
    """A lower bound of epsilon that a run has shown, beside what was claimed of it.

    `audited` names the run. `confidence` is of this bound alone: it has one part in `audits` of the error of all bounds
    that hold together. `contradictions` say what ran otherwise than accounted for, each in a sentence; `power` what
    could have been seen. `scope` is public of a run with canaries alone, in which no customer took part.
    """

    kind: str
    audited: str
    claimed: float = Field(gt=0)
    epsilon_low: float = Field(ge=0)
    confidence: float = Field(gt=0, lt=1)
    audits: int = Field(ge=1)
    canaries: int = Field(ge=1)
    guesses: int = Field(ge=0)
    correct: int = Field(ge=0)
    contradictions: tuple[str, ...] = ()
    power: str
    seconds: float = Field(ge=0)
    scope: Scope = "internal"

    @model_validator(mode="after")
    def _counted(self) -> EpsilonAudit:
        if self.correct > self.guesses or self.guesses > self.canaries:
            raise ValueError("correct <= guesses <= canaries does not hold; count again")
        return self

    @property
    def broken(self) -> bool:
        """Whether the claim does not survive this audit."""
        return self.epsilon_low > self.claimed or bool(self.contradictions)


class Exposure(Value):
    """How much better a model of text knows sentences that an audit planted in its training than others like them.

    `audited` names the run. `bits` is the mean exposure of `planted` sentences among `others` that might have been
    planted instead, `chance` what a model shows that learnt none, and `power` says what would have been found. `twin`
    is what the same training without privacy shows, if there was time for it. `missing` says why `bits` is None.
    """

    audited: str = ""
    language: Language | None = None
    planted: int = Field(default=0, ge=0)
    others: int = Field(default=0, ge=0)
    bits: Measure | None = None
    chance: float = Field(default=0, ge=0)
    twin: Measure | None = None
    power: str = ""
    missing: str = ""

    @model_validator(mode="after")
    def _measured_or_not(self) -> Exposure:
        if (self.bits is None) != bool(self.missing):
            raise ValueError("an exposure has bits, or says why they are missing; give one of them")
        return self


class Risk(Value):
    """All that attacks found on one model.

    `upper_bits` bounds what the model tells of a customer, all attributes together (the accountant's, at order 1).
    `exposures` are of sentences planted in an audited run of the same plan, for a model of text. `others` are further
    attacks, such as reconstruction.
    """

    upper_bits: float = Field(ge=0)
    memberships: tuple[Membership, ...] = ()
    leakages: tuple[Leakage, ...] = ()
    audits: tuple[EpsilonAudit, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    others: tuple[Measure, ...] = ()

    @property
    def advantage(self) -> Measure | None:
        """Twice the membership AUC over all customers less one: 0 for no better than a coin. None if untried.

        Of several attacks the one that STRONGEST names first: chosen beforehand, not by what it found.
        """
        found = {each.attack: each.auc for each in self.memberships if each.group == "all"}
        tried = [found[attack] for attack in STRONGEST if attack in found]
        if not tried:
            return None
        value, low, high = (max(0.0, 2 * edge - 1) for edge in (tried[0].value, tried[0].low, tried[0].high))
        return tried[0].model_copy(
            update={"name": "membership advantage", "value": value, "low": low, "high": high}
        )
