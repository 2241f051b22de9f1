from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from models.privacy import tf_privacy
from models.privacy.errors import PrivacyError


def test_a_part_of_the_library_loads() -> None:
    module = tf_privacy.part("privacy.dp_query.gaussian_query")
    assert module.__name__ == "tensorflow_privacy.privacy.dp_query.gaussian_query"
    assert hasattr(module, "GaussianSumQuery")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(name: str, package: Any = None) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    with pytest.raises(PrivacyError, match="not installed"):
        tf_privacy._bare_package()
