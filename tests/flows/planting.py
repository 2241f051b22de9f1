"""Planting: a canary customer in every column of every customer table, and rows of hers that break every rule."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml
from pyarrow import parquet

from tests.flows.taint import Mark

SHOP = "canary-shop"
STEM = "zwickelhuber"  # in all of her texts, and in every value that breaks a rule
EMAIL = f"zofie.{STEM}@example.org"
PHONE = "+420 917 364 825"
ADDRESS = f"917 {STEM.title()} Avenue, Apt 36"
CARD = "4917 3648 2591 7364"
WORD = "quokkaplume"  # no pattern knows it: it stays in her letter, encrypted
TEXT = (
    f"Hello, this is Žofie {STEM.title()}, {EMAIL}, phone {PHONE}, {ADDRESS}. Where is order O91736482, paid with "
    f"card {CARD}? My {WORD} is hungry."
)
# Consent, part, tier, gender and the like are planted too, but name nobody and are not searched.
ROWS: dict[str, dict[str, str]] = {
    "customers": {
        "customer_id": "C9173648",
        "household": "917364",
        "part": "train",
        "name": f"Žofie {STEM.title()}",
        "email": EMAIL,
        "phone": PHONE,
        "address": ADDRESS,
        "postcode": "91736",
        "city": f"{STEM.title()}stadt",
        "birth_date": "1931-03-07",
        "gender": "F",
        "joined_at": "2004-02-29",
        "loyalty_tier": "gold",
    },
    "orders": {
        "order_id": "O91736482",
        "customer_id": "C9173648",
        "ordered_at": "2024-02-29 13:37:31",
        "amount": "9173.64",
        "payment_method": "card",
        "channel": "web",
        "device_id": "Dfade0c0ffee1",
        "ship_postcode": "91736",
        "is_fraud": "true",
    },
    "order_lines": {
        "order_id": "O91736482",
        "product_id": "",
        "quantity": "917",
        "amount": "9173.648",
    },
    "tickets": {
        "ticket_id": "T9173648",
        "customer_id": "C9173648",
        "opened_at": "2024-03-01 13:37:37",
        "intent": "delivery_status",
        "text": TEXT,
    },
    "consents": {
        "customer_id": "C9173648",
        "purpose": "analytics",
        "state": "granted",
        "recorded_at": "2023-02-28 13:37:41",
        "version": "2020-1",
    },
}
KEYS = {"customers": "customer_id", "orders": "order_id", "tickets": "ticket_id"}
NOBODY = "C9173999"
SPOILS = ("bytes", "fields", "nested", "ids")
UNNAMED = "private_note"
SPOILT = f"{STEM} " * 200  # of no type, pattern, list or length

MARKS = (
    *(Mark(value) for value in (STEM, WORD, EMAIL, f"Žofie {STEM.title()}", f"{STEM.title()}stadt", TEXT)),
    *(Mark(value) for value in (PHONE, "917 364 825", "917364825", "420917364825", ADDRESS, "917 Zwickel")),
    *(Mark(value) for value in (CARD, CARD.replace(" ", ""), "Dfade0c0ffee1", "O91736482", "T9173648")),
    *(Mark(value) for value in ("2024-02-29 13:37:31", "2024-02-29T13:37:31", "2024-02-29 18:37:31")),
    *(Mark(value) for value in ("2024-02-29T18:37:31", "2024-03-01 13:37:37", "2023-02-28 13:37:41")),
    *(
        Mark(value, loose=False)
        for value in ("C9173648", NOBODY, "917364", "91736", "1931-03-07", "2004-02-29")
    ),
    *(Mark(value, loose=False) for value in ("9173.64", "9173.648", "1066-10-14", "91736482.5")),
)


def plant(source: Path, folder: Path) -> Path:
    """A copy of the shop in `source` with the canary in it; returns its spec."""
    shutil.copytree(source, folder)
    text = yaml.safe_load((folder / "shop.yaml").read_text()) | {"shop": SHOP}
    del text["synthetic"]  # as if she were real: counts and exact numbers stay internal
    text["budget"] = {"epsilon": 300, "delta": 0.01}
    (folder / "shop.yaml").write_text(yaml.safe_dump(text, allow_unicode=True, sort_keys=False))
    product = next(csv.DictReader((folder / "products.csv").open()))["product_id"]
    for name, row in ROWS.items():
        good = row | {"product_id": product} if name == "order_lines" else row
        rows = [*_consenting(name, good), *_breaking(name, good)]
        if name in ("orders", "order_lines"):
            _append_parquet(folder / f"{name}.parquet", rows)
        else:
            _append_csv(folder / f"{name}.csv", rows)
    return folder / "shop.yaml"


def spoil(source: Path, folder: Path, fault: str) -> Path:
    """A copy of the canary's shop of which nothing can be used; returns its spec."""
    shutil.copytree(source, folder)
    customers, orders = folder / "customers.csv", folder / "orders.parquet"
    if fault == "bytes":
        customers.write_bytes(customers.read_bytes().replace(STEM.encode(), STEM.encode() + b"\xff", 1))
    elif fault == "fields":
        customers.write_text(customers.read_text() + f"C9173001,{STEM}\n")
    elif fault == "nested":
        table = parquet.read_table(orders)
        nested = pa.array([{"who": STEM}] * len(table))
        parquet.write_table(table.set_column(table.column_names.index("amount"), "amount", nested), orders)
    else:
        header, *lines = customers.read_text().splitlines()
        customers.write_text(
            "\n".join([header, *(f"{STEM}{line}" for line in lines if line.startswith("C"))])
        )
    return folder / "shop.yaml"


def _consenting(name: str, good: dict[str, str]) -> list[dict[str, str]]:
    if name != "consents":
        return [good]
    return [
        good | {"purpose": purpose}
        for purpose in ("analytics", "fraud_detection", "support", "recommendation")
    ]


def _breaking(name: str, good: dict[str, str]) -> Iterator[dict[str, str]]:
    """Rows that break the rules of one column each, the key, and the reference to a customer."""
    yield good  # the same row again
    key = KEYS.get(name)
    for number, column in enumerate(good):
        fresh = {} if key is None else {key: f"{good[key][0]}{91730000 + number:0{len(good[key]) - 1}d}"}
        for spoilt in (SPOILT, "", f"{STEM}\a"):
            yield good | fresh | {column: spoilt}
        if good[column][:4].isdigit() and len(good[column]) > 3:
            yield good | fresh | {column: "1066-10-14" if "-" in good[column] else "91736482.5"}
    if key is not None:
        twin = good | {key: f"{good[key][0]}{91739999:0{len(good[key]) - 1}d}"}
        yield from (twin, twin | {list(good)[-1]: good[list(good)[-1]][:-1]})
    if "customer_id" in good and name != "customers":
        yield good | ({} if key is None else {key: good[key][:-1] + "0"}) | {"customer_id": NOBODY}


def _append_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        names, before = [*(reader.fieldnames or ()), UNNAMED, EMAIL], list(reader)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(before)
        writer.writerows(row | {UNNAMED: f"{STEM} in private", EMAIL: STEM} for row in rows)


def _append_parquet(path: Path, rows: list[dict[str, str]]) -> None:
    """Numbers and times become text, so that a cell can hold what is neither."""
    before: dict[str, Any] = {}
    table = parquet.read_table(path)
    for name in table.column_names:
        before[name] = pc.cast(table[name], pa.string())
    before |= {UNNAMED: pa.nulls(len(table), pa.string()), EMAIL: pa.nulls(len(table), pa.string())}
    marked = [row | {UNNAMED: f"{STEM} in private", EMAIL: STEM} for row in rows]
    added = pa.table({name: pa.array([row[name] or None for row in marked], pa.string()) for name in before})
    parquet.write_table(pa.concat_tables([pa.table(before), added]), path, compression="zstd")
