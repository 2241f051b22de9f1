from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.privacy.errors import PrivacyError


@pytest.mark.parametrize(
    "change",
    [
        {"labels": np.zeros((300, 3))},
        {"mask": np.zeros((299, 4), dtype=bool)},
        {"features": np.zeros((300, 3, 2))},
        {"groups": np.zeros(3, dtype=int)},
    ],
)
def test_shapes_must_agree(change: dict[str, Any], make_customers: Any) -> None:
    with pytest.raises(PrivacyError, match="rebuild the examples"):
        replace(make_customers(), **change)


def test_taking_keeps_what_belongs_together(make_customers: Any) -> None:
    customers = replace(make_customers(6), groups=np.array([0, 0, 1, 1, 2, 2]))
    taken = customers.take(np.array([4, 1]))
    np.testing.assert_array_equal(taken.features, customers.features[[4, 1]])
    np.testing.assert_array_equal(taken.group_of(), [2, 0])
    assert (taken.customers, taken.max_examples) == (2, 4)
    assert len(set(make_customers(6).group_of())) == 6
