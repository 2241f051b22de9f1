"""Fraud detection: is an order placed by somebody other than the customer?

Every feature compares an order with the customer's own past or with public constants. Nothing is fitted
on the data: caps, scales, lists of categories and the weight of the rare class are written here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import ibis
import numpy as np
import pandas

from models.cases.arrays import dated, to_frame
from models.cases.attributes import any_positive, is_set, one_of, quarter_of_day
from models.cases.case import Attribute, Facts, Recipe, UseCase, require_columns
from models.cases.coarse import coarser
from models.cases.customers import one_row_each
from models.cases.fraud_metrics import AveragePrecision, CardPrecision, RecallAtAlerts
from models.cases.fraud_network import Detector, adam, hidden
from models.cases.fraud_reasons import Reason, predictions
from models.cases.metrics import Auc
from models.cases.windows import (
    CENTS,
    DAY,
    THOUSANDTHS,
    before,
    capped_log,
    hours_since_last,
    known_after,
    log_ratio,
    mean_before,
    total_within_hours,
    unusual_hour,
    whole,
    with_hours,
    within_hours,
)
from models.privacy.examples import CustomerExamples

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

MAX_EXAMPLES: Final = 8
PAYMENT_METHODS: Final = ("card", "wallet", "bank_transfer", "invoice", "gift_card")
CHANNELS: Final = ("web", "app", "phone")
WINDOWS: Final = (1, 7, 30)  # days
LABEL_DELAY: Final = 30  # days until it is known whether an order was fraud
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
_LONG_AGO: Final = 24 * 3_660  # hours: ten years


def features(orders: ir.Table, customers: ir.Table) -> ir.Table:
    """One row for each order: ids, part, day, label, features and its place among the customer's, from 0 on.

    `orders` and `customers` are released event tables with ORDER_COLUMNS and CUSTOMER_COLUMNS; customers may
    also have part and household. The place is decided by the orders' pseudonyms.
    """
    require_columns(orders, ORDER_COLUMNS, "fraud_orders")
    require_columns(customers, CUSTOMER_COLUMNS, "fraud_customers")
    people = one_row_each(customers, home=customers.postcode.min())
    history = _history(orders.join(people, "customer_id"))
    columns = {**_own_past(history), **_in_windows(history), **_lists(history)}
    scaled = {name: value.cast("float64").fill_null(0.0) for name, value in columns.items()}
    kept = ["customer_id", "order_id", "part", *(["household"] if "household" in history.columns else [])]
    rows = history.select(*kept, day=history.hour // DAY, label=history.fraud, **scaled)
    place = ibis.row_number().over(ibis.window(group_by="customer_id", order_by="order_id"))
    return rows.mutate(place=place)


def examples(table: ir.Table, part: str, _: Facts) -> CustomerExamples:
    """At most MAX_EXAMPLES examples of every customer of one `part` of what `features` gives."""
    kept = table.filter(table.part == part, table.place < MAX_EXAMPLES)
    frame = to_frame(kept, ("place", "label", "day", *FEATURE_NAMES))
    return dated(frame, frame[list(FEATURE_NAMES)].to_numpy(dtype=np.float32), max_examples=MAX_EXAMPLES)


def score(rows: ir.Table, model: Any, _: Facts) -> pa.Table:
    """order_id, customer_id, the probability of fraud and the reasons for it, of every order in `rows`."""
    table = rows.select("order_id", "customer_id", *FEATURE_NAMES).to_pyarrow()
    columns = [table[name].to_numpy(zero_copy_only=False) for name in FEATURE_NAMES]
    read = np.stack(columns, axis=1).astype(np.float32)
    return predictions(
        DETECTOR, REASONS, FEATURE_NAMES, table.select(["order_id", "customer_id"]), model, read
    )


def answer(frame: pd.DataFrame, model: Any, facts: Facts) -> pd.DataFrame:
    """order_id, the probability of fraud and the reasons of each order in `frame`: all of one or several customers.

    What is unusual for a customer can only be told from all orders up to then. `is_fraud` is what is known by now.
    """
    return answered(score(served(frame), model, facts))


def served(frame: pd.DataFrame) -> ir.Table:
    """The features of a request."""
    orders = frame.assign(ordered_at=pandas.to_datetime(frame.ordered_at))
    people = frame[["customer_id", "postcode"]].drop_duplicates("customer_id").assign(part="served")
    return features(ibis.memtable(orders.drop(columns="postcode")), ibis.memtable(people))


def answered(scores: pa.Table) -> pd.DataFrame:
    """What a request is told of `scores`."""
    found: pd.DataFrame = scores.to_pandas()
    return found[["order_id", "fraud", "because", "because_zh"]]


def _history(orders: ir.Table) -> ir.Table:
    """The orders with what the windows read."""
    table = with_hours(orders.mutate(moment=orders.ordered_at, event=orders.order_id)).mutate(
        spent=whole(orders.amount, CENTS), fraud=orders.is_fraud.cast("int64").fill_null(0)
    )
    return table.mutate(
        known=(before(table) > 0).cast("int64"),
        new_device=(before(table, "device_id") == 0).cast("int64"),
        new_region=(before(table, "ship_postcode") == 0).cast("int64"),
    )


def _own_past(history: ir.Table) -> dict[str, Any]:
    """Each order against the customer's own past, scaled by public constants to about [-3, 3]."""
    count, known = before(history), history.known
    since = hours_since_last(history)
    share_of = {name: before(history, name) / (count + 1) for name in ("payment_method", "channel")}
    return {
        "first_order": 1 - known,
        "past_orders": capped_log(count, 50) - 1,
        "device_new": known * history.new_device,
        "away_from_home": history.ship_postcode != history.home,
        "region_new": known * history.new_region,
        "amount": capped_log(history.spent / CENTS, 5_000) - 3,
        "amount_to_past_mean": log_ratio(history.spent / CENTS, mean_before(history, "spent") / CENTS, 5_000),
        "hour_sine": history.sine / THOUSANDTHS,
        "hour_cosine": history.cosine / THOUSANDTHS,
        "hour_unusual": known * unusual_hour(history),
        "hours_since_last": (capped_log(since, 8_760) - 5) / 2,
        "soon_after_last": since <= 12,
        "payment_unusual": known * (1 - share_of["payment_method"]),
        "channel_unusual": known * (1 - share_of["channel"]),
        "frauds_known": known_after(history, "fraud", LABEL_DELAY * DAY, _LONG_AGO).clip(0, 3),
    }


def _in_windows(history: ir.Table) -> dict[str, Any]:
    """What the customer did in the last days before each order."""
    columns: dict[str, Any] = {}
    for days in WINDOWS:
        hours, most = days * DAY, 3 * math.ceil(math.sqrt(days))
        of = {
            name: total_within_hours(history, name, hours) for name in ("spent", "new_device", "new_region")
        }
        columns |= {
            f"orders_in_{days}_days": within_hours(history, hours).clip(0, most) * 3 / most,
            f"spent_in_{days}_days": capped_log(of["spent"] / CENTS, 20_000) / 4,
            f"new_devices_in_{days}_days": of["new_device"].clip(0, 3),
            f"new_regions_in_{days}_days": of["new_region"].clip(0, 3),
        }
    return columns


def _lists(history: ir.Table) -> dict[str, Any]:
    """One column per value of the public lists; a value that is on none leaves all of them zero."""
    methods = {f"payment_{value}": history.payment_method == value for value in PAYMENT_METHODS}
    return methods | {f"channel_{value}": history.channel == value for value in CHANNELS}


_PER_WINDOW: Final = ("orders", "spent", "new_devices", "new_regions")


def _windows_of(name: str) -> tuple[str, ...]:
    return tuple(f"{name}_in_{days}_days" for days in WINDOWS)


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
    "payment_unusual",
    "channel_unusual",
    "frauds_known",
    *(name for kind in _PER_WINDOW for name in _windows_of(kind)),
    *(f"payment_{value}" for value in PAYMENT_METHODS),
    *(f"channel_{value}" for value in CHANNELS),
)
REASONS: Final = (
    Reason(
        features=("device_new",),
        english="The customer never used this device before.",
        chinese="该客户此前从未使用过此设备。",
    ),
    Reason(
        features=("away_from_home",),
        english="It goes to another region than the customer's home.",
        chinese="收货地区不是该客户的居住地区。",
    ),
    Reason(
        features=("region_new",),
        english="The customer never had anything sent to this region before.",
        chinese="该客户此前从未向此地区寄送过商品。",
    ),
    Reason(
        features=("amount_to_past_mean", "amount"),
        english="The amount is {} times the customer's earlier mean.",
        chinese="金额是该客户以往平均值的 {} 倍。",
        number=lambda value: f"{math.exp(value):.1f}",
    ),
    Reason(
        features=("hour_unusual", "hour_sine", "hour_cosine"),
        english="The hour of the day is unusual for the customer.",
        chinese="下单时段对该客户而言不寻常。",
    ),
    Reason(
        features=("hours_since_last", "soon_after_last", *_windows_of("orders")),
        english="Hours since the customer's order before: {}.",
        chinese="距该客户上一笔订单的小时数：{}。",
        number=lambda value: f"{math.expm1(2 * value + 5):.0f}",
    ),
    Reason(
        features=("payment_unusual", *(f"payment_{value}" for value in PAYMENT_METHODS)),
        english="The customer rarely pays this way.",
        chinese="该客户很少使用此支付方式。",
    ),
    Reason(
        features=("channel_unusual", *(f"channel_{value}" for value in CHANNELS)),
        english="The customer rarely orders through this channel.",
        chinese="该客户很少通过此渠道下单。",
    ),
    Reason(
        features=("frauds_known",),
        english="Earlier orders in the customer's name were fraud.",
        chinese="此前以该客户名义下的订单曾有欺诈。",
    ),
    Reason(
        features=tuple(reversed(_windows_of("spent"))),
        english="More than usual was spent in the last 30 days.",
        chinese="最近 30 天的消费高于平常。",
    ),
    Reason(
        features=tuple(reversed(_windows_of("new_devices"))),
        english="New devices were used in the last 30 days.",
        chinese="最近 30 天使用过新设备。",
    ),
    Reason(
        features=tuple(reversed(_windows_of("new_regions"))),
        english="Something was sent to new regions in the last 30 days.",
        chinese="最近 30 天曾寄送到新的地区。",
    ),
    Reason(
        features=("first_order", "past_orders"),
        english="It is the customer's first order.",
        chinese="这是该客户的第一笔订单。",
    ),
)
DETECTOR: Final = Detector(features=len(FEATURE_NAMES))
_RECIPE: Final = Recipe(
    sampling_rate=0.05, steps=400, max_examples=MAX_EXAMPLES, clipping_norm=4.0, learning_rate=0.03
)


def _sized(width: int) -> UseCase:
    detector = replace(DETECTOR, hidden=width)
    case = replace(FRAUD, size=width, build_model=lambda _: detector.build())
    return replace(case, coarsened=partial(_coarsened, case))


def _coarsened(case: UseCase, level: int) -> UseCase:
    return coarser(case, level, FEATURE_NAMES, served, answered)


ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    any_positive("whether there was a fraud in the customer's name"),
    one_of("payment method of an order", FEATURE_NAMES, [f"payment_{value}" for value in PAYMENT_METHODS]),
    is_set("whether an order went away from home", FEATURE_NAMES, "away_from_home"),
    quarter_of_day("time of day of an order", FEATURE_NAMES),
)

FRAUD: Final[UseCase] = UseCase(
    decides=True,
    name="fraud",
    title="Fraud detection",
    tables={"fraud_orders": ORDER_COLUMNS, "fraud_customers": CUSTOMER_COLUMNS},
    inputs=FEATURE_NAMES,
    features=features,
    examples=examples,
    build_model=lambda _: DETECTOR.build(),
    optimizer=adam(_RECIPE.learning_rate),
    loss=DETECTOR.loss,
    recipe=_RECIPE,
    metrics=(Auc(), AveragePrecision(), RecallAtAlerts(), CardPrecision()),
    score=score,
    request={
        **{name: "string" for name in ORDER_COLUMNS if name not in ("amount", "is_fraud")},
        "amount": "double",
        "is_fraud": "boolean",
        "postcode": "string",
    },
    answer=answer,
    attributes=lambda _: ATTRIBUTES,
    embedded=hidden,
    size=DETECTOR.hidden,
    sized=_sized,
    coarsened=lambda level: _coarsened(FRAUD, level),
)
