"""Metrics of fraud detection beside the AUC: what a team that can look at few alerts gets of them.

As in the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot & Bontempi 2022, chapter 4). All are internal: they are
measured as they are, with a bootstrap over test customers (households where known), and have no private release.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.cases.arrays import DatedExamples
from models.cases.case import CaseError
from models.privacy.auc import bootstrapped
from models.privacy.examples import CustomerExamples
from models.values.scope import Measure

Floats = NDArray[np.float64]
Value = Callable[[Floats], float]
_RESAMPLES = 200


class _Ranked(NamedTuple):
    """Events (e,), the highest score first: whether it was fraud, and the number of its household."""

    fraud: NDArray[np.bool_]
    household: NDArray[np.int64]


@dataclass(frozen=True)
class _Internal(ABC):
    """A metric without a private release, which may therefore not be the one that decides."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As dossiers show it."""

    @property
    def chance(self) -> None:
        """Not public: it depends on how frequent fraud is."""
        return

    @abstractmethod
    def value(self, outputs: Any, test: CustomerExamples) -> Value:
        """The metric as a function of how often each household counts (households,)."""

    def exact(self, outputs: Any, test: CustomerExamples, *, seed: int) -> Measure:
        """See Metric."""
        of, households = self.value(outputs, test), max(1, int(test.group_of().max(initial=-1)) + 1)
        rng, share = np.random.default_rng(seed), np.full(households, 1 / households)
        value = of(np.ones(households))
        drawn = [of(rng.multinomial(households, share).astype(np.float64)) for _ in range(_RESAMPLES)]
        return bootstrapped(self.name, value, drawn)

    def released(self, outputs: Any, test: CustomerExamples, *, epsilon: float, delta: float) -> Measure:
        """Raises CaseError."""
        raise CaseError(f"metric {self.name!r} has no private release; let AUC be the first of the metrics")


@dataclass(frozen=True)
class AveragePrecision(_Internal):
    """The mean over all frauds of the precision among events scored at least as high."""

    @property
    def name(self) -> str:
        """As dossiers show it."""
        return "average precision"

    def value(self, outputs: Any, test: CustomerExamples) -> Value:
        """See _Internal."""
        ranked = _ranked(outputs, test)

        def of(counts: Floats) -> float:
            events = counts[ranked.household]
            frauds = events * ranked.fraud
            precision = np.cumsum(frauds) / np.maximum(np.cumsum(events), 1)
            return float((precision * frauds).sum() / max(frauds.sum(), 1))

        return of


@dataclass(frozen=True)
class RecallAtAlerts(_Internal):
    """The part of all frauds that is among the `share` of events with the highest scores."""

    share: float = 0.01

    @property
    def name(self) -> str:
        """As dossiers show it."""
        return f"recall at {100 * self.share:g} % alerts"

    def value(self, outputs: Any, test: CustomerExamples) -> Value:
        """See _Internal."""
        ranked = _ranked(outputs, test)

        def of(counts: Floats) -> float:
            events = counts[ranked.household]
            frauds, above = events * ranked.fraud, np.cumsum(events)
            alerted = above <= self.share * above[-1:]
            return float((frauds * alerted).sum() / max(frauds.sum(), 1))

        return of


@dataclass(frozen=True)
class CardPrecision(_Internal):
    """Of the `cards` customers with the highest score of each day, the part that had fraud; the mean over days.

    A customer whose fraud was found leaves: the card is blocked.
    """

    cards: int = 100

    @property
    def name(self) -> str:
        """As dossiers show it."""
        return f"card precision at {self.cards}"

    def value(self, outputs: Any, test: CustomerExamples) -> Value:
        """See _Internal. Raises CaseError for examples without days."""
        days, household = _days(outputs, test), test.group_of()

        def of(counts: Floats) -> float:
            times = counts[household] if len(household) else np.zeros(0)
            return float(np.mean([*_found(days, times, self.cards)] or [0.0]))

        return of


def _found(days: list[tuple[Any, Any]], times: Floats, cards: int) -> list[float]:
    """The part of the `cards` looked at on each day that had fraud, customers standing for `times` (n,) of them."""
    left, precision = times.copy(), []
    for customers, fraud in days:
        count = left[customers]
        looked = np.clip(cards - (np.cumsum(count) - count), 0, count)
        precision.append(float((looked * fraud).sum()) / cards)
        left[customers[(looked > 0) & fraud]] = 0
    return precision


def _ranked(outputs: Any, test: CustomerExamples) -> _Ranked:
    scores = np.asarray(outputs)[test.mask]
    owner = np.broadcast_to(test.group_of()[:, None], test.mask.shape)[test.mask]
    order = np.argsort(-scores, kind="stable")
    return _Ranked((test.labels[test.mask] > 0.5)[order], owner[order])


def _days(outputs: Any, test: CustomerExamples) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """For each day the customers with an event, by their highest score, and whether one of the events was fraud."""
    if not isinstance(test, DatedExamples):
        raise CaseError("card precision needs the day of each example; give DatedExamples")
    customer, place = np.nonzero(test.mask)
    score, fraud = np.asarray(outputs)[customer, place], test.labels[customer, place] > 0.5
    order = np.lexsort((-score, customer, test.day[customer, place]))
    pair = np.stack([test.day[customer, place], customer])[:, order]
    starts = np.flatnonzero(np.append(True, (np.diff(pair) != 0).any(axis=0)) & (pair.shape[1] > 0))
    if not len(starts):
        return []
    day, who = pair[:, starts]
    highest, any_fraud = score[order][starts], np.logical_or.reduceat(fraud[order], starts)
    parts = []
    for first in np.split(np.arange(len(day)), np.flatnonzero(np.diff(day)) + 1):
        ranked = first[np.argsort(-highest[first], kind="stable")]
        parts.append((who[ranked], any_fraud[ranked]))
    return parts
