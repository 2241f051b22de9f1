"""Leakage: what a model tells of a customer, attribute by attribute, of the presence, and of all together, in bits.

Each has two sides (docs/risk.md): `bits` estimates I(P;M) from below, by an attack; `upper` bounds it whatever the
attack, by the accountant. A constraint on risk uses the upper one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from models.attacks.attribute import HOW, LEAST, Difference, difference, resampled, side_of
from models.attacks.calibration import Judged, folds_of, judged, scores_of
from models.attacks.membership import clopper_pearson, customer_losses
from models.cases.case import Facts, UseCase
from models.privacy.examples import CustomerExamples
from models.values.risk import Leakage, Membership
from models.values.scope import Measure

Floats = NDArray[np.float64]
Estimate = Callable[[float], Leakage]
"""What one attack estimates, with intervals of this confidence."""
PRESENCE: Final = "membership"
ALL: Final = "all"
_ERROR: Final = 0.05
_LOSS: Final = (
    "presence by lot; mean losses calibrated on other customers (5 folds); bootstrap over households"
)
_RATES: Final = {
    "tpr_at_01_percent": 1000,
    "tpr_at_1_percent": 100,
}  # one non-member in so many is called a member


def leakages(
    case: UseCase,
    model: Any,
    members: CustomerExamples,
    others: CustomerExamples,
    *,
    facts: Facts,
    upper: float,
    seed: int,
    memberships: Sequence[Membership] = (),
) -> tuple[Leakage, ...]:
    """The leakage of every attribute of the case, of "membership", and of "all"; internal.

    `members` were trained on, `others` not: equally many, and no household twice (equal_sample). `upper` is the
    accountant's bound in bits, infinite for a model without privacy. "membership" is the best that the loss or one of
    `memberships` shows; an attribute that is known of too few is left out.
    """
    sides = {
        attribute.name: [side_of(model, attribute, side, loss=case.loss) for side in (members, others)]
        for attribute in case.attributes(facts)
    }
    attributes: list[Estimate] = [
        partial(_of_attribute, name, difference(*both, seed=seed), both[0].scores.shape[1], upper)
        for name, both in sides.items()
        if min(len(side.truth) for side in both) >= LEAST
    ]
    ways = _of_presence(case, model, members, others, seed, upper, memberships)
    return (
        *(estimate(1 - _ERROR) for estimate in attributes),
        _best(ways),
        _together([*attributes, *ways], upper),
    )


def _of_attribute(name: str, found: Difference, values: int, upper: float, confidence: float) -> Leakage:
    return found.leakage(name, values, upper=upper, how=HOW, confidence=confidence)


def _of_presence(
    case: UseCase,
    model: Any,
    members: CustomerExamples,
    others: CustomerExamples,
    seed: int,
    upper: float,
    memberships: Sequence[Membership],
) -> list[Estimate]:
    """Each attack on presence. Where a customer is there by lot, half of `upper` bounds what is told of it.

    By the argument of models/privacy/bits.py, with a customer who is absent half of the time.
    """
    losses = [customer_losses(model, side, loss=case.loss) for side in (members, others)]
    found = presence(losses[0], losses[1], groups=(members.group_of(), others.group_of()), seed=seed)
    by_loss = partial(found.leakage, PRESENCE, 2, upper=upper / 2, how=_LOSS)
    attacks = [each for each in memberships if each.group == "all" and each.others]
    return [
        lambda confidence: by_loss(confidence=confidence),
        *(partial(_of_threshold, attack, rate, upper / 2) for attack in attacks for rate in _RATES),
    ]


def presence(
    member_losses: Floats,
    other_losses: Floats,
    *,
    groups: tuple[NDArray[np.int64], NDArray[np.int64]],
    seed: int,
) -> Difference:
    """How much of one bit, whether a customer was trained on, a calibrated threshold on mean losses tells."""
    rng, sizes = np.random.default_rng(seed), [len(member_losses), len(other_losses)]
    read = scores_of(np.concatenate([member_losses, other_losses])[:, None])
    scores, truth = np.concatenate([np.zeros_like(read), read], axis=1), np.repeat([1, 0], sizes)
    folds = np.concatenate([folds_of(each, rng) for each in groups])
    found = judged(scores, truth, folds, prior=np.array([0.5, 0.5]))
    means = [
        resampled(Judged(*(kind[here] for kind in found)), whose, rng)
        for here, whose in zip((truth == 1, truth == 0), groups, strict=True)
    ]
    left, right = (np.mean([getattr(each, kind) for each in means], axis=0) for kind in ("cost", "right"))
    return Difference(prior=np.ones_like(left), left=left, gained=right)


def _of_threshold(attack: Membership, rate: str, upper: float, confidence: float) -> Leakage:
    """What it tells of one bit that a customer is above the threshold with a known share of non-members above it.

    At equal odds I = h((t + f) / 2) - (h(t) + h(f)) / 2 with the rates t of members and f of others above, and h the
    entropy of a lot: no more than what the scores tell (data processing). Both rates have Clopper-Pearson's bounds.
    """
    called = attack.others // _RATES[rate]
    hits = round(getattr(attack, rate).value * attack.members)
    error = (1 - confidence) / 4
    true, false = (
        (count / size, *(float(edge) for edge in clopper_pearson(count, size, error=error)))
        for count, size in ((hits, attack.members), (called, attack.others))
    )
    how = f"{attack.attack}, true positive rate at {1 / _RATES[rate]:.1%} false positives"
    ways = [(true[0], false[0]), (true[1], false[2]), (true[2], false[1])]

    def measure(name: str, of: Callable[[float, float], float]) -> Measure:
        value, *edges = (of(*way) for way in ways)
        low, high = min(value, *edges), max(value, *edges)
        return Measure(
            name=name, value=value, low=low, high=high, scope="internal", how=how, confidence=confidence
        )

    return Leakage(
        attribute=PRESENCE,
        values=2,
        prior=measure("bits unknown without the model", lambda t, f: 1.0),
        left=measure("bits unknown with the model", lambda t, f: 1 - _told(t, f)),
        bits=measure("bits told", _told),
        advantage=measure("right guesses more", lambda t, f: max(t - f, 0.0) / 2),
        upper=min(upper, 1.0),
        how=how,
    )


def _told(true: float, false: float) -> float:
    """Bits of one lot that a signal with these rates tells; none where it speaks more often without cause."""
    if true <= false:
        return 0.0
    mean, each = _entropy((true + false) / 2), (_entropy(true) + _entropy(false)) / 2
    return mean - each


def _entropy(share: float) -> float:
    return float(entropy([share, 1 - share], base=2))


def _best(attacks: Sequence[Estimate]) -> Leakage:
    """The attack that tells most, its interval as wide as the choice among them asks (Bonferroni)."""
    return max(
        (estimate(1 - _ERROR / len(attacks)) for estimate in attacks), key=lambda each: each.bits.value
    )


def _together(attacks: Sequence[Estimate], upper: float) -> Leakage:
    """All of a customer together: at least what the best attack shows of one part, at most `upper`.

    By the chain rule I(all; M) = I(rest; M) + I(part; M | rest) for every part, whose attacker knows the rest; so the
    largest of them is a lower side. Their sum would be neither: parts that say the same would count twice.
    """
    best = _best(attacks)
    values = math.prod(
        {each.attribute: each.values for each in (ask(1 - _ERROR) for ask in attacks)}.values()
    )
    return best.model_copy(
        update={
            "attribute": ALL,
            "values": values,
            "upper": min(upper, math.log2(values)),
            "how": f"as much as of {best.attribute} alone, of which most is told: {best.how}",
        }
    )
