"""Shops: synthetic ones of any size, made on request."""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.progress import bar, say

BYTES_A_CUSTOMER = 1_500  # of disk while a shop is made; measured 1,200


def make(out: str, *, customers: int, seed: int, dirty: float, chinese_files: bool) -> int:
    """Make a shop in the folder `out` and say how to run it. Raises ShopError where it cannot be made."""
    from models.shop.generate import Kind, make_shop

    folder = Path(out).absolute()
    kind = Kind(dirty=dirty, chinese_files=chinese_files)
    _refuse_small_disk(folder, customers)
    with bar(f"Shop of {customers:,} customers", 100) as advance:
        make_shop(folder, customers=customers, seed=seed, kind=kind, progress=advance)
    if dirty:
        say(f"Faulty rows, by table and rule: {Path(out) / 'faults.json'}")
    print(
        f"Shop of {customers:,} synthetic customers in {out}. Run it with: privet run {Path(out) / 'shop.yaml'}"
    )
    return 0


def _refuse_small_disk(folder: Path, customers: int) -> None:
    from models.shop.purchases import ShopError

    there = next(path for path in (folder, *folder.parents) if path.exists())
    needed, free = customers * BYTES_A_CUSTOMER, shutil.disk_usage(there).free
    if needed > free:
        raise ShopError(
            f"a shop of {customers:,} customers needs {needed / 1e9:,.1f} GB of disk, {free / 1e9:,.1f} GB are free; "
            "name a folder on a larger disk or ask for fewer customers"
        )
