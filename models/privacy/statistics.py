"""Statistics of customers, released with noise: popularity of items, rates of terminals, whatever a model needs.

Each customer gives one vector, scaled down to norm 1 where it is longer; the sum gets Gaussian noise. So one customer
moves the sum by at most 1 in L2, and the plan that names the statistic accounts for it beside the training.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.privacy.errors import PrivacyError
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.privacy.runlog import StatisticLog

NORM = 1.0


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Contributions:
    """Sparse vectors of customers: entry k adds `value[k]` to cell `cell[k]` of customer `customer[k]`.

    `customer` (k,) numbers customers in any way, `cell` (k,) lies in [0, cells), `value` (k,) is in any unit; `cells`
    is public. Raises PrivacyError for arrays of different lengths and for a cell outside.
    """

    customer: NDArray[np.int64]
    cell: NDArray[np.int64]
    value: NDArray[np.float64]
    cells: int

    def __post_init__(self) -> None:
        if not len(self.customer) == len(self.cell) == len(self.value):
            raise PrivacyError(
                "customers, cells and values are not of the same number; give one of each an entry"
            )
        if len(self.cell) and not 0 <= self.cell.min() <= self.cell.max() < self.cells:
            raise PrivacyError(f"a cell is not in [0, {self.cells}); give the public number of all cells")


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """A statistic of a use case: its name, the share of the privacy target that it may cost, and what customers give.

    `contributions(rows, facts)` takes the feature rows of the training customers, a table of the engine.
    """

    name: str
    share: float
    contributions: Callable[[Any, dict[str, NDArray[Any]]], Contributions]


def noised_sum(
    given: Contributions, *, name: str, noise_multiplier: float, entropy: Entropy | None = None
) -> tuple[NDArray[np.float64], StatisticLog]:
    """The sum of all customers' vectors (cells,), each clipped to norm 1, with noise; and what the run log says of it.

    A customer with a value that is no number gives nothing.
    """
    noise = GaussianNoise(entropy or KeyStream())
    noised = clipped_sum(given) + noise.draw((given.cells,), stddev=noise_multiplier * NORM)
    drawn = noise.taken()
    log = StatisticLog(
        name=name,
        norm=NORM,
        noise_stddev=min(drawn),
        noise_draws=len(drawn),
        noise_source=noise.source,
    )
    return noised, log


def clipped_sum(given: Contributions) -> NDArray[np.float64]:
    """The sum (cells,) without noise: internal."""
    if not len(given.cell):
        return np.zeros(given.cells)
    whose = np.unique(given.customer, return_inverse=True)[1]
    pair, place = np.unique(whose * given.cells + given.cell, return_inverse=True)
    value = np.bincount(place, given.value)  # entries of a customer for one cell add up
    owner, cell = np.divmod(pair, given.cells)
    norm = np.sqrt(np.bincount(owner, value**2))
    with np.errstate(invalid="ignore"):
        factor = np.where(np.isfinite(norm), NORM / np.maximum(norm, NORM), 0.0)[owner]
        part = np.where(factor > 0, value * factor, 0.0)
    return np.bincount(cell, part, minlength=given.cells).astype(np.float64)
