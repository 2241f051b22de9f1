"""Fraud detection: is an order placed by somebody other than the customer?

Every feature compares an order with the customer's own past or with public constants. Nothing is fitted
on the data: caps, scales, lists of categories and the weight of the rare class are written here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import ibis

from models.cases.arrays import to_examples
from models.cases.case import Recipe, UseCase, require_columns
from models.cases.windows import before, hours_since_last, mean_before, within_hours
from models.privacy.examples import CustomerExamples
from models.values.scope import Measure

if TYPE_CHECKING:
    import ibis.expr.types as ir

MAX_EXAMPLES: Final = 8
POSITIVE_WEIGHT: Final = 8.0
PAYMENT_METHODS: Final = ("card", "wallet", "bank_transfer", "invoice", "gift_card")
CHANNELS: Final = ("web", "app", "phone")
ORDER_COLUMNS: Final = (
    "order_id",
    "customer_id",
    "ordered_at",
    "amount",
    "payment_method",
    "channel",
    "device_id",
    "ship_postcode",
    "is_fraud",
)
CUSTOMER_COLUMNS: Final = ("customer_id", "postcode")
_HIDDEN_UNITS = 16
_RADIANS_PER_HOUR = 2 * math.pi / 24


def features(orders: ir.Table, customers: ir.Table) -> ir.Table:
    """One row for each of at most MAX_EXAMPLES orders of every customer: ids, part, label and features.

    `orders` and `customers` are released event tables with ORDER_COLUMNS and CUSTOMER_COLUMNS; customers may
    also have part and household. Which orders of a customer are kept is decided by their pseudonym.
    """
    require_columns(orders, ORDER_COLUMNS, "fraud_orders")
    require_columns(customers, CUSTOMER_COLUMNS, "fraud_customers")
    history = _history(orders.join(_one_row_each(customers), "customer_id"))
    columns = {**_own_past(history), **_lists(history)}
    scaled = {name: value.cast("float64").fill_null(0.0) for name, value in columns.items()}
    kept = ["customer_id", "order_id", "part", *(["household"] if "household" in history.columns else [])]
    rows = history.select(*kept, label=history.is_fraud.cast("int64").fill_null(0), **scaled)
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="order_id"))
    return rows.mutate(place=place).filter(lambda row: row.place < MAX_EXAMPLES)


def examples(table: ir.Table, part: str) -> CustomerExamples:
    """The examples of the customers of one `part` (train, test or holdout) of what `features` gives."""
    return to_examples(table.filter(table.part == part), FEATURE_NAMES, max_examples=MAX_EXAMPLES)


def build_model() -> Any:
    """A small network from d features to one log-odds, newly initialised."""
    import keras

    return keras.Sequential(
        [
            keras.layers.Input((len(FEATURE_NAMES),)),
            keras.layers.Dense(_HIDDEN_UNITS, activation="tanh"),
            keras.layers.Dense(1),
        ]
    )


def optimizer() -> Any:
    """Adam with a moving average of the weights; both only post-process noised gradients."""
    import keras

    return keras.optimizers.Adam(FRAUD.recipe.learning_rate, use_ema=True, ema_momentum=0.98)


def loss(labels: Any, outputs: Any) -> Any:
    """Cross-entropy per example, with the public weight of the rare class."""
    import tensorflow as tf

    return tf.nn.weighted_cross_entropy_with_logits(labels, outputs, POSITIVE_WEIGHT)


def _one_row_each(customers: ir.Table) -> ir.Table:
    """Part, household and home of every customer, once, so that a customer is in one part only."""
    part = customers.part.min() if "part" in customers.columns else _part_by_pseudonym(customers)
    known = {"household": customers.household.min()} if "household" in customers.columns else {}
    return customers.group_by("customer_id").aggregate(part=part, home=customers.postcode.min(), **known)


def _part_by_pseudonym(customers: ir.Table) -> Any:
    """60 / 20 / 20 by the first byte of the keyed pseudonym, which depends on that customer alone."""
    byte = customers.customer_id.cast("string").substr(0, 2).lower()
    return ibis.cases((byte < "9a", "train"), (byte < "cd", "test"), else_="holdout").min()


def _history(orders: ir.Table) -> ir.Table:
    """The orders with what the windows read: whole hours since 1970 and the angle of the hour of the day."""
    hour = (orders.ordered_at.epoch_seconds() / 3600).floor().cast("int64")
    angle = (hour % 24).cast("float64") * _RADIANS_PER_HOUR
    return orders.mutate(hour=hour, sine=angle.sin(), cosine=angle.cos(), spent=orders.amount.cast("float64"))


def _own_past(history: ir.Table) -> dict[str, Any]:
    """Each order against the customer's own past, scaled by public constants to about [-3, 3]."""
    count = before(history)
    known = (count > 0).cast("float64")
    mean_spent = mean_before(history, "spent")
    sine, cosine = mean_before(history, "sine"), mean_before(history, "cosine")
    usual = (history.sine * sine + history.cosine * cosine) / (sine**2 + cosine**2 + 1e-6).sqrt()
    since = hours_since_last(history)
    share_of = {name: before(history, name) / (count + 1) for name in ("payment_method", "channel")}
    return {
        "first_order": 1 - known,
        "past_orders": _capped_log(count, 50) - 1,
        "device_new": known * (before(history, "device_id") == 0).cast("float64"),
        "away_from_home": (history.ship_postcode != history.home).cast("float64"),
        "region_new": known * (before(history, "ship_postcode") == 0).cast("float64"),
        "amount": _capped_log(history.spent, 5_000) - 3,
        "amount_to_past_mean": ((history.spent.clip(0, 5_000) + 1) / (mean_spent.clip(0, 5_000) + 1)).ln(),
        "hour_sine": history.sine,
        "hour_cosine": history.cosine,
        "hour_unusual": known * (1 - usual),
        "hours_since_last": (_capped_log(since, 8_760) - 5) / 2,
        "soon_after_last": (since <= 12).cast("float64"),
        "orders_in_24_hours": within_hours(history, 24).clip(0, 3),
        "orders_in_7_days": within_hours(history, 168).clip(0, 6) / 2,
        "payment_unusual": known * (1 - share_of["payment_method"]),
        "channel_unusual": known * (1 - share_of["channel"]),
    }


def _lists(history: ir.Table) -> dict[str, Any]:
    """One column per value of the public lists; a value that is on none leaves all of them zero."""
    methods = {f"payment_{value}": history.payment_method == value for value in PAYMENT_METHODS}
    return methods | {f"channel_{value}": history.channel == value for value in CHANNELS}


def _capped_log(number: Any, cap: int) -> Any:
    """log(1 + number) after clamping to [0, cap]."""
    return (number.cast("float64").clip(0, cap) + 1).ln()


FEATURE_NAMES: Final = (
    "first_order",
    "past_orders",
    "device_new",
    "away_from_home",
    "region_new",
    "amount",
    "amount_to_past_mean",
    "hour_sine",
    "hour_cosine",
    "hour_unusual",
    "hours_since_last",
    "soon_after_last",
    "orders_in_24_hours",
    "orders_in_7_days",
    "payment_unusual",
    "channel_unusual",
    *(f"payment_{value}" for value in PAYMENT_METHODS),
    *(f"channel_{value}" for value in CHANNELS),
)

FRAUD: Final = UseCase(
    name="fraud",
    title="Fraud detection",
    tables={"fraud_orders": ORDER_COLUMNS, "fraud_customers": CUSTOMER_COLUMNS},
    feature_names=FEATURE_NAMES,
    features=features,
    examples=examples,
    build_model=build_model,
    optimizer=optimizer,
    loss=loss,
    recipe=Recipe(
        sampling_rate=0.03, steps=600, max_examples=MAX_EXAMPLES, clipping_norm=0.5, learning_rate=0.05
    ),
    metric="AUC",
    baseline=Measure(
        name="AUC", value=0.5, low=0.5, high=0.5, scope="public", how="the same score for every order"
    ),
)
