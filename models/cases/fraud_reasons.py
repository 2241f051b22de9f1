"""Reasons: why a model thinks of fraud, told by the customer's own events, in English and Chinese.

An event is compared with what is usual for its customer: the mean of the customer's other events at hand and of one
public event without anything remarkable, all of whose features are 0. A reason is named if it adds to the log-odds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.fraud_network import Detector, contributions

if TYPE_CHECKING:
    import pyarrow as pa

_ALERT: Final = 0.05  # the probability of fraud from which on reasons are told
_LEAST: Final = 0.4  # log-odds that a reason adds: the odds times 1.5
_MOST: Final = 3  # reasons that are named


@dataclass(frozen=True, kw_only=True)
class Reason:
    """What can be said of `features`, the first of which leads.

    Without `number` it is said only where the leading feature is above what is usual for the customer; with it, `{}` in
    the sentence stands for `number(leading feature)`, and it is said wherever that is known, which is to say not 0.
    """

    features: tuple[str, ...]
    english: str
    chinese: str
    number: Callable[[float], str] | None = None

    def said(self, value: float) -> tuple[str, str]:
        """The sentence in both languages for a value of the leading feature."""
        if self.number is None:
            return self.english, self.chinese
        number = self.number(value)
        return self.english.format(number), self.chinese.format(number)


def predictions(
    detector: Detector, reasons: Sequence[Reason], names: Sequence[str], keys: pa.Table, model: Any, rows: Any
) -> pa.Table:
    """`keys` (customer_id and the event's id) with the probability of `fraud` of `rows` (n, d), and the reasons.

    `because` is in English, `because_zh` in Chinese; both are empty where fraud is unlikely.
    """
    import pyarrow as pa

    log_odds = model(rows, training=False) if len(rows) else np.zeros((0, 1))
    probability = detector.probabilities(log_odds)
    alerts = np.flatnonzero(probability >= _ALERT)
    usual = usual_of(keys["customer_id"].to_pylist(), rows)
    told = because(reasons, names, model, rows[alerts], usual[alerts])
    english, chinese = np.full((2, len(rows)), "", dtype=object)
    english[alerts], chinese[alerts] = told
    made = keys.append_column("fraud", pa.array(probability))
    made = made.append_column("because", pa.array(english, pa.string()))
    return made.append_column("because_zh", pa.array(chinese, pa.string()))


def because(
    reasons: Sequence[Reason], names: Sequence[str], model: Any, rows: NDArray[Any], usual: NDArray[Any]
) -> tuple[list[str], list[str]]:
    """For each of `rows` (n, d) at most three reasons against `usual` (n, d), weightiest first, in both languages."""
    added = contributions(model, rows, usual)
    place = {name: number for number, name in enumerate(names)}
    weight = np.stack([added[:, [place[name] for name in reason.features]].sum(axis=1) for reason in reasons])
    lead = [place[reason.features[0]] for reason in reasons]
    true = [
        rows[:, first] > usual[:, first] + 1e-6 if reason.number is None else rows[:, first] != 0
        for reason, first in zip(reasons, lead, strict=True)
    ]
    weight[~np.stack(true)] = 0.0
    told: tuple[list[str], list[str]] = ([""] * len(rows), [""] * len(rows))
    order = np.argsort(-weight, axis=0)[:_MOST]
    for row in np.flatnonzero(weight.max(axis=0, initial=0.0) >= _LEAST):
        pairs = [
            reasons[k].said(float(rows[row, lead[k]])) for k in order[:, row] if weight[k, row] >= _LEAST
        ]
        told[0][row] = " ".join(pair[0] for pair in pairs)
        told[1][row] = "".join(pair[1] for pair in pairs)
    return told


def usual_of(customers: Sequence[Any], rows: NDArray[Any]) -> NDArray[np.float64]:
    """What is usual for the customer of each of `rows` (n, d): the mean of the customer's other rows and of zeros."""
    if not len(rows):
        return np.zeros(rows.shape)
    whose = np.unique(np.asarray([str(name) for name in customers]), return_inverse=True)[1]
    totals = np.zeros((whose.max() + 1, rows.shape[1]))
    np.add.at(totals, whose, rows)
    return np.asarray((totals[whose] - rows) / np.bincount(whose)[whose][:, None])
