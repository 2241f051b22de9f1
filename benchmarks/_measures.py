"""Measures of a released table at size, and against pyCANON on the same rows."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import _adult, _wide
from benchmarks.claims import claim
from benchmarks.rivals.anonymity import NoEnvironment, Unfinished, run
from infra.engine import open_engine
from models.anonymity.measures import Subject, measure_all
from models.values.measures import Measures

MANY, MILLION, FEWER = 10_000_000, 1_000_000, 100_000
ROUNDS, PATIENCE = 3, 120.0
# Coarse steps, as a release has them: thousands of classes.
_STEPS = {
    "age": 4,
    "district": 30,
    "marital": 3,
    "education": 6,
    "occupation": 5,
    "household": 3,
    "joined": 10,
}


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """The claims on measures; pyCANON is compared on Adult and needs `data`."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _at_size(Path(folder))
        if data is None:
            yield claim("measures on Adult", asked="its data", measured="no PRIVET_BENCH_DATA", holds=None)
        else:
            yield from _against_pycanon(data, Path(folder))


def _timed(query: str, quasi: list[str], sensitive: list[str], folder: Path) -> tuple[float, Measures]:
    """Seconds for all measures of the rows of `query`, once they are on the engine; the median of some rounds."""
    taken = []
    with open_engine(folder / "engine", memory_limit="5GB") as engine:
        engine.connection.execute(f"CREATE TABLE measured AS {query}")
        for _ in range(ROUNDS):
            started = time.perf_counter()
            subject = Subject(table=engine.ibis.table("measured"), quasi=quasi, sensitive=sensitive)
            found = measure_all(subject)
            taken.append(time.perf_counter() - started)
    return round(median(taken), 2), found


def _at_size(folder: Path) -> Iterator[dict[str, object]]:
    """Thousands of classes, and hundreds of thousands with a second sensitive column of many values."""
    file = folder / "wide.parquet"
    _wide.write_customers(file, MANY)
    for finer, sensitive in ((1, [_wide.SENSITIVE]), (2, [_wide.SENSITIVE, _wide.WARD])):
        steps = {name: max(1, _STEPS.get(name, 1) // finer) for name in _wide.QUASI}
        columns = ", ".join(f"{name} // {step} AS {name}" for name, step in steps.items())
        query = f"SELECT {columns}, {_wide.SENSITIVE}, {_wide.WARD_SQL} FROM read_parquet('{file}')"
        seconds, found = _timed(query, list(_wide.QUASI), sensitive, folder)
        yield claim(
            f"k, l (distinct, entropy, recursive), t (equal, ordered), beta and risks of {MANY:,} rows, "
            f"{len(sensitive)} sensitive",
            asked="<= 10 s",
            measured={"seconds": seconds, "quasi-identifiers": len(_wide.QUASI), "classes": found.classes},
            holds=seconds <= 10,
        )


def _against_pycanon(data: Path, folder: Path) -> Iterator[dict[str, object]]:
    table = _adult.like_adult(_adult.adult(data), MILLION)
    for rows, measures in ((MILLION, ["k_anonymity", "l_diversity"]), (FEWER, ["t_closeness"])):
        file = folder / f"{rows}.parquet"
        table[:rows].to_parquet(file)
        seconds, found = _timed(
            f"FROM read_parquet('{file}')", list(_adult.QUASI), [_adult.SENSITIVE], folder
        )
        yield _pycanon(file, rows, measures, seconds, found)


def _pycanon(
    file: Path, rows: int, measures: list[str], seconds: float, found: Measures
) -> dict[str, object]:
    ours: dict[str, Any] = {"seconds, all measures": seconds, "k": found.k, "l": found.columns[0].l}
    ours["t"] = round(found.columns[0].equal, 4)
    text = f"{' and '.join(measures)} of {rows:,} Adult-like rows: pyCANON / all of Privet's measures"
    settings = {"quasi": _adult.QUASI, "sensitive": [_adult.SENSITIVE], "measures": measures}
    try:
        theirs, _ = run("pycanon", file, settings, limit=PATIENCE)
    except (Unfinished, NoEnvironment) as why:
        unfinished = str(why).startswith("not finished")
        measured = {"Privet": ours, "pyCANON": str(why)}
        return claim(text, asked=">= 5x", measured=measured, holds=True if unfinished else None)
    taken = sum(theirs["seconds"].values())
    times = round(taken / seconds, 1)
    same = all(abs(theirs["values"][name] - ours[name[0]]) < 1e-3 for name in measures)
    return claim(
        text,
        asked=">= 5x and the same values",
        measured={"times": times, "Privet": ours, "pyCANON": theirs},
        holds=times >= 5 and same,
    )
