"""The generator: writes a shop of any size, file by file, as a shop would export it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.shop import tables
from models.shop.chunks import CHUNK, Ground, draw_chunk, order_times, streams
from models.shop.dirt import MOST_DIRT, Dirt
from models.shop.files import CsvFile, Encoding, ParquetFile
from models.shop.purchases import Purchases, ShopError
from models.shop.specification import ANSWERS, PUBLIC_BOUND, SPEC, write_spec
from models.shop.spill import Spill
from models.shop.timeline import Timeline

MOST_CUSTOMERS = 8_000_000  # a customer's id has seven digits; the ids above it mark dirty rows
FAULTS = "faults.json"
Progress = Callable[[int, str], None]  # percent done, and a word on what is being done


class ShopExistsError(ShopError, FileExistsError):
    """There is something in the folder already."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a shop may have beside its tables.

    `dirty`: faulty rows added to each table, as a share of its rows, counted by table and rule in
    `faults.json`. `chinese_files`: the tickets of Chinese customers lie in tickets_cn.csv, which is GB18030.
    """

    dirty: float = 0.0
    chinese_files: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.dirty <= MOST_DIRT:
            raise ShopError(f"a shop is dirty by a share of 0 to {MOST_DIRT}, {self.dirty} asked; lower it")


def make_shop(
    out: Path,
    *,
    customers: int = PUBLIC_BOUND,
    seed: int = 1,
    purchases: Purchases | None = None,
    kind: Kind | None = None,
    chunk: int = CHUNK,
    progress: Progress | None = None,
) -> None:
    """Write a shop into the folder `out`: its source files and its spec, all or nothing.

    Households are split into train, test and holdout before customers are resampled from them in equal
    numbers. Customers are drawn and written `chunk` at a time, so that memory does not grow with the shop.
    The same `seed` (from 0), `customers`, `purchases`, `kind` and `chunk` give the same shop; the purchases
    are `Purchases.find()` by default. Raises ShopExistsError if `out` holds anything, and ShopError for a
    number of customers out of bounds.
    """
    kind = kind or Kind()
    if not 100 <= customers <= MOST_CUSTOMERS:
        raise ShopError(
            f"a shop has 100 to {MOST_CUSTOMERS:,} customers, {customers:,} asked; ask for fewer or more"
        )
    if seed < 0:
        raise ShopError(f"a seed is a whole number from 0, {seed} asked; name another")
    if out.exists() and any(out.iterdir()):
        raise ShopExistsError(f"folder {out.name!r} is not empty; name a new folder or remove it first")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".shop-") as folder:
        built = Path(folder) / "shop"
        built.mkdir()
        ground = Ground.prepare(purchases or Purchases.find(), customers=customers, seed=seed, size=chunk)
        _write(built, ground, kind, progress or _silent)
        (built / ANSWERS.name).write_bytes(ANSWERS.read_bytes())
        households = len(ground.deal.household)
        write_spec(
            built / SPEC.name, customers=customers, households=households, chinese_files=kind.chinese_files
        )
        built.rename(out)


def _silent(percent: int, note: str) -> None:
    """Progress for nobody."""


def _write(folder: Path, ground: Ground, kind: Kind, progress: Progress) -> None:
    dirt = Dirt(streams(ground.seed, 0)["dirt"], kind.dirty)
    first, last = ground.year
    timeline = Timeline(first, last)
    for number in range(ground.chunks):
        timeline.count(order_times(ground, number))
        progress(20 * (number + 1) // ground.chunks, "counting orders")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="spill-") as spilled, ExitStack() as stack:
        orders = Spill(Path(spilled) / "orders", by="number", first=first, last=last)
        tickets = Spill(Path(spilled) / "tickets", by="at", first=first, last=last)
        files = _Files(folder, dirt, stack)
        files.write("products", tables.products_table(ground.catalogue))
        for number in range(ground.chunks):
            drawn = draw_chunk(ground, number, timeline)
            files.write("customers", tables.customers_table(drawn))
            files.write("order_lines", tables.lines_table(drawn, ground.baskets), parquet=True)
            files.write("consents", tables.consents_table(drawn))
            files.write("campaign_contacts", tables.campaign_table(drawn))
            orders.add(tables.order_rows(drawn, ground.baskets), drawn.orders.at)
            tickets.add(tables.ticket_rows(drawn), drawn.tickets["opened_at"])
            progress(20 + 70 * (number + 1) // ground.chunks, "drawing customers")
        _write_sorted(files, orders, tickets, kind, progress)
    if kind.dirty:
        counts = {name: dict(sorted(dirt.counts[name].items())) for name in sorted(dirt.counts)}
        (folder / FAULTS).write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")


def _write_sorted(files: _Files, orders: Spill, tickets: Spill, kind: Kind, progress: Progress) -> None:
    """Orders and tickets, which the shop's files hold by time."""
    import pyarrow.compute as pc

    for rows in orders.in_order():
        files.write("orders", tables.orders_table(rows), parquet=True)
    progress(96, "sorting tickets")
    written = 0
    for rows in tickets.in_order():
        table = tables.tickets_table(rows, written + 1)
        written += rows.num_rows
        if kind.chinese_files:
            files.write("tickets_cn", table.filter(rows["chinese"]), encoding="gb18030")
            table = table.filter(pc.invert(rows["chinese"]))
        files.write("tickets", table)
    progress(100, "done")


class _Files:
    """The shop's files, each opened when it is first written to and closed with `stack`."""

    def __init__(self, folder: Path, dirt: Dirt, stack: ExitStack) -> None:
        self._folder, self._dirt, self._stack = folder, dirt, stack
        self._open: dict[str, CsvFile | ParquetFile] = {}

    def write(self, name: str, table: Any, *, parquet: bool = False, encoding: Encoding = "utf-8") -> None:
        if name not in self._open:
            self._open[name] = self._new(name, parquet, encoding)
        self._open[name].write(self._dirt.add(name, table, as_text=not parquet))

    def _new(self, name: str, parquet: bool, encoding: Encoding) -> CsvFile | ParquetFile:
        if parquet:
            return self._stack.enter_context(ParquetFile(self._folder / f"{name}.parquet"))
        return self._stack.enter_context(CsvFile(self._folder / f"{name}.csv", encoding))
