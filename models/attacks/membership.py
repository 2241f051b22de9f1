"""Membership inference: does the model tell its training customers from others?

The attack of Yeom et al. 2018 at the level of customers: a customer whose mean loss is low is called a
member. Its results are internal; the lower bound of epsilon is honest but weak, and says how weak.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm, rankdata

from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss, log_odds, masked_mean, merge
from models.values.evidence import AuditResult
from models.values.scope import Measure

Floats = NDArray[np.float64]
_LEAST = 20


class Bounds(NamedTuple):
    """Exact one-sided bounds of rates."""

    low: Floats
    high: Floats


def customer_losses(model: Any, customers: CustomerExamples, *, loss: Loss) -> Floats:
    """The mean loss of every customer (n,) under the trained model."""
    import tensorflow as tf

    def of(part: CustomerExamples) -> Floats:
        outputs = log_odds(model, part.features, training=False)
        each = tf.reshape(loss(merge(part.labels), merge(outputs)), part.mask.shape)
        return np.asarray(masked_mean(each, tf.constant(part.mask, tf.float32)), dtype=np.float64)

    losses = [of(part) for part in customers.slices(4096)]
    return np.concatenate([np.zeros(0), *losses]).astype(np.float64)


def equal_sample(
    members: CustomerExamples, non_members: CustomerExamples, *, seed: int
) -> tuple[CustomerExamples, CustomerExamples]:
    """As many members as non-members, at random, and of every household at most one.

    Customers of one household are near copies; with several of them the counts would not be independent
    and the bounds below not valid.
    """
    rng = np.random.default_rng(seed)
    pools = [_one_per_group(rng, customers) for customers in (members, non_members)]
    size = min(len(pool) for pool in pools)
    return members.take(np.sort(pools[0][:size])), non_members.take(np.sort(pools[1][:size]))


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

    AUC with DeLong's interval (DeLong et al. 1988), TPR at a FPR of 1 % with Clopper-Pearson's. For the lower
    bound of epsilon, thresholds are chosen on one random half of the customers and judged on the other:
    epsilon >= log((TPR - delta) / FPR), and the same with members and non-members exchanged (Jagielski et
    al. 2020); the better of the two counts, each at half the error (Bonferroni). `epsilon_low` is 0 if
    nothing is shown. With the model trained on customers who are no members at all, it exceeds 0 in at
    most (1 - confidence) of the audits. Raises PrivacyError below 20 customers on a side.
    """
    size = len(member_losses)
    if size != len(non_member_losses) or size < _LEAST:
        raise PrivacyError(
            f"an audit needs equally many members and non-members, {_LEAST} at least; use equal_sample"
        )
    rng = np.random.default_rng(seed)
    members, others = rng.permutation(-member_losses), rng.permutation(-non_member_losses)
    half = size // 2
    return AuditResult(
        attack="loss threshold per customer",
        run=run,
        members=size,
        non_members=size,
        auc=_auc(members, others, confidence),
        tpr_at_1_percent_fpr=_tpr_at_1_percent(members, others, confidence),
        epsilon_low=_epsilon_low(members, others, half, delta, confidence),
        confidence=confidence,
        power=_power(size - half, delta, confidence),
    )


def roc(member_losses: Floats, non_member_losses: Floats) -> tuple[tuple[float, float], ...]:
    """The attack's curve as 101 points (false positive rate, true positive rate). Internal."""
    members, others = np.sort(-member_losses), np.sort(-non_member_losses)
    rates = np.linspace(0, 1, 101)
    thresholds = np.quantile(others, 1 - rates, method="higher")
    above = 1 - np.searchsorted(members, thresholds, side="right") / len(members)
    above[-1] = 1.0
    return tuple((float(rate), float(hit)) for rate, hit in zip(rates, above, strict=True))


def clopper_pearson(hits: Any, trials: int, *, error: float) -> Bounds:
    """The bounds of rates after `hits` (any shape) in `trials`, each wrong with probability at most `error`."""
    hits = np.asarray(hits)
    low = beta.ppf(error, np.maximum(hits, 1), trials - hits + 1)
    high = beta.ppf(1 - error, hits + 1, np.maximum(trials - hits, 1))
    return Bounds(np.where(hits == 0, 0.0, low), np.where(hits == trials, 1.0, high))


def _one_per_group(rng: np.random.Generator, customers: CustomerExamples) -> NDArray[np.int64]:
    """The index of one random customer of every household, in random order."""
    order = rng.permutation(customers.customers)
    first = np.unique(customers.group_of()[order], return_index=True)[1]
    return rng.permutation(order[first])


def _auc(members: Floats, others: Floats, confidence: float) -> Measure:
    """AUC and DeLong's interval from the two samples' placement values."""
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - rankdata(members)) / n
    of_others = 1 - (ranks[m:] - rankdata(others)) / m
    value = float(of_members.mean())
    spread = math.sqrt(of_members.var(ddof=1) / m + of_others.var(ddof=1) / n)
    reach = float(norm.ppf((1 + confidence) / 2)) * spread
    return Measure(
        name="membership AUC",
        value=value,
        low=max(0.0, value - reach),
        high=min(1.0, value + reach),
        scope="internal",
        how="loss threshold, DeLong's interval",
        confidence=confidence,
    )


def _tpr_at_1_percent(members: Floats, others: Floats, confidence: float) -> Measure:
    threshold = np.sort(others)[len(others) - 1 - len(others) // 100]
    hits, trials = int((members > threshold).sum()), len(members)
    bound = clopper_pearson(hits, trials, error=(1 - confidence) / 2)
    return Measure(
        name="TPR at 1 % FPR",
        value=hits / trials,
        low=float(bound.low),
        high=float(bound.high),
        scope="internal",
        how="Clopper-Pearson, threshold on the same non-members",
        confidence=confidence,
    )


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
