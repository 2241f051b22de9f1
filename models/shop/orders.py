"""Orders: what each customer buys, taken from the baskets of the household behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.shop.places import POSTCODES
from models.shop.purchases import Baskets, Integers

PAYMENT_METHODS = ("card", "wallet", "bank_transfer", "invoice", "gift_card")
CHANNELS = ("web", "app", "phone")
MOST_ORDERS = 16
_DAY = 86_400
MOVED_DAYS = 417 * 7  # the purchases are of 2017; whole weeks keep the day of the week and lead to 2025
_LOST_HOUR = (1_741_485_600, 1_741_489_200)  # 2025-03-09 02:00 to 03:00 does not exist in New York


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Orders [orders], sorted by customer and time.

    `customer` counts from 0; `at` is local time in seconds since 1970; `basket` is a row of `Baskets` of
    which `times` as much was bought; `device` is a number unique to one device; `ship` numbers a postcode;
    `payment` and `channel` index `PAYMENT_METHODS` and `CHANNELS`; `fraud` is the label.
    """

    customer: Integers
    at: Integers
    basket: Integers
    times: Integers
    device: Integers
    ship: Integers
    payment: Integers
    channel: Integers
    fraud: Any

    def earlier(self) -> Integers:
        """How many orders the same customer placed before [orders]; 0 for a first order."""
        place = np.arange(len(self.customer))
        first = np.diff(self.customer, prepend=-1) != 0
        return place - np.maximum.accumulate(np.where(first, place, 0))

    def in_order(self) -> Orders:
        """The same orders sorted by customer and time."""
        # One key of both, nearly sorted already, sorts in a third of lexsort's time; times are below 2^32.
        order = np.argsort((self.customer << 32) + self.at, kind="stable")
        return replace(self, **{name: column[order] for name, column in vars(self).items()})


def draw_orders(
    rng: np.random.Generator, baskets: Baskets, household: Integers, home: Integers, first: int = 0
) -> Orders:
    """Honest orders of customers whose `household` and `home` postcode [customers] are given.

    `first` is the first one's number in the whole shop: it keeps devices of different chunks apart. Times do
    not depend on `home`.

    A customer takes 3 to 16 baskets, 8 on average, spread over the year of its household's baskets, moved in
    time by up to six days. A household with fewer baskets has some of them taken twice, on different days.
    """
    customers = len(household)
    count = 3 + rng.binomial(MOST_ORDERS - 3, rng.beta(2.0, 3.2, customers))
    customer = np.repeat(np.arange(customers), count)
    start = np.searchsorted(baskets.household, household)
    held = np.searchsorted(baskets.household, household, side="right") - start
    turn = np.arange(len(customer)) - np.repeat(np.cumsum(count) - count, count)
    share = (turn + rng.random(len(customer))) / count[customer]
    basket = start[customer] + (share * held[customer]).astype(np.int64)
    days = rng.integers(-4, 5, customers)[customer] + rng.integers(-2, 3, len(customer)) + MOVED_DAYS
    at = baskets.at[basket] + days * _DAY + rng.integers(-5_400, 5_400, len(customer))
    return Orders(
        customer=customer,
        at=skip_lost_hour(at),
        basket=basket,
        times=np.where(rng.random(len(customer)) < 0.06, rng.integers(2, 4, len(customer)), 1),
        device=_devices(rng, customer, first),
        ship=_destinations(rng, home[customer]),
        payment=_habit(rng, customer, (0.52, 0.2, 0.12, 0.1, 0.06), strayed=0.15),
        channel=_habit(rng, customer, (0.55, 0.37, 0.08), strayed=0.2),
        fraud=np.zeros(len(customer), dtype=bool),
    ).in_order()


def order_lines(orders: Orders, baskets: Baskets) -> tuple[Integers, Integers]:
    """For each line of all orders: its order and the line of the baskets that it repeats, both [lines]."""
    count = np.diff(baskets.start)[orders.basket]
    order = np.repeat(np.arange(len(count)), count)
    turn = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    return order, baskets.start[orders.basket][order] + turn


def order_cents(orders: Orders, baskets: Baskets) -> Integers:
    """What each order costs, in cents [orders]: the sum of its lines."""
    return np.add.reduceat(baskets.cents, baskets.start[:-1])[orders.basket] * orders.times


def fresh_devices(rng: np.random.Generator, orders: int) -> Integers:
    """Numbers [orders] of devices that nobody has used before."""
    return rng.integers(1 << 40, 1 << 41, orders)


def skip_lost_hour(at: Integers) -> Integers:
    """Times [orders] of the hour that the start of summer time skips, moved to the next one."""
    return at + 3_600 * ((at >= _LOST_HOUR[0]) & (at < _LOST_HOUR[1]))


def _devices(rng: np.random.Generator, customer: Integers, first: int) -> Integers:
    """Mostly the customer's first device, sometimes a second one, rarely one never seen again."""
    second = (rng.random(customer[-1] + 1) < 0.4)[customer] & (rng.random(len(customer)) < 0.3)
    once = rng.random(len(customer)) < 0.03
    return np.where(once, fresh_devices(rng, len(customer)), 2 * (customer + first) + second)


def _destinations(rng: np.random.Generator, home: Integers) -> Integers:
    """Mostly the home postcode, sometimes another one of the same city (work) or anywhere (a present)."""
    drawn = rng.random(len(home))
    nearby = home // 100 * 100 + rng.integers(100, size=len(home))
    anywhere = rng.integers(len(POSTCODES), size=len(home))
    return np.select([drawn < 0.06, drawn < 0.12], [anywhere, nearby], home)


def _habit(
    rng: np.random.Generator, customer: Integers, shares: tuple[float, ...], *, strayed: float
) -> Integers:
    """The customer's usual choice by `shares`, in a share `strayed` of the orders any other draw."""
    usual = rng.choice(len(shares), customer[-1] + 1, p=shares)[customer]
    other = rng.choice(len(shares), len(customer), p=shares)
    return np.where(rng.random(len(customer)) < strayed, other, usual)
