"""Criteria: which groups may be published, all groups at once.

k (Sweeney 2002) and distinct l only ever gain when groups merge. Entropy and recursive l (Machanavajjhala et al.
2007), t-closeness (Li et al. 2007), enhanced beta-likeness (Cao & Karras 2012) and delta-presence (Nergiz et al.
2007) may be lost when a good group takes in a bad one. t and beta compare with the table that is *released*: what
fails goes, and the rest is measured anew until all that is left holds, since that is what its readers see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.anonymity.search.classes import DENSE, Classes, Histogram, Ints, number
from models.values.anonymity import Anonymity

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
# Shares are sums of rounded quotients: what is on the limit keeps it.
SLACK = 1e-9


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Groups of classes: customers in each, sensitive values of each, people of the population in each."""

    sizes: Ints
    sensitive: tuple[Histogram, ...]
    population: Ints | None

    @property
    def filled(self) -> Mask:
        """Groups that somebody is in."""
        return self.sizes > 0


def sizes_of(classes: Classes, owner: Ints, groups: int) -> Ints:
    """The customers in each group."""
    return _added(owner, classes.weights, groups)


def _added(owner: Ints, weights: npt.NDArray[Any], groups: int) -> Ints:
    within = owner >= 0
    if not within.all():
        owner, weights = owner[within], weights[within]
    return np.bincount(owner, weights=weights, minlength=groups).astype(np.int64)


def groups_of(classes: Classes, owner: Ints, groups: int) -> Groups:
    """The groups that `owner` (class -> group; negative: none) makes of the classes."""
    population = None
    if classes.population is not None:
        population = _added(owner, classes.population, groups)
    return Groups(
        sizes=sizes_of(classes, owner, groups),
        sensitive=tuple(merged(histogram, owner, groups) for histogram in classes.sensitive),
        population=population,
    )


def merged(histogram: Histogram, owner: Ints, groups: int) -> Histogram:
    """The histogram of groups instead of classes; entries of classes whose owner is negative are left out."""
    cards = max(len(histogram.values), 1)
    group = owner[histogram.owner]
    within = group >= 0
    keys, counts = group * cards + histogram.value, histogram.count
    if not within.all():
        keys, counts = keys[within], counts[within]
    if groups * cards <= DENSE:
        dense = np.bincount(keys, weights=counts, minlength=groups * cards).astype(np.int64)
        unique = np.flatnonzero(dense)
        summed = dense[unique]
    else:
        numbered, different = number(keys)
        summed = np.bincount(numbered, weights=counts, minlength=different).astype(np.int64)
        unique = np.empty(different, dtype=np.int64)
        unique[numbered] = keys
    owners, values = np.divmod(unique, cards)
    return Histogram(
        column=histogram.column, values=histogram.values, owner=owners, value=values, count=summed
    )


def distinct(histogram: Histogram, groups: int) -> Ints:
    """How many different sensitive values each group has, missing being one."""
    return np.bincount(histogram.owner, minlength=groups)


def safe_alone(groups: Groups, anonymity: Anonymity) -> Mask:
    """Groups large and diverse enough by count: what fails here fails in every finer grouping too."""
    kept = groups.sizes >= anonymity.k
    if anonymity.l > 1:
        for histogram in groups.sensitive:
            kept &= distinct(histogram, groups.sizes.size) >= anonymity.l
    return kept


def kept_groups(groups: Groups, anonymity: Anonymity) -> Mask:
    """The groups that may be published together, by every criterion."""
    kept = hold_alone(groups, anonymity)
    if anonymity.t is None and anonymity.beta is None:
        return kept
    while kept.any():
        still = kept & hold_beside(groups, shares_of(groups, kept), anonymity, kept)
        if np.array_equal(still, kept):
            break
        kept = still
    return kept


def hold_alone(groups: Groups, anonymity: Anonymity) -> Mask:
    """The groups that keep k, l and presence, which need no other group to be measured."""
    kept = safe_alone(groups, anonymity)
    for histogram in groups.sensitive:
        if anonymity.diversity == "entropy":
            kept &= entropies(histogram, groups.sizes) >= anonymity.least_entropy - SLACK
        elif anonymity.diversity == "recursive":
            kept &= recursive(histogram, groups.sizes.size, anonymity.c or 0.0, anonymity.l)
    if anonymity.presence is not None:
        kept &= present(groups, anonymity.presence)
    return kept


def shares_of(groups: Groups, kept: Mask) -> tuple[Floats, ...]:
    """The share of each sensitive value in the kept groups together, by column."""
    found = []
    for histogram in groups.sensitive:
        counts = np.where(kept[histogram.owner], histogram.count, 0)
        overall = np.bincount(histogram.value, weights=counts, minlength=len(histogram.values))
        found.append(overall / max(overall.sum(), 1))
    return tuple(found)


def hold_beside(groups: Groups, shares: Sequence[Floats], anonymity: Anonymity, among: Mask) -> Mask:
    """The groups (looked at where `among`) that keep t and beta beside a table of such shares."""
    held = among.copy()
    for histogram, overall in zip(groups.sensitive, shares, strict=True):
        part = _of(histogram, among)
        if anonymity.t is not None:
            far = distances(part, groups.sizes, overall, anonymity.distance == "ordered")
            held &= far <= anonymity.t + SLACK
        if anonymity.beta is not None:
            held &= likely(part, groups.sizes, overall, anonymity.beta)
    return held


def entropies(histogram: Histogram, sizes: Ints) -> Floats:
    """The entropy of each group's sensitive values in nats; 0 for an empty group."""
    share = histogram.count / sizes[histogram.owner]
    bits = np.bincount(histogram.owner, weights=-share * np.log(share), minlength=sizes.size)
    return bits.astype(np.float64)


def recursive(histogram: Histogram, groups: int, c: float, l: int) -> Mask:  # noqa: E741  # the paper's letter
    """Groups in which the most frequent value has less than c times what the l-th and rarer ones have together."""
    order = np.lexsort((-histogram.count, histogram.owner))
    owner, count = histogram.owner[order], histogram.count[order]
    begins = np.searchsorted(owner, np.arange(groups))
    rank = np.arange(owner.size) - begins[owner]
    most = np.bincount(owner, weights=np.where(rank == 0, count, 0), minlength=groups)
    tail = np.bincount(owner, weights=np.where(rank >= l - 1, count, 0), minlength=groups)
    found: Mask = most < c * tail
    return found


def present(groups: Groups, presence: tuple[float, float]) -> Mask:
    """Groups whose share of the population in them lies within bounds; all fail if the lower bound cannot hold.

    A person of the population whose group is not released is known to be absent, a presence of 0.
    """
    assert groups.population is not None, "presence is measured against a population"
    low, high = presence
    inside = groups.population > 0
    share = np.divide(groups.sizes, groups.population, out=np.full(inside.size, np.inf), where=inside)
    kept: Mask = (share >= low - SLACK) & (share <= high + SLACK)
    return kept


def whole_population(groups: Groups, kept: Mask, presence: tuple[float, float] | None) -> bool:
    """Whether nobody of the population is known to be absent where a least presence is asked for."""
    if presence is None or presence[0] <= 0 or groups.population is None:
        return True
    return bool(kept[groups.population > 0].all())


def _of(histogram: Histogram, kept: Mask) -> Histogram:
    among = kept[histogram.owner]
    return Histogram(
        column=histogram.column,
        values=histogram.values,
        owner=histogram.owner[among],
        value=histogram.value[among],
        count=histogram.count[among],
    )


def distances(histogram: Histogram, sizes: Ints, overall: Floats, ordered: bool) -> Floats:
    """Each group's earth mover's distance from `overall` (shares by value); 0 for a group without entries.

    Equal distance: half of what the shares differ by. Ordered: the values stand in a row, one step apart, and
    the whole row is 1 long; only values that occur in `overall` stand in it.
    """
    if not ordered:
        share = histogram.count / sizes[histogram.owner]
        above = np.maximum(share - overall[histogram.value], 0)
        return np.bincount(histogram.owner, weights=above, minlength=sizes.size).astype(np.float64)
    found = np.zeros(sizes.size)
    row = np.cumsum(overall > 0) - 1
    length = int(row[-1]) + 1 if row.size else 0
    if length < 2:
        return found
    table, step = np.cumsum(overall[overall > 0]), max(1, (DENSE >> 2) // length)
    owners = np.unique(histogram.owner)
    for start in range(0, owners.size, step):
        some = owners[start : start + step]
        first, last = np.searchsorted(histogram.owner, [some[0], some[-1] + 1])
        cells = np.searchsorted(some, histogram.owner[first:last]) * length + row[histogram.value[first:last]]
        counts = np.bincount(cells, weights=histogram.count[first:last], minlength=some.size * length)
        shares = np.cumsum(counts.reshape(some.size, length), axis=1) / sizes[some][:, None]
        found[some] = np.abs(shares - table).sum(axis=1) / (length - 1)
    return found


def likely(histogram: Histogram, sizes: Ints, overall: Floats, beta: float) -> Mask:
    """Groups in which no value is likelier than overall by more than min(beta, -ln overall) of its share."""
    before = overall[histogram.value]
    share = histogram.count / sizes[histogram.owner]
    limit = before * (1 + np.minimum(beta, -np.log(before)))
    above = share > np.maximum(limit, before) + SLACK
    found: Mask = np.bincount(histogram.owner, weights=above, minlength=sizes.size) == 0
    return found


def check_columns(classes: Classes, anonymity: Anonymity) -> Sequence[str]:
    """Criteria that cannot be measured on these classes, in words; empty if all can."""
    missing = []
    needs_sensitive = (
        anonymity.t is not None or anonymity.beta is not None or anonymity.diversity != "distinct"
    )
    if needs_sensitive and not classes.sensitive:
        missing.append("t, beta and entropy or recursive diversity need a sensitive column in the release")
    if anonymity.presence is not None and classes.population is None:
        missing.append("presence needs a population to compare with")
    return missing
