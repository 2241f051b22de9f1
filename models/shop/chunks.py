"""Chunks: so many customers as are drawn at a time, each chunk with random streams of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.shop.campaign import draw_campaign
from models.shop.consents import draw_consents
from models.shop.fraud import inject_fraud
from models.shop.identities import Identities, draw_identities
from models.shop.orders import MOVED_DAYS, Orders, draw_orders
from models.shop.places import Words
from models.shop.purchases import Baskets, Integers, Purchases
from models.shop.tickets import draw_tickets
from models.shop.timeline import Timeline

CHUNK = 50_000  # customers drawn at a time
PARTS = ("train", "test", "holdout")
_SHARES = (0.6, 0.2)  # the rest is held out
TIERS = ("none", "bronze", "silver", "gold")
# Each noun has a random stream of its own; new ones go to the end, so that the others stay as they are.
_STREAMS = (
    "resample", "identities", "orders", "fraud", "joined", "tiers", "tickets", "consents", "campaign", "dirt",
)  # fmt: skip
_MARGIN = 8 * 86_400  # no order is moved further from its basket, beside the whole weeks of MOVED_DAYS


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """All that was drawn of some customers, the first of whom is number `first` of the shop (from 0).

    `household`, `part`, `joined_day` (since 1970) and `tier` are [customers]; `number` [orders] counts the
    orders of the whole shop by time, from 1. Customers in the fields count from 0.
    """

    first: int
    household: Integers
    part: Words
    who: Identities
    joined_day: Integers
    tier: Words
    orders: Orders
    number: Integers
    tickets: dict[str, Any]
    consents: dict[str, Any]
    campaign: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Deal:
    """Households [households] in the order in which customers are dealt to them, and the part of each."""

    household: Integers
    part: Words

    def of(self, customer: Integers) -> tuple[Integers, Words]:
        """The household and the part [customers] of customers numbered in the whole shop."""
        turn = customer % len(self.household)
        return self.household[turn], self.part[turn]


def resample(rng: np.random.Generator, households: Integers) -> Deal:
    """Split `households` [households] into train, test and holdout, and shuffle them for dealing.

    Every household belongs to one part. Customers are dealt to households in turn, so that two households
    differ by at most one customer, in a shop of any size.
    """
    place = np.searchsorted(np.cumsum(_SHARES) * len(households), rng.permutation(len(households)), "right")
    part = np.array(PARTS, dtype=object)[place]
    dealt = rng.permutation(len(households))
    return Deal(household=households[dealt], part=part[dealt])


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What all chunks of a shop stand on: its seed, its number of customers, households and baskets."""

    seed: int
    customers: int
    size: int
    deal: Deal
    baskets: Baskets
    catalogue: dict[str, Any]

    @classmethod
    def prepare(cls, purchases: Purchases, *, customers: int, seed: int, size: int) -> Ground:
        """Read the purchases of the households that customers are dealt to."""
        deal = resample(streams(seed, 0)["resample"], purchases.households())
        chosen = np.sort(deal.household[:customers])
        baskets, catalogue = purchases.baskets(chosen), purchases.catalogue(chosen)
        return cls(seed=seed, customers=customers, size=size, deal=deal, baskets=baskets, catalogue=catalogue)

    @property
    def chunks(self) -> int:
        """How many chunks the shop has."""
        return -(-self.customers // self.size)

    @property
    def year(self) -> tuple[int, int]:
        """Seconds since 1970 between which all orders lie."""
        moved = MOVED_DAYS * 86_400
        return int(self.baskets.at.min()) + moved - _MARGIN, int(self.baskets.at.max()) + moved + _MARGIN

    def who(self, chunk: int) -> Integers:
        """The numbers [customers] of a chunk's customers in the whole shop, from 0."""
        return np.arange(chunk * self.size, min((chunk + 1) * self.size, self.customers))


def streams(seed: int, chunk: int) -> dict[str, np.random.Generator]:
    """A chunk's random streams by noun; a shop of one chunk has those of `seed` alone."""
    spawned = np.random.SeedSequence((seed, chunk)).spawn(len(_STREAMS))
    return {name: np.random.default_rng(one) for name, one in zip(_STREAMS, spawned, strict=True)}


def order_times(ground: Ground, chunk: int) -> Integers:
    """When the orders [orders] of a chunk are placed, as `draw_chunk` will draw them."""
    customer = ground.who(chunk)
    home = np.zeros(len(customer), dtype=np.int64)
    return _orders(ground, streams(ground.seed, chunk), customer, home).at


def draw_chunk(ground: Ground, chunk: int, timeline: Timeline) -> Chunk:
    """Draw a chunk; `timeline` has counted all chunks and numbered those before."""
    stream, customer = streams(ground.seed, chunk), ground.who(chunk)
    first, count = int(customer[0]), len(customer)
    household, part = ground.deal.of(customer)
    who = draw_identities(stream["identities"], count, first)
    orders = _orders(ground, stream, customer, who.home)
    number = timeline.number(orders.at)
    first_day = orders.at[orders.earlier() == 0] // 86_400
    joined_day = first_day - stream["joined"].integers(0, 1_500, count)
    tier = _tiers(stream["tiers"], orders.customer)
    return Chunk(
        first=first,
        household=household,
        part=part,
        who=who,
        joined_day=joined_day,
        tier=tier,
        orders=orders,
        number=number,
        tickets=draw_tickets(stream["tickets"], who, orders, number),
        consents=draw_consents(stream["consents"], joined_day),
        campaign=draw_campaign(stream["campaign"], tier),
    )


def _orders(
    ground: Ground, stream: dict[str, np.random.Generator], customer: Integers, home: Integers
) -> Orders:
    household, _ = ground.deal.of(customer)
    honest = draw_orders(stream["orders"], ground.baskets, household, home, int(customer[0]))
    return inject_fraud(stream["fraud"], honest)


def _tiers(rng: np.random.Generator, customer: Integers) -> Words:
    """The loyalty tier [customers]: who orders more tends to be higher. `customer` [orders]."""
    bought = np.bincount(customer)
    steps = np.searchsorted((6.5, 10.5, 14.0), bought + rng.normal(0, 3, len(bought)))
    return np.array(TIERS, dtype=object)[steps]
