"""Numbers of groups are those of their keys, whichever way they are found."""

from __future__ import annotations

import numpy as np
import pytest

from models.anonymity.search.classes import number


@pytest.mark.parametrize(
    "keys", [[], [7], [3, 1, 3, 2, 1], [0, 1, 2, 1 << 40], [-2, 5, -2], [1 << 62, 0, 1 << 62]]
)
def test_equal_keys_have_one_number_in_their_order(keys: list[int]) -> None:
    found, different = number(np.asarray(keys, dtype=np.int64))
    assert found.tolist() == [sorted(set(keys)).index(key) for key in keys]
    assert different == len(set(keys))
