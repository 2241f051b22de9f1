from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.privacy.errors import PrivacyError
from models.privacy.noise import KeyStream
from models.privacy.sampler import PoissonSampler


def _inclusions(rate: float, customers: int, steps: int) -> Any:
    sampler = PoissonSampler(rate, KeyStream())
    included = np.zeros((steps, customers), dtype=bool)
    for step in range(steps):
        included[step, sampler.sample(customers)] = True
    return included


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.7])
def test_customers_are_included_at_the_rate(rate: float) -> None:
    included = _inclusions(rate, 1000, 400)
    assert abs(included.mean() - rate) < 6 * np.sqrt(rate * (1 - rate) / included.size)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_batch_sizes_vary_as_under_poisson_sampling(rate: float) -> None:
    sizes = _inclusions(rate, 2000, 2000).sum(axis=1)
    assert np.var(sizes) == pytest.approx(2000 * rate * (1 - rate), rel=6 * np.sqrt(2 / 2000))


def test_inclusion_is_independent_between_steps_and_customers() -> None:
    included = _inclusions(0.3, 2000, 40).astype(float)
    limit = 6 / np.sqrt(2000 * 39)
    centred = included - 0.3
    assert abs((centred[1:] * centred[:-1]).mean() / 0.21) < limit
    assert abs((centred[:, 1:] * centred[:, :-1]).mean() / 0.21) < limit


def test_a_batch_may_be_empty_or_full() -> None:
    assert len(PoissonSampler(1e-9, KeyStream()).sample(1000)) == 0
    assert len(PoissonSampler(1.0, KeyStream()).sample(1000)) == 1000


@pytest.mark.parametrize("rate", [0.0, -0.1, 1.1])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(PrivacyError, match="sampling rate"):
        PoissonSampler(rate, KeyStream())
