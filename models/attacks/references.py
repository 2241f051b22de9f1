"""References: models trained the same way on random halves of customers, and the attacks that they make strong.

Whoever knows how a model was trained, and customers like its own, trains models of which it is known who is in them
(Shokri et al. 2017), and sees what difference a customer makes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.attacks import lira, rmia
from models.attacks.curves import Floats
from models.attacks.membership import LEAST, customer_losses, measured, together
from models.attacks.slices import Masks
from models.attacks.slices import slices_of as slices_of  # what `attack_members` takes
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss
from models.values.risk import Membership

Fit = Callable[[CustomerExamples, int], Any]
"""`fit(customers, seed) -> model`: a new model, trained on these customers as the target was on its own."""


@dataclass(frozen=True, kw_only=True)
class References:
    """The mean losses (r, n) of n customers under r models, and which of them each was `trained` on (r, n)."""

    losses: Floats
    trained: NDArray[np.bool_]
    seconds: float

    def __len__(self) -> int:
        return len(self.losses)


def train_references(
    pool: CustomerExamples,
    *,
    loss: Loss,
    fit: Fit,
    seconds: float,
    references: int,
    seed: int,
    clock: Callable[[], float] = time.monotonic,
) -> References:
    """At most `references` models on random halves of `pool`, in pairs of a half and the other half.

    So every customer is in half of them. The first one shows what a model costs: pairs are begun only as long as
    they are done within `seconds`. None at all if a pair is not; then the first is all that was spent, unless
    `seconds` is 0.
    """
    rng, started = np.random.default_rng(seed), clock()
    halves = _halves(rng, pool.customers, references // 2)
    losses: list[Floats] = []
    trained: list[NDArray[np.bool_]] = []
    slowest = 0.0
    for half in halves if seconds > 0 else ():
        begun = clock()
        left = seconds - (begun - started)
        if slowest * (2 - len(losses) % 2) > left:
            break
        model = fit(pool.take(np.flatnonzero(half)), int(rng.integers(2**31)))
        losses.append(customer_losses(model, pool, loss=loss))
        trained.append(half)
        slowest = max(slowest, clock() - begun)
    whole = len(losses) - len(losses) % 2
    shape = (whole, pool.customers)
    return References(
        losses=np.reshape(losses[:whole], shape).astype(np.float64),
        trained=np.reshape(trained[:whole], shape).astype(np.bool_),
        seconds=clock() - started,
    )


def also_on(customers: CustomerExamples, fit: Fit) -> Fit:
    """`fit` on `customers` as well, whom the target was trained on and who are not under attack (`left_over`).

    A reference that is trained on fewer customers than the target knows each of them better and is a poor measure.
    """
    return lambda half, seed: fit(together(half, customers), seed)


def attack_members(
    model: Any,
    members: CustomerExamples,
    others: CustomerExamples,
    *,
    loss: Loss,
    fit: Fit | None,
    seconds: float,
    references: int = 4,
    slices: Mapping[str, Masks] | None = None,
    seed: int,
) -> tuple[Membership, ...]:
    """Every membership attack that `seconds` allow, on all customers and on each of `slices`.

    The loss threshold always; LiRA and RMIA, online and offline, with as many references as can be trained in
    time, but no more than `references`; without `fit`, or with less than two, they are left out. `members` and
    `others` are what `equal_sample` gives; where the target was trained on more than these, see `also_on`. A slice with
    less than LEAST customers on a side is left out. Customers without any example say nothing and are not counted.
    """
    pool = together(members, others)
    inside = np.arange(pool.customers) < members.customers
    known = pool.mask.any(axis=1)
    groups = {"all": known} | {name: known & np.concatenate(masks) for name, masks in (slices or {}).items()}
    found: list[Membership] = []
    for attack, scores, taken in _attacks(model, pool, loss, fit, seconds, references, seed):
        for group, chosen in groups.items():
            pair = scores[chosen & inside], scores[chosen & ~inside]
            if group == "all" or min(map(len, pair)) >= LEAST:
                found.append(measured(*pair, attack=attack, group=group, seconds=taken))
    return tuple(found)


def _attacks(
    model: Any,
    pool: CustomerExamples,
    loss: Loss,
    fit: Fit | None,
    seconds: float,
    references: int,
    seed: int,
) -> Iterator[tuple[str, Floats, float]]:
    """Each attack's name, scores (n,) and seconds."""
    started = time.monotonic()
    target = customer_losses(model, pool, loss=loss)
    yield "loss threshold", -target, time.monotonic() - started
    if fit is None:
        return
    trained = train_references(pool, loss=loss, fit=fit, seconds=seconds, references=references, seed=seed)
    if len(trained) < 2:
        return
    for attack, scores in by_references(target, trained).items():
        yield attack, scores, trained.seconds


def by_references(target: Floats, references: References) -> dict[str, Floats]:
    """The scores (n,) of each attack by references on a model with the mean losses `target` (n,)."""
    losses, trained = references.losses, references.trained
    both = lira.confidences(np.vstack([target[None], losses]))
    scale = rmia.best_scale(losses, trained)
    return {
        "LiRA, online": lira.online(both[0], both[1:], trained),
        "LiRA, offline": lira.offline(both[0], both[1:], trained),
        "RMIA, online": rmia.online(target, losses, trained),
        "RMIA, offline": rmia.offline(target, losses, trained, scale),
    }


def _halves(rng: np.random.Generator, customers: int, pairs: int) -> Iterator[NDArray[np.bool_]]:
    for _ in range(pairs):
        half = rng.permutation(customers) < customers // 2
        yield from (half, ~half)
