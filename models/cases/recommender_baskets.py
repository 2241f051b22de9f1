"""Baskets: what a customer bought, basket by basket, and what was known of the customer before each.

A basket is all that a customer ordered at one (coarsened) time. Its history is every basket strictly before it:
what was ordered in the same hour is never part of it. No other customer's row is read. Everything is counted by the
engine; only what a list has of each kept customer leaves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
from numpy.typing import NDArray

from models.cases.case import require_columns
from models.cases.customers import one_row_each

if TYPE_CHECKING:
    import ibis.expr.types as ir

CUSTOMER_COLUMNS: Final = ("customer_id",)
ORDER_COLUMNS: Final = ("order_id", "customer_id", "ordered_at")
LINE_COLUMNS: Final = ("order_id", "product_id")
PRODUCT_COLUMNS: Final = ("product_id", "department", "category", "price")
BASKETS: Final = 2  # of a customer that are learnt from, the latest
HISTORY: Final = 24  # items of a history: bought most often, then most lately
TARGETS: Final = 4  # items of a basket that are to be foretold
_MOST: Final = 255  # a count that fits a byte
_SPREAD: Final = 7919  # a prime
_ITEM_BITS, _LINE_BITS = 25, 39  # an item; an item with its place in a spread order


def features(customers: ir.Table, orders: ir.Table, lines: ir.Table, products: ir.Table) -> ir.Table:
    """One row for the next basket (place 0) and for each of the latest BASKETS baskets (1: the last) of a customer.

    Columns: customer_id, part, household where known, place, `before` (how many baskets came before), `history` (at
    most HISTORY items bought before, most often first, then most lately) and `bought` (at most TARGETS items of the
    basket; none for the next one). Both are lists of numbers, which sort fast: see `item_of` and `times_and_since`.
    First baskets have no history and are left out.

    Customers whose column `personalised` is false, where there is one, get a next basket without history: none of
    their orders is read.
    """
    for table, columns, name in (
        (customers, CUSTOMER_COLUMNS, "rec_customers"),
        (orders, ORDER_COLUMNS, "rec_orders"),
        (lines, LINE_COLUMNS, "rec_lines"),
        (products, PRODUCT_COLUMNS, "products"),
    ):
        require_columns(table, columns, name)
    wants = {"personalised": customers.personalised.all()} if "personalised" in customers.columns else {}
    people = one_row_each(customers, **wants)
    # Shorter to compare than a pseudonym; in an order, since the engine may number twice what it is asked for twice.
    people = people.mutate(who=ibis.row_number().over(ibis.window(order_by="customer_id")))
    read = people.filter(people.personalised) if wants else people
    held = _held(orders.join(read.select("customer_id", "who"), "customer_id"), lines, products)
    places = _places(people.drop(*wants), held)
    known = _known(places, held)
    rows = places.left_join(known, ["who", "place"]).drop("who", "who_right", "place_right")
    return rows.mutate(before=rows.before.clip(upper=_MOST))


def numbered(products: ir.Table) -> ir.Table:
    """The public catalogue with `item`, the number of each product: 1, 2, ... by product_id."""
    once = products.group_by("product_id").aggregate(
        department=products.department.min(), category=products.category.min(), price=products.price.min()
    )
    return once.mutate(item=ibis.row_number().over(ibis.window(order_by="product_id")) + 1)


def _held(orders: ir.Table, lines: ir.Table, products: ir.Table) -> ir.Table:
    """Who bought which item in which `turn` (0 for the first basket), once each."""
    turn = ibis.dense_rank().over(ibis.window(group_by="who", order_by="ordered_at"))
    order = orders.select("order_id", "who", turn=turn)
    items = numbered(products).select("product_id", "item")
    bought = lines.select("order_id", "product_id").join(order, "order_id").join(items, "product_id")
    return bought.select("who", "turn", "item").distinct()


def _places(people: ir.Table, held: ir.Table) -> ir.Table:
    """Every customer's next basket and latest ones, with how many baskets came before."""
    baskets = held.group_by("who").aggregate(baskets=held.turn.max() + 1)
    known = people.left_join(baskets, "who").drop("who_right")
    places = ibis.range(BASKETS + 1).unnest().name("place").as_table()
    every = known.cross_join(places)
    every = every.mutate(before=every.baskets.fill_null(0) - every.place)
    return every.filter((every.place == 0) | (every.before >= 1)).drop("baskets")


def _known(places: ir.Table, held: ir.Table) -> ir.Table:
    """The lists of every place."""
    read = places.select("who", "place", "before").join(held, "who")
    read = read.filter(read.turn <= read.before)
    earlier = read.turn < read.before
    items = read.group_by("who", "place", "item").aggregate(
        times=earlier.sum().clip(upper=_MOST),
        since=ibis.ifelse(earlier, read.before - read.turn, _MOST).min().clip(upper=_MOST),
        now=(~earlier).any(),
    )
    line = _line(items.item)
    often = (_MOST - items.times) * (_MOST + 1) + items.since
    return items.group_by("who", "place").aggregate(
        history=(often * (1 << _LINE_BITS) + line).collect(where=items.times > 0).sort()[:HISTORY],
        bought=line.collect(where=items.now).sort()[:TARGETS],
    )


def _line(item: Any) -> Any:
    """An item as a number whose order goes to no corner of the catalogue."""
    return ((item * _SPREAD) % 10_007) * (1 << _ITEM_BITS) + item


def item_of(line: NDArray[np.int64]) -> NDArray[np.int64]:
    """The item of a number in `bought` or `history`."""
    return line & ((1 << _ITEM_BITS) - 1)


def times_and_since(line: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many baskets before held it, and how many baskets ago the last of them was, of numbers in `history`."""
    often = line >> _LINE_BITS
    return _MOST - often // (_MOST + 1), often % (_MOST + 1)
