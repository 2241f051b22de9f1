"""Tables: the drawn shop as the columns of its six files, and the files themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.shop.identities import Identities
from models.shop.orders import CHANNELS, PAYMENT_METHODS, Orders, order_cents, order_lines
from models.shop.places import POSTCODES, Words
from models.shop.purchases import Baskets, Integers
from models.shop.text import codes, hex_codes


@dataclass(frozen=True, kw_only=True)
class Shop:
    """All that was drawn: `household`, `part`, `joined_day` (since 1970) and `tier` are [customers]."""

    household: Integers
    part: Words
    who: Identities
    joined_day: Integers
    tier: Words
    orders: Orders
    baskets: Baskets
    tickets: dict[str, Any]
    consents: dict[str, Any]
    catalogue: dict[str, Any]


def write_tables(folder: Path, shop: Shop) -> None:
    """Write the six source files of the shop into `folder`."""
    number = shop.orders.numbers()
    order_id = codes("O", number, 8)
    _csv(folder / "customers.csv", _customers(shop))
    _parquet(folder / "orders.parquet", _orders(shop, order_id), np.argsort(number))
    _parquet(folder / "order_lines.parquet", _lines(shop, order_id))
    _csv(
        folder / "products.csv", shop.catalogue | {"product_id": codes("P", shop.catalogue["product_id"], 8)}
    )
    _csv(folder / "tickets.csv", _tickets(shop.tickets))
    _csv(folder / "consents.csv", _consents(shop.consents))


def _customers(shop: Shop) -> dict[str, Any]:
    import pyarrow as pa

    who = shop.who
    return {
        "customer_id": codes("C", np.arange(1, len(shop.household) + 1), 7),
        "household": shop.household,
        "part": shop.part,
        "name": who.name,
        "email": who.email,
        "phone": pa.array(who.phone, mask=~who.phone_on_file),
        "address": who.address,
        "postcode": POSTCODES[who.home],
        "city": who.city,
        "birth_date": who.birth_date,
        "gender": who.gender,
        "joined_at": shop.joined_day.astype("datetime64[D]"),
        "loyalty_tier": shop.tier,
    }


def _orders(shop: Shop, order_id: Any) -> dict[str, Any]:
    orders = shop.orders
    return {
        "order_id": order_id,
        "customer_id": codes("C", orders.customer + 1, 7),
        "ordered_at": orders.at.astype("datetime64[s]"),
        "amount": order_cents(orders, shop.baskets) / 100,
        "payment_method": np.array(PAYMENT_METHODS, dtype=object)[orders.payment],
        "channel": np.array(CHANNELS, dtype=object)[orders.channel],
        "device_id": hex_codes("D", _scatter(orders.device), 12),
        "ship_postcode": POSTCODES[orders.ship],
        "is_fraud": orders.fraud,
    }


def _scatter(numbers: Integers) -> Integers:
    """Numbers below 2^48 spread over all of them, one to one: an odd factor has an inverse modulo 2^48."""
    return (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4B) & np.uint64((1 << 48) - 1)).astype(np.int64)


def _lines(shop: Shop, order_id: Any) -> dict[str, Any]:
    order, line = order_lines(shop.orders, shop.baskets)
    times = shop.orders.times[order]
    return {
        "order_id": order_id.take(order),
        "product_id": codes("P", shop.baskets.product[line], 8),
        "quantity": shop.baskets.quantity[line] * times,
        "amount": shop.baskets.cents[line] * times / 100,
    }


def _tickets(rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "ticket_id": codes("T", np.arange(1, len(rows["text"]) + 1), 7),
        "customer_id": codes("C", rows["customer"] + 1, 7),
        "opened_at": rows["opened_at"].astype("datetime64[s]"),
        "intent": rows["intent"],
        "text": rows["text"],
    }


def _consents(rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "customer_id": codes("C", rows["customer"] + 1, 7),
        "purpose": rows["purpose"],
        "state": rows["state"],
        "recorded_at": rows["recorded_at"].astype("datetime64[s]"),
        "version": rows["version"],
    }


def _csv(path: Path, columns: dict[str, Any]) -> None:
    import pyarrow as pa
    from pyarrow import csv

    csv.write_csv(pa.table(columns), path, csv.WriteOptions(quoting_style="needed"))


def _parquet(path: Path, columns: dict[str, Any], order: Integers | None = None) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(columns)
    if order is not None:
        table = table.take(order)
    parquet.write_table(table, path, compression="zstd", coerce_timestamps="us")
