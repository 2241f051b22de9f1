"""Searches of k-anonymity against anjana and anonypy, and at size; NCP is measured on what each one released."""

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
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _adult, _wide
from benchmarks.claims import claim
from benchmarks.rivals.anonymity import NoEnvironment, Unfinished, run
from infra.engine import open_engine
from infra.engine_sql import quoted
from models.anonymity.search.aggregate import aggregate
from models.anonymity.search.classes import Classes
from models.anonymity.search.find import search
from models.anonymity.search.hierarchy import hierarchy_ladder
from models.anonymity.search.ladder import Label, Ladder, make_ladder
from models.anonymity.search.write import write
from models.values.anonymity import Anonymity

K, SUPPRESSION = 10, 0.05
MILLION, FEW, MANY = 1_000_000, 30_162, 10_000_000
ROUNDS = 7
ADULT = (_adult.EIGHT, _adult.SENSITIVE)
GIB = 1024**3


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """The claims on searches; those on Adult need `data`."""
    with tempfile.TemporaryDirectory() as folder:
        if data is None:
            yield claim("searches on Adult", asked="its data", measured="no PRIVET_BENCH_DATA", holds=None)
        else:
            yield from _lattice(data, Path(folder))
            yield from _mondrian(data, Path(folder))
            file = Path(folder) / "adult-like.parquet"
            _adult.like_adult(_adult.adult(data, _adult.EIGHT), MANY).to_parquet(file)
            yield _at_size("adult", f"{MANY:,} Adult-like customers x 8 quasi-identifiers", file)
        file = Path(folder) / "wide.parquet"
        _wide.write_customers(file, MANY)
        yield _at_size(
            "wide", f"{MANY:,} customers x 8 quasi-identifiers, most of them alone in their class", file
        )


def _lattice(data: Path, folder: Path) -> Iterator[dict[str, object]]:
    table = _adult.like_adult(_adult.adult(data), MILLION)
    file = folder / "million.parquet"
    table.to_parquet(file)
    seconds, released, suppressed = _ours(file, data, folder, "lattice", limit=SUPPRESSION)
    ours = {"seconds": seconds, "ncp": round(_adult.ncp(table, released, data), 4), "suppressed": suppressed}
    text = f"exact lattice, {MILLION:,} Adult-like rows, 6 quasi-identifiers, k = {K}: anjana / Privet"
    asked = ">= 50x faster, lower NCP"
    hierarchies = {name: _as_settings(name, _adult.hierarchy(data, name)) for name in _adult.QUASI}
    settings = {"quasi": _adult.QUASI, "k": K, "suppression": SUPPRESSION, "hierarchies": hierarchies}
    yield _against("anjana", text, asked, 50, file, settings, ours, table, data)


def _mondrian(data: Path, folder: Path) -> Iterator[dict[str, object]]:
    table, file = _adult.adult(data), folder / "adult.parquet"
    table.to_parquet(file)
    seconds, released, _ = _ours(file, data, folder, "mondrian")
    ours = {"seconds": seconds, "ncp": round(_adult.ncp(table, released, data), 4)}
    text = f"local recoding (Mondrian), Adult's {FEW:,} rows, k = {K}: anonypy / Privet"
    settings = {"quasi": _adult.QUASI, "k": K, "sensitive": _adult.SENSITIVE}
    yield _against("anonypy", text, ">= 50x faster, NCP not higher", 50, file, settings, ours, table, data)
    seconds, *_ = _ours(folder / "million.parquet", data, folder, "mondrian")
    yield claim(
        f"local recoding of {MILLION:,} rows, k = {K}, read to written",
        asked="<= 10 s",
        measured=seconds,
        holds=seconds <= 10,
    )


def _against(
    rival: str, text: str, asked: str, times: float, file: Path, settings: dict[str, Any], ours: dict[str, Any],
    before: pd.DataFrame, data: Path,
) -> dict[str, object]:  # fmt: skip
    try:
        answer, released = run(rival, file, settings, limit=1800)
    except (Unfinished, NoEnvironment) as why:
        return claim(text, asked=asked, measured={"Privet": ours, rival: str(why)}, holds=None)
    counts = released["count"].astype(float) if "count" in released else None
    theirs = {
        "seconds": round(answer["seconds"], 2),
        "ncp": round(_adult.ncp(before, released, data, counts), 4),
    }
    ratio = round(theirs["seconds"] / ours["seconds"], 1)
    return claim(
        text,
        asked=asked,
        measured={"times": ratio, "Privet": ours, rival: theirs},
        holds=bool(ratio >= times and ours["ncp"] <= theirs["ncp"]),
    )


def _as_settings(name: str, levels: list[list[str]]) -> dict[int, list[Any]]:
    """anjana's form: leaves have the type of the data."""
    return {
        step: [int(value) for value in values] if name == "age" and step == 0 else values
        for step, values in enumerate(levels)
    }


def _ours(
    file: Path, data: Path, folder: Path, kind: str, limit: float = 0.0
) -> tuple[float, pd.DataFrame, float]:
    """Seconds (median) from rows on the engine to the released table there, that table, and the share suppressed."""
    anonymity = Anonymity(k=K, suppression_limit=limit, search=kind)  # type: ignore[arg-type]
    rows = {name: list(zip(*_adult.hierarchy(data, name), strict=True)) for name in _adult.QUASI}
    with open_engine(folder / "engine") as engine:
        table = engine.read_parquet(file)
        taken = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            classes = aggregate(table, _adult.QUASI)
            ladders = [
                _placed(hierarchy_ladder(name, values, rows[name]))
                for name, values in zip(classes.columns, classes.values, strict=True)
            ]
            found = search(classes, ladders, anonymity)
            released = engine.materialise(write(table, classes, ladders, found), "released")
            taken.append(time.perf_counter() - started)
        return round(median(taken), 3), engine.ibis.to_pandas(released), round(found.suppressed, 4)


def _placed(ladder: Ladder) -> Ladder:
    """Ages are numbers: they are cut and measured by distance."""
    if ladder.column != "age":
        return ladder
    places = np.asarray([float(value) for value in ladder.values])  # type: ignore[arg-type]
    return Ladder(column="age", values=ladder.values, levels=ladder.levels, places=places)


def _at_size(kind: str, what: str, file: Path) -> dict[str, object]:
    """In a process of its own, whose memory is measured."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks._searches", kind, str(file), str(file.with_suffix(""))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = f"{what}, to k = {K}, l = 2 (lattice), read to written"
    asked = "<= 60 s, <= 6 GiB"
    if done.returncode != 0:
        return claim(text, asked=asked, measured=done.stderr[-500:], holds=False)
    measured = json.loads(done.stdout.splitlines()[-1])
    holds = measured["seconds"] <= 60 and measured["gib"] <= 6 and measured["k"] >= K and measured["l"] >= 2
    return claim(text, asked=asked, measured=measured, holds=holds)


def _ladders(kind: str, classes: Classes) -> list[Ladder]:
    """Adult's by ARX's hierarchies; the wide table's by a few steps of each column, as hierarchies have them."""
    pairs = zip(classes.columns, classes.values, strict=True)
    if kind == "adult":
        data = Path(os.environ["PRIVET_BENCH_DATA"])
        rows = {name: list(zip(*_adult.hierarchy(data, name), strict=True)) for name in _adult.EIGHT}
        return [_placed(hierarchy_ladder(name, values, rows[name])) for name, values in pairs]
    return [
        make_ladder(name, values, list(map(_step, _wide.STEPS[name])), np.arange(len(values), dtype=float))
        for name, values in pairs
    ]


def _step(width: int) -> tuple[str, Label]:
    return f"by {width}", lambda value: f"{int(str(value)) // width}/{width}"


def _measure_size(kind: str, file: Path, folder: Path) -> dict[str, Any]:
    anonymity = Anonymity(k=K, l=2, suppression_limit=SUPPRESSION, search="lattice")
    quasi, sensitive = ADULT if kind == "adult" else (tuple(_wide.QUASI), _wide.SENSITIVE)
    with open_engine(folder, memory_limit="3GB") as engine:
        started = time.perf_counter()
        table = engine.read_parquet(file)
        classes = aggregate(table, quasi, [sensitive])
        counted = time.perf_counter() - started
        ladders = _ladders(kind, classes)
        found = search(classes, ladders, anonymity)
        searched = time.perf_counter() - started - counted
        released = engine.materialise(write(table, classes, ladders, found), "released")
        seconds = time.perf_counter() - started
        measures = f"count(*) AS n, count(DISTINCT {quoted(sensitive)}) AS l"
        grouped = f"SELECT {measures} FROM released GROUP BY {', '.join(map(quoted, quasi))}"
        k, l = engine.connection.execute(f"SELECT min(n), min(l) FROM ({grouped})").fetchall()[0]  # noqa: E741
        rows = released.count().execute()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
    proof = found.proof
    assert proof is not None
    return {
        "seconds": round(seconds, 1), "count_s": round(counted, 1), "search_s": round(searched, 1),
        "gib": round(used, 2), "classes": int(classes.counts.size), "nodes": proof.nodes,
        "evaluated": len(proof.evaluated), "levels": list(found.levels or ()), "ncp": round(found.loss, 4),
        "suppressed": round(found.suppressed, 4), "rows": int(rows), "k": k, "l": l,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_measure_size(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
