"""Curves: how well scores tell members from others, as AUC, rates and ROC, with intervals that hold.

A higher score says "member". Members and others are independent samples; scores may be tied.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, binom, rankdata
from scipy.stats import t as student

from models.values.risk import Curve
from models.values.scope import Measure

Floats = NDArray[np.float64]
POINTS = 101


class Bounds(NamedTuple):
    """Exact one-sided bounds of rates."""

    low: Floats
    high: Floats


def clopper_pearson(hits: Any, trials: int, *, error: float) -> Bounds:
    """The bounds of rates after `hits` (any shape) in `trials`, each wrong with probability at most `error`."""
    hits = np.asarray(hits)
    low = beta.ppf(error, np.maximum(hits, 1), trials - hits + 1)
    high = beta.ppf(1 - error, hits + 1, np.maximum(trials - hits, 1))
    return Bounds(np.where(hits == 0, 0.0, low), np.where(hits == trials, 1.0, high))


def auc(members: Floats, others: Floats, *, how: str, confidence: float = 0.95) -> Measure:
    """The probability that a member's score is above another's, ties counting half, and DeLong's interval.

    DeLong et al. 1988 from the placement values of the two samples, on the logit scale, with Student's t at the degrees
    of freedom of Brunner & Munzel 2000, so that it holds from about 20 customers on a side. Where all pairs say the
    same there is no variance: of min(m, n) independent pairs none said otherwise, which bounds how many would.
    """
    m, n = len(members), len(others)
    ranks = rankdata(np.concatenate([members, others]))
    of_members = (ranks[:m] - rankdata(members)) / n
    of_others = 1 - (ranks[m:] - rankdata(others)) / m
    value = float(of_members.mean())
    parts = np.array([of_members.var(ddof=1) / m, of_others.var(ddof=1) / n])
    if parts.sum() <= 0:
        unseen = 1 - (1 - confidence) ** (1 / min(m, n))
        low, high = value * (1 - unseen), value + unseen * (1 - value)
    else:
        freedom = parts.sum() ** 2 / (parts**2 / np.array([m - 1, n - 1])).sum()
        reach = student.ppf((1 + confidence) / 2, freedom) * math.sqrt(parts.sum()) / (value * (1 - value))
        low, high = (float(expit(logit(value) + side * reach)) for side in (-1, 1))
    return Measure(
        name="membership AUC",
        value=value,
        low=min(low, value),
        high=max(high, value),
        scope="internal",
        how=how,
        confidence=confidence,
    )


def tpr_at(rate: float, members: Floats, others: Floats, *, confidence: float = 0.95) -> Measure:
    """The share of members above a threshold that at most `rate` of the others exceed, and its interval.

    The interval is that of the attack whose false positive rate is `rate` among all customers, not only these: half of
    the error is for where its threshold lies (order statistics of the others), half for the share (Clopper-Pearson).
    With few others nobody knows where that is, and `low` is 0 however many members are found.
    """
    error, m, n = (1 - confidence) / 4, len(members), len(others)
    falling = np.append(np.sort(others)[::-1], -np.inf)  # the k-th largest stands at k - 1

    def above(place: int) -> int:
        return int((members > falling[min(place, n)]).sum())

    hits = above(math.floor(n * rate + 1e-9))
    least, most = (int(binom.ppf(quantile, n, rate)) for quantile in (error, 1 - error))
    low = clopper_pearson(above(least - 1), m, error=error).low if least > 0 else 0.0
    high = clopper_pearson(above(most), m, error=error).high
    return Measure(
        name=f"TPR at {100 * rate:g} % FPR",
        value=hits / m,
        low=min(float(low), hits / m),
        high=max(float(high), hits / m),
        scope="internal",
        how="Clopper-Pearson, beside the interval of the threshold (order statistics of non-members)",
        confidence=confidence,
    )


def curve(members: Floats, others: Floats) -> Curve:
    """The ROC as at most POINTS points (false positive rate, true positive rate), evenly spaced on a log axis.

    It starts at one false positive of n, the least that these others can show, and ends at (1, 1). Both rates are what
    was counted, so that ties are no gain.
    """
    n = len(others)
    wanted = np.unique(np.round(np.geomspace(1, n, POINTS)).astype(np.int64))
    falling, rising = np.sort(others)[::-1], np.sort(members)
    thresholds = np.unique(np.append(falling[wanted[wanted < n]], -np.inf))[::-1]
    false = (n - np.searchsorted(falling[::-1], thresholds, side="right")) / n
    true = (len(members) - np.searchsorted(rising, thresholds, side="right")) / len(members)
    return tuple((float(f), float(t)) for f, t in zip(false, true, strict=True) if f > 0)
