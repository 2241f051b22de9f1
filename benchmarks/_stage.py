"""The pseudonymising stage against a plain read and write of the same Parquet; prepare of 50 million order lines."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import yaml

from benchmarks import prepare
from benchmarks.claims import claim
from infra.engine import Engine, open_engine
from infra.spec import read_spec
from models.anonymity.policy import deidentify, required_domains
from models.values.secret import SecretBytes
from models.values.spec import ShopSpec

CUSTOMERS, ROUNDS = 160_000, 5
FIFTY_MILLION = 50_000_000
RELEASES = {"fraud_orders": "orders", "lines": "order_lines"}
_LINES = {
    "product": "events",
    "table": "order_lines",
    "purpose": "fraud_detection",
    "columns": ["order_id", "product_id", "quantity", "amount"],
}


def claims() -> Iterator[dict[str, object]]:
    """Both claims; the second makes a shop of 50 million order lines and takes ten minutes."""
    with tempfile.TemporaryDirectory() as folder:
        yield _stage(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield _fifty_million(Path(folder))


def _stage(folder: Path) -> dict[str, object]:
    shop = folder / "shop"
    _make_shop(shop, CUSTOMERS)
    spec = _with_lines(shop / "shop.yaml")
    taken: dict[str, list[float]] = {"plain": [], "stage": []}
    for _ in range(ROUNDS):
        taken["plain"].append(_timed(_plain, spec, shop, folder))
        taken["stage"].append(_timed(_pseudonymised, spec, shop, folder))
    seconds = {name: round(median(values), 2) for name, values in taken.items()}
    ratio = round(median(s / p for s, p in zip(taken["stage"], taken["plain"], strict=True)), 2)
    return claim(
        "pseudonymising orders (three keys) and order lines (one) / plain read and write of the same Parquet",
        asked="<= 2.5x",
        measured={"ratio": ratio, "seconds": seconds},
        holds=ratio <= 2.5,
    )


def _make_shop(out: Path, customers: int) -> None:
    made = [
        sys.executable,
        "-m",
        "flows.cli",
        "shop",
        "make",
        "--customers",
        str(customers),
        "--out",
        str(out),
    ]
    subprocess.run(made, check=True, capture_output=True)


def _with_lines(path: Path) -> ShopSpec:
    """The embedded spec with a release of the order lines beside its own."""
    written = yaml.safe_load(path.read_text())
    written["releases"]["lines"] = _LINES
    path.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False))
    return read_spec(path)


def _timed(work: Callable[[Engine, ShopSpec, Path], None], spec: ShopSpec, shop: Path, folder: Path) -> float:
    with open_engine(folder / "engine") as engine:
        started = time.perf_counter()
        work(engine, spec, shop)
        return time.perf_counter() - started


def _plain(engine: Engine, spec: ShopSpec, shop: Path) -> None:
    del spec
    for table in RELEASES.values():
        copied = f"'{engine.folder}/{table}.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        engine.connection.execute(f"COPY (FROM read_parquet('{shop}/{table}.parquet')) TO {copied}")


def _pseudonymised(engine: Engine, spec: ShopSpec, shop: Path) -> None:
    """As the stage does it, encryption included: the rows as a view, every transform of the release, one file.

    Both releases are of one purpose, so that a domain has one key.
    """
    domains = {domain for release in RELEASES for domain in required_domains(spec, release)}
    keys = {domain: engine.secret(SecretBytes(secrets.token_bytes(32)), domain) for domain in domains}
    with engine.hashing() as hashing:
        for release, table in RELEASES.items():
            query = f"CREATE VIEW of_{table} AS FROM read_parquet('{shop}/{table}.parquet')"
            engine.connection.execute(query)
            found = deidentify(spec, release, engine.ibis.table(f"of_{table}"), keys, hashing=hashing)
            key = SecretBytes(secrets.token_bytes(32))
            engine.write_parquet(found, engine.folder / f"{release}.parquet", key)


def _fifty_million(folder: Path) -> dict[str, object]:
    measured = prepare.one(FIFTY_MILLION, folder)
    return claim(
        f"peak memory of prepare of {FIFTY_MILLION:,} order lines",
        asked="<= 8 GiB",
        measured=measured,
        holds=measured["memory_gib"] <= 8,
    )
