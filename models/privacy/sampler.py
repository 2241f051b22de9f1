"""The sampler: which customers take part in a step."""

from __future__ import annotations

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
        self._entropy = entropy

    def sample(self, customers: int) -> NDArray[np.int64]:
        """The indices of one step's customers out of `customers`, ascending; the batch may well be empty."""
        return np.flatnonzero(self._entropy.uniform(customers) < self.rate)
