"""Membership inference: does the model tell its training customers from others?

The attack of Yeom et al. 2018 at the level of customers: a customer whose mean loss is low is called a
member. Its results are internal; the lower bound of epsilon is honest but weak, and says how weak.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.attacks.curves import Floats, auc, curve, tpr_at
from models.attacks.curves import clopper_pearson as clopper_pearson  # other audits know it from here
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss, log_odds, masked_mean, merge
from models.values.evidence import AuditResult
from models.values.risk import Curve, Membership

LEAST = 20  # customers on a side, below which nothing is said
_WORST = 1e9


def customer_losses(model: Any, customers: CustomerExamples, *, loss: Loss) -> Floats:
    """The mean loss of every customer (n,) under the trained model; one that is no number is as bad as any."""
    import tensorflow as tf

    def of(part: CustomerExamples) -> Floats:
        outputs = log_odds(model, part.features, training=False)
        each = tf.reshape(loss(merge(part.labels), merge(outputs)), part.mask.shape)
        return np.asarray(masked_mean(each, tf.constant(part.mask, tf.float32)), dtype=np.float64)

    losses = [of(part) for part in customers.slices(4096)]
    found = np.concatenate([np.zeros(0), *losses])
    return np.where(np.isfinite(found), found, _WORST)


def equal_sample(
    members: CustomerExamples, non_members: CustomerExamples, *, seed: int
) -> tuple[CustomerExamples, CustomerExamples]:
    """As many members as non-members, at random, and of every household at most one.

    Customers of one household are near copies; with several of them the counts would not be independent
    and the bounds below not valid.
    """
    places = _equal_places(members, non_members, seed)
    return members.take(places[0]), non_members.take(places[1])


def left_over(members: CustomerExamples, non_members: CustomerExamples, *, seed: int) -> CustomerExamples:
    """The members whom `equal_sample` does not take at this seed."""
    taken = _equal_places(members, non_members, seed)[0]
    return members.take(np.setdiff1d(np.arange(members.customers), taken))


def together(first: CustomerExamples, second: CustomerExamples) -> CustomerExamples:
    """The customers of `first`, then those of `second`, each a household of their own.

    Raises PrivacyError if their arrays are of different forms.
    """
    leaves = zip(first.leaves(), second.leaves(), strict=False)
    if any(one.shape[1:] != other.shape[1:] for one, other in leaves) or type(first.features) is not type(
        second.features
    ):
        raise PrivacyError("members and others differ in the form of their examples; make both in one way")

    def joined(one: Any, other: Any) -> Any:
        return np.concatenate([one, other])

    features = (
        {name: joined(array, second.features[name]) for name, array in first.features.items()}
        if isinstance(first.features, dict) and isinstance(second.features, dict)
        else joined(first.features, second.features)
    )
    return CustomerExamples(
        features=features,
        labels=joined(first.labels, second.labels),
        mask=joined(first.mask, second.mask),
    )


def membership_attack(
    member_losses: Floats,
    non_member_losses: Floats,
    *,
    run: str,
    delta: float,
    seed: int,
    confidence: float = 0.95,
) -> AuditResult:
    """The loss-threshold attack on one run, judged on losses of equally many members and non-members.

    AUC and TPR at a FPR of 1 % with intervals (see `curves`). For the lower bound of epsilon, thresholds are chosen on
    one random half of the customers and judged on the other: epsilon >= log((TPR - delta) / FPR), and the same with
    members and non-members exchanged (Jagielski et al. 2020); the better of the two counts, each at half the error
    (Bonferroni). `epsilon_low` is 0 if nothing is shown. With the model trained on customers who are no members at all,
    it exceeds 0 in at most (1 - confidence) of the audits. Raises PrivacyError below 20 customers on a side.
    """
    size = len(member_losses)
    if size != len(non_member_losses) or size < LEAST:
        raise PrivacyError(
            f"an audit needs equally many members and non-members, {LEAST} at least; use equal_sample"
        )
    rng = np.random.default_rng(seed)
    members, others = rng.permutation(-member_losses), rng.permutation(-non_member_losses)
    half = size // 2
    return AuditResult(
        attack="loss threshold per customer",
        run=run,
        members=size,
        non_members=size,
        auc=auc(members, others, how="loss threshold, DeLong's interval", confidence=confidence),
        tpr_at_1_percent_fpr=tpr_at(0.01, members, others, confidence=confidence),
        epsilon_low=_epsilon_low(members, others, half, delta, confidence),
        confidence=confidence,
        power=_power(size - half, delta, confidence),
    )


def roc(member_losses: Floats, non_member_losses: Floats) -> Curve:
    """The loss-threshold attack's curve of points (false positive rate, true positive rate). Internal."""
    return curve(-member_losses, -non_member_losses)


def measured(
    member_scores: Floats,
    other_scores: Floats,
    *,
    attack: str,
    group: str = "all",
    seconds: float = 0.0,
    confidence: float = 0.95,
) -> Membership:
    """What an attack's scores (m,) of members and (n,) of others show; a higher score says "member".

    Raises PrivacyError below LEAST customers on a side.
    """
    if min(len(member_scores), len(other_scores)) < LEAST:
        raise PrivacyError(
            f"a membership attack needs {LEAST} members and {LEAST} others; take more customers"
        )
    return Membership(
        attack=attack,
        group=group,
        members=len(member_scores),
        others=len(other_scores),
        auc=auc(member_scores, other_scores, how="DeLong's interval", confidence=confidence),
        tpr_at_01_percent=tpr_at(0.001, member_scores, other_scores, confidence=confidence),
        tpr_at_1_percent=tpr_at(0.01, member_scores, other_scores, confidence=confidence),
        seconds=seconds,
        roc=curve(member_scores, other_scores),
    )


def _equal_places(
    members: CustomerExamples, non_members: CustomerExamples, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    pools = [_one_per_group(rng, customers) for customers in (members, non_members)]
    size = min(len(pool) for pool in pools)
    return np.sort(pools[0][:size]), np.sort(pools[1][:size])


def _one_per_group(rng: np.random.Generator, customers: CustomerExamples) -> NDArray[np.int64]:
    """The index of one random customer of every household, in random order."""
    order = rng.permutation(customers.customers)
    first = np.unique(customers.group_of()[order], return_index=True)[1]
    return rng.permutation(order[first])


def _epsilon_low(members: Floats, others: Floats, half: int, delta: float, confidence: float) -> float:
    error = (1 - confidence) / 4  # two directions, two rates each
    bounds = [0.0]
    for hit, miss in ((members, others), (-others, -members)):
        threshold = _best_threshold(hit[:half], miss[:half], delta, error)
        judged = _log_ratios(hit[half:], miss[half:], np.array([threshold]), delta, error)
        bounds.append(float(judged[0]))
    return max(bounds)


def _best_threshold(hit: Floats, miss: Floats, delta: float, error: float) -> float:
    """The threshold whose bound is best on the first half, out of 99 quantiles."""
    candidates = np.quantile(np.concatenate([hit, miss]), np.linspace(0.01, 0.99, 99))
    return float(candidates[np.argmax(_log_ratios(hit, miss, candidates, delta, error))])


def _log_ratios(hit: Floats, miss: Floats, thresholds: Floats, delta: float, error: float) -> Floats:
    """The lower bound of log((TPR - delta) / FPR) for each threshold; minus infinity if it shows nothing."""
    hits, misses = (len(half) - np.searchsorted(np.sort(half), thresholds, "right") for half in (hit, miss))
    tpr = clopper_pearson(hits, len(hit), error=error).low
    fpr = clopper_pearson(misses, len(miss), error=error).high
    return np.where(tpr > delta, np.log(np.maximum(tpr - delta, 1e-300) / fpr), -math.inf)


def _power(trials: int, delta: float, confidence: float) -> str:
    perfect, hopeless = np.ones(trials), np.zeros(trials)
    shown = _log_ratios(perfect, hopeless, np.array([0.5]), delta, (1 - confidence) / 4)
    return (
        f"With {trials} members and {trials} non-members judged, a perfect attack would have shown "
        f"epsilon {max(0.0, float(shown[0])):.2f} at {confidence:.0%} confidence; "
        "nothing above that can be seen by this audit."
    )
