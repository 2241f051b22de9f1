from __future__ import annotations

import pytest

from models.values.percent import percent_at_most


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0, "0.0"),
        (0.5, "50.0"),
        (0.9526, "95.3"),
        (0.99966, "99.97"),
        (0.9999999979, "99.9999998"),
        (1, "100.0"),
    ],
)
def test_it_is_never_smaller_and_never_100_of_less(share: float, shown: str) -> None:
    assert percent_at_most(share) == shown
