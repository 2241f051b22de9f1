"""Tables: a chunk of the drawn shop as Arrow tables with the columns of the shop's files."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.shop.campaign import CAMPAIGN
from models.shop.chunks import Chunk
from models.shop.orders import CHANNELS, PAYMENT_METHODS, order_cents, order_lines
from models.shop.places import POSTCODES
from models.shop.purchases import Baskets, Integers
from models.shop.text import codes, hex_codes


def customers_table(chunk: Chunk) -> Any:
    """One row a customer."""
    import pyarrow as pa

    who = chunk.who
    return pa.table(
        {
            "customer_id": _customer(chunk, np.arange(len(chunk.household))),
            "household": chunk.household,
            "part": chunk.part,
            "name": who.name,
            "email": who.email,
            "phone": pa.array(who.phone, pa.string(), mask=~who.phone_on_file),
            "address": who.address,
            "postcode": POSTCODES[who.home],
            "city": who.city,
            "birth_date": who.birth_date,
            "gender": who.gender,
            "joined_at": chunk.joined_day.astype("datetime64[D]"),
            "loyalty_tier": chunk.tier,
        }
    )


def order_rows(chunk: Chunk, baskets: Baskets) -> Any:
    """Orders as numbers, to be sorted by `number` and then shown by `orders_table`."""
    import pyarrow as pa

    orders = chunk.orders
    return pa.table(
        {
            "number": chunk.number,
            "customer": orders.customer + chunk.first,
            "at": orders.at,
            "cents": order_cents(orders, baskets),
            "payment": orders.payment.astype(np.int8),
            "channel": orders.channel.astype(np.int8),
            "device": orders.device,
            "ship": orders.ship.astype(np.int16),
            "fraud": orders.fraud,
        }
    )


def orders_table(rows: Any) -> Any:
    """Sorted rows of `order_rows` as the file shows them."""
    import pyarrow as pa

    of = {name: rows[name].to_numpy() for name in rows.column_names}
    return pa.table(
        {
            "order_id": codes("O", of["number"], 8),
            "customer_id": codes("C", of["customer"] + 1, 7),
            "ordered_at": of["at"].astype("datetime64[s]"),
            "amount": of["cents"] / 100,
            "payment_method": np.array(PAYMENT_METHODS, dtype=object)[of["payment"]],
            "channel": np.array(CHANNELS, dtype=object)[of["channel"]],
            "device_id": hex_codes("D", _scatter(of["device"]), 12),
            "ship_postcode": POSTCODES[of["ship"]],
            "is_fraud": of["fraud"],
        }
    )


def _scatter(numbers: Integers) -> Integers:
    """Numbers below 2^48 spread over all of them, one to one: an odd factor has an inverse modulo 2^48."""
    return (numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4B) & np.uint64((1 << 48) - 1)).astype(np.int64)


def lines_table(chunk: Chunk, baskets: Baskets) -> Any:
    """The lines of all orders, customer by customer."""
    import pyarrow as pa

    order, line = order_lines(chunk.orders, baskets)
    times = chunk.orders.times[order]
    return pa.table(
        {
            "order_id": codes("O", chunk.number[order], 8),
            "product_id": codes("P", baskets.product[line], 8),
            "quantity": baskets.quantity[line] * times,
            "amount": baskets.cents[line] * times / 100,
        }
    )


def products_table(catalogue: dict[str, Any]) -> Any:
    """The catalogue."""
    import pyarrow as pa

    return pa.table(catalogue | {"product_id": codes("P", catalogue["product_id"], 8)})


def ticket_rows(chunk: Chunk) -> Any:
    """Tickets without a number, to be sorted by `at`; `chinese` says whose they are."""
    import pyarrow as pa

    rows = chunk.tickets
    return pa.table(
        {
            "customer": rows["customer"] + chunk.first,
            "at": rows["opened_at"],
            "intent": rows["intent"],
            "text": rows["text"],
            "chinese": chunk.who.chinese[rows["customer"]],
        }
    )


def tickets_table(rows: Any, first: int) -> Any:
    """Sorted rows of `ticket_rows` as the file shows them; the first one is number `first`."""
    import pyarrow as pa

    return pa.table(
        {
            "ticket_id": codes("T", np.arange(first, first + rows.num_rows), 7),
            "customer_id": codes("C", rows["customer"].to_numpy() + 1, 7),
            "opened_at": rows["at"].to_numpy().astype("datetime64[s]"),
            "intent": rows["intent"],
            "text": rows["text"],
        }
    )


def consents_table(chunk: Chunk) -> Any:
    """What customers allow, customer by customer."""
    import pyarrow as pa

    rows = chunk.consents
    return pa.table(
        {
            "customer_id": _customer(chunk, rows["customer"]),
            "purpose": rows["purpose"],
            "state": rows["state"],
            "recorded_at": rows["recorded_at"].astype("datetime64[s]"),
            "version": rows["version"],
        }
    )


def campaign_table(chunk: Chunk) -> Any:
    """The campaign's contacts and answers; who got no voucher has no time of contact."""
    import pyarrow as pa

    rows = chunk.campaign
    at = rows["contacted_at"].astype("datetime64[s]")
    return pa.table(
        {
            "customer_id": _customer(chunk, rows["customer"]),
            "campaign": np.full(len(at), CAMPAIGN),
            "treated": rows["treated"],
            "contacted_at": pa.array(at, mask=~rows["treated"]),
            "responded": rows["responded"],
            "spend": rows["spend"] / 100,
        }
    )


def _customer(chunk: Chunk, customer: Integers) -> Any:
    return codes("C", customer + chunk.first + 1, 7)
