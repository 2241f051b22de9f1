"""DP-ALS: matrix factorisation by alternating least squares, the classical recommender, under differential privacy.

Chien et al. 2021, *Private Alternating Least Squares: Practical Private Matrix Completion with Tighter Rates* (ICML),
for implicit feedback (Hu et al. 2008). Customers' factors are computed from each customer's own history and the item
factors, and are used for that customer alone. Item factors come from sums over customers with Gaussian noise. So
everything that a customer sees is private towards all *others*: joint differential privacy (Kearns et al. 2014).

Only items that are popular enough to stand out from noise have a factor: the others would be noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import dp_accounting
import numpy as np
from dp_accounting.gaussian_mechanism import get_sigma_gaussian
from numpy.typing import NDArray
from pydantic import Field

from models.privacy.epsilon import pld_epsilon
from models.privacy.errors import PrivacyError
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.values.base import Value
from models.values.target import PrivacyTarget

Floats = NDArray[np.float64]
_SEED: Final = 20_260_101
_AT_ONCE: Final = 8192  # customers


class AlsPlan(Value):
    """What a training will do, with the share of the target that it may cost: `rounds` noised sums.

    `width` numbers a factor, `ridge` customers' worth of zeros beside each item, `unobserved` the weight of the items
    that a customer did not buy. `noise_multiplier` is that of each sum, whose sensitivity is 1.
    """

    target: PrivacyTarget
    share: float = Field(default=0.9, gt=0, le=1)
    rounds: int = Field(default=2, ge=1)
    width: int = Field(default=8, ge=1)
    ridge: float = Field(default=10.0, gt=0)
    unobserved: float = Field(default=0.1, gt=0)

    @property
    def noise_multiplier(self) -> float:
        """k Gaussian mechanisms of noise multiplier sigma are one of sigma / sqrt(k) (Dong et al. 2022)."""
        whole = get_sigma_gaussian(self.target.epsilon, self.target.delta)
        return float(whole) * math.sqrt(self.rounds / self.share)

    @property
    def epsilon(self) -> float:
        """What the rounds cost by themselves, by the privacy loss distribution."""
        event = dp_accounting.SelfComposedDpEvent(
            dp_accounting.GaussianDpEvent(self.noise_multiplier), self.rounds
        )
        return pld_epsilon(event, self.target.delta)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ItemFactors:
    """Factors (items, width), zero where there is none; `drawn` are the standard deviations of the noise, as drawn."""

    factors: Floats
    unobserved: float
    drawn: tuple[float, ...]

    def customers(self, history: NDArray[Any]) -> Floats:
        """Each customer's factor (n, width) from that customer's `history` (n, h) of item numbers, 0 for none."""
        return _customers(self.factors, history, self.unobserved)


def fit_als(
    plan: AlsPlan,
    history: NDArray[Any],
    *,
    items: int,
    head: NDArray[np.int64],
    entropy: Entropy | None = None,
) -> ItemFactors:
    """Item factors from `history` (n, h), the item numbers in [1, items) of each training customer, 0 for none.

    `head` names the items with a factor; it must be public or DP-released. Raises PrivacyError for items out of range.
    """
    if history.size and not 0 <= history.min() <= history.max() < items:
        raise PrivacyError(f"an item is not in [0, {items}); number items as the public catalogue does")
    noise = GaussianNoise(entropy or KeyStream())
    place = np.zeros(items, np.int64)
    place[head] = 1 + np.arange(len(head))
    own = place[history]  # items without a factor become none
    drawn = np.random.default_rng(_SEED).normal(size=(len(head) + 1, plan.width))
    factors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True) * (np.arange(len(head) + 1) > 0)[:, None]
    for _ in range(plan.rounds):
        sums = _sums(_customers(factors, own, plan.unobserved), own, len(head) + 1)
        noised = sums + noise.draw(sums.shape, stddev=plan.noise_multiplier)
        factors = _solved(noised, plan)
    whole = np.zeros((items, plan.width))
    whole[head] = factors[1:]
    return ItemFactors(factors=whole, unobserved=plan.unobserved, drawn=tuple(noise.taken()))


def _customers(factors: Floats, history: NDArray[Any], unobserved: float) -> Floats:
    """Least squares of ones at a customer's items and zeros at all others, brought to norm 1 or below."""
    width = factors.shape[1]
    everything = unobserved * factors.T @ factors + 1e-3 * np.eye(width)
    found = [np.zeros((0, width))]
    for start in range(0, len(history), _AT_ONCE):
        vectors = factors[history[start : start + _AT_ONCE]]  # those of no item are zero
        left = np.matmul(vectors.transpose(0, 2, 1), vectors) + everything
        found.append(np.linalg.solve(left, vectors.sum(axis=1)[:, :, None])[:, :, 0])
    each = np.concatenate(found)
    return np.asarray(each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1.0))


def _sums(customers: Floats, own: NDArray[np.int64], items: int) -> Floats:
    """(items, d (d + 1) / 2 + d): of every item the sums of u u' and u of those who bought it; row 0 is of all.

    A customer with c items gives each of them vectors of norm at most sqrt(2 / c), and u u' once to row 0: together
    at most sqrt(3) long, divided by which the sensitivity is 1.
    """
    squares = _packed(customers)
    per_customer = np.concatenate([squares, customers], axis=1) / math.sqrt(3)
    per_customer[~np.isfinite(per_customer).all(axis=1)] = 0.0
    who, place = np.nonzero(own)
    item = own[who, place]
    weight = (1 / np.sqrt(np.maximum((own > 0).sum(axis=1), 1)))[who]
    sums = np.stack(
        [np.bincount(item, weight * column[who], minlength=items) for column in per_customer.T], axis=1
    )
    sums[0, : squares.shape[1]] = per_customer[:, : squares.shape[1]].sum(axis=0)
    return np.asarray(sums)


def _packed(vectors: Floats) -> Floats:
    """u u' (n, d (d + 1) / 2): the diagonal, then what is above it times sqrt(2), so that the norm is |u|^2."""
    row, column = np.triu_indices(vectors.shape[1], 1)
    return np.concatenate([vectors**2, math.sqrt(2) * vectors[:, row] * vectors[:, column]], axis=1)


def _unpacked(packed: Floats, width: int) -> Floats:
    row, column = np.triu_indices(width, 1)
    matrix = np.zeros((len(packed), width, width))
    matrix[:, row, column] = packed[:, width:] / math.sqrt(2)
    matrix += matrix.transpose(0, 2, 1)
    matrix[:, np.arange(width), np.arange(width)] = packed[:, :width]
    return matrix


def _solved(noised: Floats, plan: AlsPlan) -> Floats:
    """Factors (items, width) of the noised sums; matrices that noise made indefinite are projected to definite ones."""
    count = noised.shape[1] - plan.width
    left = _unpacked(noised[:, :count], plan.width)
    left[1:] += plan.unobserved * left[0]
    values, vectors = np.linalg.eigh(left)
    right = np.einsum("nij,ni->nj", vectors, noised[:, count:])
    solved = np.einsum("nij,nj->ni", vectors, right / (np.maximum(values, 0.0) + plan.ridge))
    solved[0] = 0.0
    return np.asarray(solved)
