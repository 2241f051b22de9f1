"""Prepare at size: 5 M order lines against a plain read and write of the same files in the same run; memory; growth."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.claims import claim, exit_code

GIB = 1024**3
LINES_PER_CUSTOMER = 31
# Sizes in order lines, and how often each is measured: plain and prepare in turn, each in a process of its own.
SMALL, MIDDLE, LARGE = 2_000_000, 5_000_000, 20_000_000
ROUNDS = {SMALL: 2, MIDDLE: 2}
Measured = dict[str, Any]


def main() -> int:
    """Make shops of three sizes, prepare each, and compare."""
    if len(sys.argv) == 3:
        return _measure(sys.argv[1], Path(sys.argv[2]))
    return exit_code(_claims())


def _claims() -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _python("-c", "import expectations.gates.expectations, pandera.pandas, tasks.publishing", place=place)
        small, middle = one(SMALL, place), one(MIDDLE, place)
        yield from _against_plain(middle)
        large = one(LARGE, place)
    growth = round(_seconds_a_row(large) / _seconds_a_row(small), 2)
    shown = {f"{size['lines']:,} lines": size["prepare"] for size in (small, large)}
    yield claim(
        "seconds a row at 20 M / at 2 M",
        asked="<= 1.2",
        measured={"ratio": growth, "prepare_s": shown, "memory_gib": large["memory_gib"]},
        holds=growth <= 1.2,
    )


def _against_plain(middle: Measured) -> Iterator[dict[str, object]]:
    yield claim(
        f"prepare of {middle['lines']:,} order lines / plain read and write of the same files, median of rounds",
        asked="<= 8x",
        measured=middle,
        holds=middle["ratio"] <= 8,
    )
    gib = middle["memory_gib"]
    yield claim("peak memory of that", asked="<= 4 GiB", measured=gib, holds=gib <= 4)


def _seconds_a_row(measured: Measured) -> float:
    return float(measured["prepare"]) / int(measured["lines"])


def one(lines: int, place: Path) -> Measured:
    """Make the shop, then plain copy and prepare in turn on its files; medians, and the stages of the last round."""
    shop = place / "shop"
    customers = str(lines // LINES_PER_CUSTOMER)
    _python("-m", "flows.cli", "shop", "make", "--customers", customers, "--out", str(shop), place=place)
    rounds = [
        {
            name: json.loads(_python("-m", "benchmarks.prepare", name, str(shop), place=place))
            for name in ("plain", "prepare")
        }
        for _ in range(ROUNDS.get(lines, 1))
    ]
    shutil.rmtree(shop)
    last = rounds[-1]["prepare"]
    return {
        "lines": last["lines"],
        "ratio": round(median(each["prepare"]["seconds"] / each["plain"]["seconds"] for each in rounds), 2),
        "plain": median(each["plain"]["seconds"] for each in rounds),
        "prepare": median(each["prepare"]["seconds"] for each in rounds),
        "processor": {
            name: median(each[name]["processor"] for each in rounds) for name in ("plain", "prepare")
        },
        "stages": last["stages"],
        "memory_gib": round(max(each["prepare"]["memory"] for each in rounds) / GIB, 2),
    }


def _python(*arguments: str, place: Path) -> str:
    """The last line that a fresh interpreter prints; its home is new, and its modules are compiled once for all."""
    home = place / "home"
    environment = os.environ | {"PRIVET_HOME": str(home), "PYTHONPYCACHEPREFIX": str(place / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _measure(what: str, shop: Path) -> int:
    measured = _plain(shop) if what == "plain" else _prepare(shop)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps(measured | {"memory": used.ru_maxrss * 1024}))
    return 0


def _plain(shop: Path) -> Measured:
    """DuckDB with its own settings reads every table of the shop and writes it as Parquet, nothing else."""
    import duckdb

    started, processor = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(dir=shop.parent) as out, duckdb.connect() as connection:
        for path in sorted([*shop.glob("*.parquet"), *shop.glob("*.csv")]):
            reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
            rows = f"{reader}('{path}'{', all_varchar=true' if path.suffix == '.csv' else ''})"
            copied = f"'{out}/{path.stem}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            connection.execute(f"COPY (SELECT * FROM {rows}) TO {copied}")
        seconds, processor = time.monotonic() - started, time.process_time() - processor
    return {"seconds": round(seconds, 2), "processor": round(processor, 2)}


def _prepare(shop: Path) -> Measured:
    """The stages of prepare, without the server, so that the data work is measured."""
    from tasks import curation, deidentification, gating, intake, landing, publishing

    started, processor = time.monotonic(), time.process_time()
    pinned = intake.pin.fn(str(shop / "shop.yaml"))
    landed = landing.land.fn(pinned)
    curated = curation.curate.fn(pinned, landed)
    draft = deidentification.deidentify_tables.fn(pinned, curated.output)
    gated = time.monotonic()
    gate = gating.gate.fn(pinned, draft)
    gated = time.monotonic() - gated
    before = (landed, curated.contract, curated.consent)
    prepared = publishing.publish.fn(pinned, draft, gate, before)
    return {
        "seconds": round(time.monotonic() - started, 2),
        "processor": round(time.process_time() - processor, 2),
        "lines": landed.rows_in["order_lines"],
        "stages": {stage.stage: stage.seconds for stage in prepared.stages} | {"gate": round(gated, 2)},
    }


if __name__ == "__main__":
    sys.exit(main())
