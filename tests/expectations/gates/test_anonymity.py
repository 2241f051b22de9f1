"""Expectations on classes agree with a slow reference on random tables, with missing values, NaN and odd texts."""

from __future__ import annotations

import importlib.util
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from expectations.gates import anonymity as gate
from infra.engine_judge import DuckDBJudge

_FILE = Path(__file__).parents[2] / "models" / "anonymity" / "measures_reference.py"
_SPEC = importlib.util.spec_from_file_location("reference", _FILE)
assert _SPEC is not None
assert _SPEC.loader is not None
reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)

ODD: dict[str, list[Any]] = {
    "q": [None, "", " ", "N/A"],
    "r": [None, 1.0, float("nan")],
    "s": [None, "", " ", "N/A", "low", "high"],
    "n": [None, 0, 1, 5],
}
SCHEMA = pa.schema({"q": pa.string(), "r": pa.float64(), "s": pa.string(), "n": pa.int64()})
LIMITS = (0.05, 0.2, 0.34, 0.5, 1.0, 1.5)


def holds(connection: duckdb.DuckDBPyConnection, expectation: gate.NothingBroken) -> bool:
    """Whether the expectation's query finds nothing in the table t."""
    judge = DuckDBJudge(connection)
    return not judge.finds("t", expectation.rows_query, expectation.unexpected_rows_query)


def expected(rows: list[dict[str, Any]], quasi: list[str]) -> Iterator[tuple[bool, gate.NothingBroken]]:
    """What the reference says of the table, and the expectation that must say the same."""
    sizes = reference.sizes(rows, quasi)
    yield from ((min(sizes) >= k, gate.KAnonymity.over(quasi, k)) for k in (1, 2, 3))
    yield 1 not in sizes, gate.NoResidualUniqueness.over(quasi)
    for name in ("s", "n"):
        found = {least: reference.column(rows, quasi, name, least, None) for least in (2, 3)}
        worst = found[2]
        for l in (2, 3):  # noqa: E741  # the paper's letter
            yield worst["l"] >= l, gate.DistinctLDiversity.over(quasi, name, l)
            yield worst["entropy_l"] >= l - 1e-6, gate.EntropyLDiversity.over(quasi, name, l)
            for c in (1.0, 2.5):
                least_c = math.inf if found[l]["c"] is None else found[l]["c"]
                yield least_c < c, gate.RecursiveLDiversity.over(quasi, name, l, c)
        for limit in LIMITS:
            yield worst["equal"] <= limit + 1e-9, gate.TCloseness.equal(quasi, name, limit)
            yield worst["ordered"] <= limit + 1e-9, gate.TCloseness.ordered(quasi, name, limit)
            within = worst["beta"] <= limit + 1e-6 and worst["excess"] <= 1e-6
            yield within, gate.BetaLikeness.over(quasi, name, limit)


def check(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    chance = random.Random(seed)
    quasi = chance.choice([["q"], ["q", "r"], []])
    rows = [
        {name: chance.choice(values) for name, values in ODD.items()}
        for _ in range(chance.randint(1, chance.choice([3, 8, 25])))
    ]
    made = pa.table({name: [row[name] for row in rows] for name in ODD}, schema=SCHEMA)
    connection.register("made", made)
    connection.execute("CREATE OR REPLACE TABLE t AS FROM made")
    wrong = [str(each) for truth, each in expected(rows, quasi) if holds(connection, each) != truth]
    assert wrong == []


@pytest.mark.parametrize("seeds", [range(6)], ids=["some"])
def test_expectations_agree_with_the_reference(connection: duckdb.DuckDBPyConnection, seeds: range) -> None:
    for seed in seeds:
        check(connection, seed)


@pytest.mark.prove
def test_expectations_agree_with_the_reference_on_many_tables(connection: duckdb.DuckDBPyConnection) -> None:
    for seed in range(500):
        check(connection, seed)


@pytest.mark.parametrize(
    ("here", "within", "truth"),
    [
        ([("a", 2), (None, 2)], (0.25, 0.5), True),
        ([("a", 3), (None, 2)], (0.25, 0.5), False),
        ([("a", 2)], (0.25, 0.5), False),  # nobody of the class without a value is there
        ([("a", 2)], (0.0, 0.5), True),
        ([("a", 2), ("b", 1)], (0.0, 1.0), False),  # not of the population
    ],
)
def test_presence_counts_the_classes_of_the_population(
    connection: duckdb.DuckDBPyConnection,
    here: list[tuple[str | None, int]],
    within: tuple[float, float],
    truth: bool,
) -> None:
    for name, classes in (("people", [("a", 4), (None, 4)]), ("t", here)):
        connection.register("made", pa.table({"q": [q for q, many in classes for _ in range(many)]}))
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM made")
    assert holds(connection, gate.DeltaPresence.within(["q"], "people", *within)) is truth
