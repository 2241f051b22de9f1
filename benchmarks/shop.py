"""Shops of any size: speed, memory, distributions, dirt and the campaign's effect, at a million customers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.claims import claim, exit_code

LARGE, SMALL, DIRTY = 1_000_000, 50_000, 20_000
DISK_BYTES = 3_000_000_000
# Runs in a process of its own, so that its peak is the generator's alone.
_MAKE = """
import json, os, resource, sys, time
from pathlib import Path
from models.shop.generate import make_shop
started, load = time.monotonic(), os.getloadavg()[0]
make_shop(Path(sys.argv[1]), customers=int(sys.argv[2]), seed=1)
seconds = time.monotonic() - started
from pyarrow import parquet
lines = parquet.ParquetFile(Path(sys.argv[1]) / "order_lines.parquet").metadata.num_rows
used = resource.getrusage(resource.RUSAGE_SELF)
peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"lines": lines, "seconds": round(seconds, 1), "lines_a_second": round(lines / seconds),
    "processor_seconds": round(used.ru_utime + used.ru_stime, 1), "peak_gib": round(peak / 2**30, 2),
    "load_before": round(load, 1), "load_after": round(os.getloadavg()[0], 1)}))
"""
_SHARES = {
    "fraud": "SELECT avg(is_fraud::INT) FROM orders",
    "granted": "SELECT avg((state = 'granted')::INT) FROM consents",
    "withdrawn": "SELECT avg((state = 'withdrawn')::INT) FROM consents",
    "unknown": "SELECT avg((state = 'unknown')::INT) FROM consents",
    "Chinese": "SELECT avg((length(postcode) = 6)::INT) FROM customers",
}
_DISTRIBUTIONS = {
    "amount": "SELECT amount FROM orders",
    "orders": "SELECT count(*) FROM orders GROUP BY customer_id",
}
_EFFECT = """
    SELECT avg(responded::INT) FILTER (treated) - avg(responded::INT) FILTER (NOT treated) AS effect,
        sqrt(var_samp(responded::INT) FILTER (treated) / count(*) FILTER (treated)
            + var_samp(responded::INT) FILTER (NOT treated) / count(*) FILTER (NOT treated)) AS error
    FROM campaign_contacts JOIN customers USING (customer_id) WHERE (loyalty_tier = 'none') = OCCASIONAL
"""


def main() -> int:
    """Make three shops in a temporary folder and print the claims."""
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < DISK_BYTES:
            lacking = f"needs {DISK_BYTES / 1e9:.0f} GB of free disk under TMPDIR"
            return exit_code([claim("shops of any size", asked="tried", measured=lacking, holds=None)])
        return exit_code(list(_claims(Path(folder))))


def _claims(folder: Path) -> Iterator[dict[str, object]]:
    made = _make(folder / "large", LARGE)
    yield claim(
        f"a shop of {LARGE:,} customers, order lines a second",
        asked=">= 200,000",
        measured=made,
        holds=made["lines_a_second"] >= 200_000,
    )
    yield claim("... peak memory", asked="<= 2 GiB", measured=made["peak_gib"], holds=made["peak_gib"] <= 2)
    _make(folder / "small", SMALL)
    yield _same_distributions(folder)
    yield _campaign(folder / "large")
    shutil.rmtree(folder / "large")
    yield _dirt(folder)


def _make(out: Path, customers: int) -> dict[str, Any]:
    command = [sys.executable, "-c", _MAKE, str(out), str(customers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))  # DuckDB may draw a progress bar before


def _same_distributions(folder: Path) -> dict[str, object]:
    from scipy.stats import ks_2samp  # type: ignore[import-untyped]

    shops = [folder / "small", folder / "large"]
    measured: dict[str, float] = {}
    for name, query in _DISTRIBUTIONS.items():
        measured[name] = round(float(ks_2samp(*(_column(shop, query) for shop in shops)).statistic), 4)
    for name, query in _SHARES.items():
        small, large = (float(_column(shop, query)[0]) for shop in shops)
        measured[name] = round(abs(small - large), 4)
    return claim(
        f"... distributions as at {SMALL:,}: KS distance of amounts and orders a customer, difference of shares",
        asked="each <= 0.01",
        measured=measured,
        holds=max(measured.values()) <= 0.01,
    )


def _campaign(shop: Path) -> dict[str, object]:
    from models.shop.campaign import EFFECT, EFFECT_OF_OCCASIONAL

    measured, holds = {}, True
    for occasional, truth in (("true", EFFECT_OF_OCCASIONAL), ("false", EFFECT)):
        effect, error = _row(shop, _EFFECT.replace("OCCASIONAL", occasional))
        measured["tier none" if occasional == "true" else "others"] = {
            "truth": truth,
            "found": round(effect, 4),
            "standard_error": round(error, 4),
        }
        holds = holds and abs(effect - truth) < 4 * error
    return claim("... the campaign's effect", asked="truth +- 4 errors", measured=measured, holds=holds)


def _dirt(folder: Path) -> dict[str, object]:
    from models.shop.generate import Kind, make_shop

    make_shop(folder / "dirty", customers=DIRTY, kind=Kind(dirty=0.02, chinese_files=True))
    os.environ["PRIVET_HOME"] = str(folder / "home")
    from tasks import curation, intake, landing

    pinned = intake.pin.fn(str(folder / "dirty" / "shop.yaml"))
    contract = curation.curate.fn(pinned, landing.land.fn(pinned)).contract
    found = {(count.table, count.rule): count.rows for count in contract.rejected}
    told = json.loads((folder / "dirty" / "faults.json").read_text(encoding="utf-8"))
    planted = {(table, rule): rows for table, rules in told.items() for rule, rows in rules.items()}
    return claim(
        f"a dirty shop of {DIRTY:,} customers in two encodings: rows rejected by the contract, by table and rule",
        asked="as many as were added",
        measured={"added": sum(planted.values()), "rejected": sum(found.values()), "rules": len(planted)},
        holds=found == planted,
    )


def _column(shop: Path, query: str) -> Any:
    import duckdb

    with duckdb.connect() as connection:
        _open(connection, shop)
        return next(iter(connection.execute(query).fetchnumpy().values()))


def _row(shop: Path, query: str) -> tuple[float, float]:
    import duckdb

    with duckdb.connect() as connection:
        _open(connection, shop)
        row = connection.execute(query).fetchone()
    assert row is not None
    return float(row[0]), float(row[1])


def _open(connection: Any, shop: Path) -> None:
    for name in ("customers", "consents", "campaign_contacts"):
        connection.read_csv(str(shop / f"{name}.csv")).create_view(name)
    connection.read_parquet(str(shop / "orders.parquet")).create_view("orders")


if __name__ == "__main__":
    sys.exit(main())
