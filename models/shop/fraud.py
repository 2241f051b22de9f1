"""Fraud: stolen accounts, injected order by order through several weak signals.

Every signal is readable from the order and the customer's own earlier orders: a device not seen before, a
destination away from home, a large amount, an hour of night, an unusual way to pay, a short time since the
last order. Honest orders show each of them too; none tells fraud apart by itself. A minority of customers is
targeted and suffers much of it. Amounts grow by whole multiples of the quantities, so that all tables agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from models.shop.orders import CHANNELS, PAYMENT_METHODS, Orders, fresh_devices, skip_lost_hour
from models.shop.places import POSTCODES
from models.shop.purchases import Integers

TARGETED_CUSTOMERS = 0.12
_RATE, _RATE_OF_TARGETED = 0.016, 0.12
_SHARE_WITH = {"device": 0.32, "ship": 0.25, "amount": 0.38, "night": 0.17, "payment": 0.32, "gap": 0.19}
_DAY = 86_400


def inject_fraud(rng: np.random.Generator, orders: Orders) -> Orders:
    """`orders` with 2 to 3 % of them turned into fraud, sorted again; a first order is always honest."""
    targeted = rng.random(orders.customer[-1] + 1) < TARGETED_CUSTOMERS
    rate = np.where(targeted[orders.customer], _RATE_OF_TARGETED, _RATE)
    fraud = (rng.random(len(rate)) < rate) & (orders.earlier() > 0)
    count = len(fraud)
    shows = {signal: fraud & (rng.random(count) < share) for signal, share in _SHARE_WITH.items()}
    strange_payment = rng.choice((PAYMENT_METHODS.index("card"), PAYMENT_METHODS.index("gift_card")), count)
    return replace(
        orders,
        at=_times(rng, orders, shows["night"], shows["gap"]),
        times=np.where(shows["amount"], orders.times * rng.integers(2, 6, count), orders.times),
        device=np.where(shows["device"], fresh_devices(rng, count), orders.device),
        ship=np.where(shows["ship"], rng.integers(len(POSTCODES), size=count), orders.ship),
        payment=np.where(shows["payment"], strange_payment, orders.payment),
        channel=np.where(fraud & (rng.random(count) < 0.3), CHANNELS.index("web"), orders.channel),
        fraud=fraud,
    ).in_order()


def _times(rng: np.random.Generator, orders: Orders, night: Any, soon: Any) -> Integers:
    """The orders' times: some moved to 1 to 6 at night, some to 5 minutes to 12 hours after the last."""
    count = len(orders.at)
    before = np.append(0, orders.at[:-1])
    nightly = orders.at // _DAY * _DAY + rng.integers(3_600, 6 * 3_600, count)
    pause = np.exp(rng.uniform(np.log(300), np.log(43_200), count)).astype(np.int64)
    moved = [soon & (before + pause < orders.at), night & (nightly > before)]
    return skip_lost_hour(np.select(moved, [before + pause, nightly], orders.at))
