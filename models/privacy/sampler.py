"""The sampler: which customers take part in a step."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.privacy.errors import PrivacyError
from models.privacy.noise import Entropy

Sampler = Literal["poisson"]


class PoissonSampler:
    """Includes each customer with probability `rate`, independently of the others and of other steps.

    Amplification by subsampling is proved for this sampler only: shuffled or fixed-size batches have the
    epsilon without amplification. The choices come from the same cryptographic source as the noise,
    because the amplification holds only while the attacker does not know them.
    """

    name: Final[Sampler] = "poisson"

    def __init__(self, rate: float, entropy: Entropy) -> None:
        if not 0 < rate <= 1:
            raise PrivacyError(f"sampling rate {rate:g} is not in (0, 1]; give a smaller expected batch")
        self.rate: Final = rate
        self._per_customer = math.log1p(-rate) if rate < 1 else -math.inf
        self._entropy = entropy

    def sample(self, customers: int) -> NDArray[np.int64]:
        """The indices of one step's customers out of `customers`, ascending; the batch may well be empty.

        How many are passed over before the next one has the geometric distribution, drawn by inversion, so
        the cost follows the batch, not the shop. Every chance is right up to about 2^-52.
        """
        mean = self.rate * customers
        many = int(mean + 6 * math.sqrt(mean)) + 16
        found = [np.array([-1])]
        while found[-1][-1] < customers:
            passed = np.log(self._entropy.uniform(many)) // self._per_customer
            steps = np.minimum(passed, customers).astype(np.int64) + 1
            found.append(found[-1][-1] + np.cumsum(steps))
        places = np.concatenate(found)
        return places[1 : np.searchsorted(places, customers)]
