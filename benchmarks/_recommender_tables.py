"""The tables that the recommender takes, of the embedded shop of any size and of UCI's Online Retail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis

PLACES = ("customers", "orders", "lines", "products")


def embedded(folder: Path, customers: int) -> list[Any]:
    """A synthetic shop made into `folder`, as its release has it: orders by the hour."""
    from models.shop.generate import make_shop

    make_shop(folder / "shop", customers=customers, seed=1)
    connection = ibis.duckdb.connect()
    people = connection.read_csv(folder / "shop" / "customers.csv")
    orders = connection.read_parquet(folder / "shop" / "orders.parquet")
    return [
        connection.create_table("customers", people.select("customer_id", "part", "household")),
        connection.create_table("orders", orders.mutate(ordered_at=orders.ordered_at.truncate("h"))),
        connection.create_table("lines", connection.read_parquet(folder / "shop" / "order_lines.parquet")),
        connection.create_table("products", connection.read_csv(folder / "shop" / "products.csv")),
    ]


def online_retail(data: Path) -> list[Any]:
    """Invoices of known customers, without returns; parts by customer number, categories by the last word.

    A product's description ends in what it is (MUG, BAG, LIGHTS); its price is the median of what was asked. Which
    products there are and what they are called is the shop's own catalogue, public.
    """
    connection = ibis.duckdb.connect()
    connection.read_parquet(data / "online_retail" / "online_retail.parquet", table_name="raw")
    connection.raw_sql(_SALES)
    for name in PLACES:
        connection.raw_sql(f"CREATE TABLE {name} AS {_OF_SALES[name]}")
    return [connection.table(name) for name in PLACES]


_SALES = """
    CREATE TABLE sales AS SELECT CustomerID::VARCHAR AS customer_id, InvoiceNo AS order_id, StockCode AS product_id,
        date_trunc('hour', InvoiceDate) AS ordered_at, Description AS description, UnitPrice AS price
    FROM raw WHERE CustomerID IS NOT NULL AND Quantity > 0 AND UnitPrice > 0 AND InvoiceNo NOT LIKE 'C%'
"""
_OF_SALES = {
    "customers": """
        SELECT customer_id, CASE WHEN turn < 6 THEN 'train' WHEN turn < 8 THEN 'test' ELSE 'holdout' END AS part
        FROM (SELECT DISTINCT customer_id, hash(customer_id) % 10 AS turn FROM sales)
    """,
    "orders": """
        SELECT order_id, any_value(customer_id) AS customer_id, min(ordered_at) AS ordered_at FROM sales GROUP BY 1
    """,
    "lines": "SELECT DISTINCT order_id, product_id FROM sales",
    "products": """
        SELECT product_id, 'gifts' AS department, coalesce(regexp_extract(trim(any_value(description)), '[A-Z]+$'), '')
            AS category, median(price) AS price FROM sales GROUP BY 1
    """,
}
