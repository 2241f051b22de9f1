"""Prepare at size: 5 M order lines against a plain read and write of the same files in the same run; memory; growth."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.claims import claim, exit_code

GIB = 1024**3
LINES_PER_CUSTOMER = 31
# Sizes in order lines; PRIVET_BENCH_DATA is not needed, the shops are made here.
SMALL, MIDDLE, LARGE = 2_000_000, 5_000_000, 20_000_000


def main() -> int:
    """Make shops of three sizes, prepare each in a process of its own, and compare."""
    if len(sys.argv) == 3:
        return _measure(sys.argv[1], Path(sys.argv[2]))
    return exit_code(list(_claims()))


def _claims() -> Iterator[dict[str, object]]:
    found = {lines: _one(lines) for lines in (SMALL, MIDDLE, LARGE)}
    middle = found[MIDDLE]
    ratio = round(middle["prepare"] / middle["plain"], 2)
    yield claim(
        f"prepare of {middle['lines']:,.0f} order lines / plain read and write of the same Parquet",
        asked="<= 8x",
        measured={"ratio": ratio, "prepare_s": middle["prepare"], "plain_s": middle["plain"]},
        holds=ratio <= 8,
    )
    gib = round(middle["memory"] / GIB, 2)
    yield claim("peak memory of that", asked="<= 4 GiB", measured=gib, holds=gib <= 4)
    growth = round(
        (found[LARGE]["prepare"] / found[LARGE]["lines"]) / (found[SMALL]["prepare"] / found[SMALL]["lines"]),
        2,
    )
    yield claim("seconds a row at 20 M / at 2 M", asked="<= 1.2", measured=growth, holds=growth <= 1.2)


def _one(lines: int) -> dict[str, float]:
    """Make the shop, then measure it: plain copy and prepare, each in a fresh process on the same files."""
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        made = [
            "-m",
            "flows.cli",
            "shop",
            "make",
            "--customers",
            str(lines // LINES_PER_CUSTOMER),
            "--out",
            str(shop),
        ]
        _python(*made, home=folder)
        parts = {
            name: json.loads(_python("-m", "benchmarks.prepare", name, str(shop), home=folder))
            for name in ("plain", "prepare")
        }
    return {
        "plain": parts["plain"]["seconds"],
        "prepare": parts["prepare"]["seconds"],
        "lines": parts["prepare"]["lines"],
        "memory": parts["prepare"]["memory"],
    }


def _python(*arguments: str, home: str) -> str:
    environment = os.environ | {"PRIVET_HOME": f"{home}/home"}
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _measure(what: str, shop: Path) -> int:
    measured = _plain(shop) if what == "plain" else _prepare(shop)
    measured["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(measured))
    return 0


def _plain(shop: Path) -> dict[str, float]:
    """DuckDB reads every table of the shop and writes it as Parquet, nothing else."""
    import duckdb

    started = time.monotonic()
    for path in sorted([*shop.glob("*.parquet"), *shop.glob("*.csv")]):
        reader = (
            f"read_parquet('{path}')"
            if path.suffix == ".parquet"
            else f"read_csv('{path}', all_varchar=true)"
        )
        duckdb.execute(f"COPY (SELECT * FROM {reader}) TO '{path}.copy' (FORMAT parquet, COMPRESSION zstd)")
    return {"seconds": round(time.monotonic() - started, 2)}


def _prepare(shop: Path) -> dict[str, float]:
    """The stages of prepare, without the server, so that the data work is measured."""
    from tasks import curation, deidentification, gating, intake, landing, publishing

    started = time.monotonic()
    pinned = intake.pin.fn(str(shop / "shop.yaml"))
    landed = landing.land.fn(pinned)
    curated = curation.curate.fn(pinned, landed)
    draft = deidentification.deidentify_tables.fn(pinned, curated.output)
    gate = gating.gate.fn(pinned, draft)
    publishing.publish.fn(pinned, draft, gate, (landed, curated.contract, curated.consent))
    return {"seconds": round(time.monotonic() - started, 2), "lines": landed.rows_in["order_lines"]}


if __name__ == "__main__":
    sys.exit(main())
