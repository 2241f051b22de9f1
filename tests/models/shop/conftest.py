"""A shop of 4,000 customers, made once from the built-in sample, as tables of DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.shop.generate import make_shop
from models.shop.purchases import Purchases

CUSTOMERS = 4_000


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("embedded") / "shop"
    make_shop(out, customers=CUSTOMERS, seed=3, purchases=Purchases.sample())
    return out


@pytest.fixture(scope="session")
def tables(shop: Path) -> Iterator[Any]:
    import duckdb

    with duckdb.connect() as connection:
        for name in ("customers", "products", "answers", "tickets", "consents", "campaign_contacts"):
            connection.read_csv(str(shop / f"{name}.csv"), all_varchar=True).create_view(name)
        for name in ("orders", "order_lines"):
            connection.read_parquet(str(shop / f"{name}.parquet")).create_view(name)
        yield connection
