from __future__ import annotations

import pytest

from tests.models.attacks.overfitted import Overfitted, overfitted_twin


@pytest.fixture(scope="session")
def overfitted() -> Overfitted:
    return overfitted_twin()
