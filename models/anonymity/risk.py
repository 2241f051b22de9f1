"""Risk: from the sizes of classes to the risk of being named, and to uniqueness in a population.

Prosecutor, journalist and marketer risk are those of El Emam, *Guide to the De-Identification of Personal Health
Information* (2013), as ARX computes them. `sizes` maps a class size to the number of classes of that size.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import comb, exp, lgamma, log

from models.values.measures import Risk

Sizes = Mapping[int, int]
_LARGE_SAMPLE = 0.1


def prosecutor(sizes: Sizes, threshold: float) -> Risk:
    """A row's risk is 1 / size of its class; the rows of risk above `threshold` are counted with their customers."""
    rows = sum(size * many for size, many in sizes.items())
    if not rows:
        return Risk(highest=0, average=0, above_threshold=0)
    above = sum(size * many for size, many in sizes.items() if 1 / size > threshold)
    return Risk(highest=1 / min(sizes), average=sum(sizes.values()) / rows, above_threshold=above / rows)


def journalist(pairs: Mapping[tuple[int, int], int], threshold: float) -> Risk:
    """A row's risk is 1 / size of its class in the population.

    `pairs` maps (size in the table, size in the population) to how many classes have them. The mean is the
    larger of two: classes over people of the population in these classes, and the mean over the rows.
    """
    rows = sum(size * many for (size, _), many in pairs.items())
    if not rows:
        return Risk(highest=0, average=0, above_threshold=0)
    people = sum(among * many for (_, among), many in pairs.items())
    by_row = sum(size * many / among for (size, among), many in pairs.items()) / rows
    above = sum(size * many for (size, among), many in pairs.items() if 1 / among > threshold)
    return Risk(
        highest=1 / min(among for _, among in pairs),
        average=max(sum(pairs.values()) / people, by_row),
        above_threshold=above / rows,
    )


def marketer(pairs: Mapping[tuple[int, int], int]) -> float:
    """The share of rows that an attacker who names every row is expected to get right."""
    rows = sum(size * many for (size, _), many in pairs.items())
    return sum(size * many / among for (size, among), many in pairs.items()) / rows if rows else 0.0


def population_unique(sizes: Sizes, population: int) -> float:
    """The share of the table's rows estimated to be unique among `population` people, of whom its rows are a sample.

    By the rule of Dankar et al. 2012: for a sample of at most a tenth, the model of Pitman (Hoshino 2001) unless
    that of Zayatz (1991) says less; otherwise Zayatz. A sample that is the whole population needs no estimate.
    """
    rows, alone = sum(size * many for size, many in sizes.items()), sizes.get(1, 0)
    if not alone:
        return 0.0
    if rows >= population:
        return alone / rows
    by_zayatz = zayatz(sizes, population)
    return by_zayatz if rows / population > _LARGE_SAMPLE else min(by_zayatz, pitman(sizes, population))


def zayatz(sizes: Sizes, population: int) -> float:
    """Unique rows times the chance that a class of which one row was drawn has one member (Zayatz 1991).

    The shares of class sizes in the population are taken to be those of the sample; drawing is hypergeometric.
    """
    rows, classes = sum(size * many for size, many in sizes.items()), sum(sizes.values())
    chance = {size: many / classes * _one_drawn(population, size, rows) for size, many in sizes.items()}
    whole = sum(chance.values())
    return sizes.get(1, 0) / rows * chance.get(1, 0.0) / whole if whole else 0.0


def _one_drawn(population: int, size: int, rows: int) -> float:
    """The chance that exactly one of `size` members of the population is among `rows` drawn ones."""
    if population - size < rows - 1:
        return 0.0
    return exp(log(size) + _log_choose(population - size, rows - 1) - _log_choose(population, rows))


def _log_choose(n: int, k: int) -> float:
    return log(comb(n, k)) if n < 50 else lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def pitman(sizes: Sizes, population: int) -> float:
    """The share of people that are unique under Pitman's sampling formula, fitted by likelihood (Hoshino 2001).

    The expected number of classes of one among N is Gamma(theta + 1) / Gamma(theta + alpha) * N^alpha.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import gammaln

    counts = np.array(sorted(sizes.items()), dtype=float)
    rows, classes = float(counts.prod(axis=1).sum()), float(counts[:, 1].sum())

    def against(place: np.ndarray) -> float:
        alpha, theta = 1 / (1 + np.exp(-place[0])), float(np.exp(place[1]))
        partition = (
            (classes - 1) * np.log(alpha) + gammaln(theta / alpha + classes) - gammaln(theta / alpha + 1)
        )
        kept = (counts[:, 1] * (gammaln(counts[:, 0] - alpha) - gammaln(1 - alpha))).sum()
        return float(-(partition + kept - gammaln(theta + rows) + gammaln(theta + 1)))

    fitted = minimize(against, np.array([0.0, np.log(classes + 1)]), method="Nelder-Mead").x
    alpha, theta = 1 / (1 + exp(-fitted[0])), exp(fitted[1])
    expected = exp(lgamma(theta + 1) - lgamma(theta + alpha) + alpha * log(population))
    return min(1.0, expected / population)
