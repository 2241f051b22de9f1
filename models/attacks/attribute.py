"""Attribute inference: what a model tells of one attribute of a customer who was trained on, in bits.

The attacker has the model, knows everything of the customer but the attribute, and tries each of its values: the loss
is least where the model saw it (Yeom et al. 2018, *Privacy Risk in Machine Learning*, attack 4; Mehnaz et al. 2022,
*Are Your Sensitive Attributes Private?*, USENIX Security). The losses become a posterior by a calibration that is
fitted on other customers (models/attacks/calibration.py); its mean cost of the truth is a cross-entropy and so never
less, in the mean, than the uncertainty H(P|M) that is left.

Much of an attribute follows from what is true of everyone, with or without a model that saw the customer. So the same
attack, calibrated the same way, is made on as many customers who were not trained on. On either side it gains some bits
on whoever knows only how frequent each value is; what it gains more on the trained ones is leakage: an estimate from
below of I(P;M), since a better attack may find more. For a model that was trained on other people it is 0 in the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.attacks.calibration import Judged, folds_of, judged, scores_of
from models.attacks.membership import customer_losses, together
from models.cases.case import Attribute
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss
from models.values.risk import Leakage
from models.values.scope import Measure

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LEAST: Final = 20
_RESAMPLES: Final = 2000
_AT_ONCE: Final = 8192  # customers
HOW: Final = (
    "each value substituted, losses calibrated on other customers (5 folds), against as many customers who were not "
    "trained on; bootstrap over households"
)


class Side(NamedTuple):
    """Customers of whom an attribute is known: `scores` (n, v, f), `truth` (n,) and household `groups` (n,)."""

    scores: Floats
    truth: Integers
    groups: Integers

    def some(self, size: int, rng: np.random.Generator) -> Side:
        """`size` of them at random."""
        kept = np.sort(rng.permutation(len(self.truth))[:size])
        return Side(self.scores[kept], self.truth[kept], self.groups[kept])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Difference:
    """What an attack left of an attribute, without and with the model: the estimates first, then resampled ones.

    `prior` and `left` (1 + r,) are bits, `gained` (1 + r,) right guesses more.
    """

    prior: Floats
    left: Floats
    gained: Floats

    def leakage(
        self, attribute: str, values: int, *, upper: float, how: str, confidence: float = 0.95
    ) -> Leakage:
        """With intervals of the resampled estimates; nobody learns less than nothing, so that of bits reaches 0."""

        def measure(name: str, drawn: Floats) -> Measure:
            value, edges = float(drawn[0]), [(1 - confidence) / 2, (1 + confidence) / 2]
            low, high = (float(edge) for edge in np.quantile(drawn[1:], edges))
            return Measure(
                name=name,
                value=value,
                low=min(low, value),
                high=max(high, value),
                scope="internal",
                how=how,
                confidence=confidence,
            )

        bits = measure("bits told", self.prior - self.left)
        return Leakage(
            attribute=attribute,
            values=values,
            prior=measure("bits unknown without the model", self.prior),
            left=measure("bits unknown with the model", self.left),
            bits=bits.model_copy(update={"high": max(bits.high, 0.0)}),
            advantage=measure("right guesses more", self.gained),
            upper=min(upper, float(np.log2(values))),
            how=how,
        )


def attribute_leakage(
    model: Any,
    attribute: Attribute,
    members: CustomerExamples,
    others: CustomerExamples,
    *,
    loss: Loss,
    upper: float,
    seed: int,
) -> Leakage:
    """The leakage of one attribute; internal. `upper` is the accountant's bound in bits (models/privacy/bits.py).

    `members` were trained on, `others` not; no household is in both. Raises PrivacyError if the attribute is known of
    fewer than 20 customers on a side.
    """
    found = difference(
        *(side_of(model, attribute, customers, loss=loss) for customers in (members, others)), seed=seed
    )
    return found.leakage(attribute.name, attribute.values, upper=upper, how=HOW)


def side_of(model: Any, attribute: Attribute, customers: CustomerExamples, *, loss: Loss) -> Side:
    """What the model says of each value for those whose attribute is known."""
    truth = attribute.truth(customers)
    known = np.flatnonzero(truth >= 0)
    asked = customers.take(known)
    many = max(1, _AT_ONCE // max(1, len(known)))
    batches = (range(attribute.values)[start : start + many] for start in range(0, attribute.values, many))
    losses = [
        customer_losses(model, _having(attribute, asked, values), loss=loss).reshape(len(values), len(known))
        for values in batches
    ]
    return Side(scores_of(np.concatenate(losses).T), truth[known], asked.group_of())


def _having(attribute: Attribute, asked: CustomerExamples, values: Sequence[int]) -> CustomerExamples:
    """The customers with the first of `values`, then with the second, and so on: a call of a model is dear."""
    first, *rest = (attribute.having(asked, value) for value in values)
    return reduce(together, rest, first)


def difference(members: Side, others: Side, *, seed: int) -> Difference:
    """Both sides, of the same size, judged by calibrations of their own."""
    size = min(len(members.truth), len(others.truth))
    if size < LEAST:
        raise PrivacyError(
            f"an attribute must be known of {LEAST} members and non-members at least; ask for another"
        )
    rng, means = np.random.default_rng(seed), []
    for side in (members.some(size, rng), others.some(size, rng)):
        found = judged(side.scores, side.truth, folds_of(side.groups, rng))
        means.append(resampled(found, side.groups, rng))
    told = means[0].gained - means[1].gained
    return Difference(prior=means[0].cost + told, left=means[0].cost, gained=means[0].right - means[1].right)


def resampled(found: Judged, groups: Integers, rng: np.random.Generator) -> Judged:
    """The means (1 + r,) over all customers, first as they are, then of as many households drawn with replacement."""
    names, whose = np.unique(groups, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
    times = np.concatenate([np.ones((1, len(names))), drawn])
    customers = times @ np.bincount(whose)
    return Judged(*(times @ np.bincount(whose, amount) / customers for amount in found))
