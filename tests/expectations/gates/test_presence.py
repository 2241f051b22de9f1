"""Presence after a search: the gate counts the population at the levels that were chosen, on what was written."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

import ibis
import pyarrow as pa
import pytest

from expectations.gates.anonymity import DeltaPresence
from infra.engine import Engine, open_engine
from models.anonymity.errors import PolicyError
from models.anonymity.policy import anonymise
from models.anonymity.published import LEVEL, population_of
from models.anonymity.search.ladder import AS_WRITTEN
from tests.models.anonymity.test_published import planned

QUASI = ("age", "city", "zip", "since")
VALUES: tuple[tuple[Any, ...], ...] = (
    (10, 25, 35, 45, 70, None),
    ("Berlin", "Bonn", "Paris", "Rome", None),
    ("1101", "1202", "2103", None),
    (date(2023, 1, 5), date(2023, 2, 7), date(2024, 7, 1), None),
)
SCHEMA = pa.schema([("age", pa.int64()), ("city", pa.string()), ("zip", pa.string()), ("since", pa.date32())])
SOME = (0.0, 0.2, 0.34, 0.5, 0.67, 0.8, 1.0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("work"), threads=2) as opened:
        yield opened


def people(seed: int, many: int) -> list[tuple[Any, ...]]:
    rng = random.Random(seed)
    return [tuple(rng.choice(values) for values in VALUES) for _ in range(many)]


def held(engine: Engine, name: str, rows: list[tuple[Any, ...]]) -> Any:
    columns = {column: [row[place] for row in rows] for place, column in enumerate(QUASI)}
    return engine.materialise(ibis.memtable(pa.table(columns, schema=SCHEMA)), name)


def classes(engine: Engine, table: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in engine.rows(table.select(*QUASI))]


def shares(engine: Engine, masked: Any, written: Any, everybody: Any) -> list[float]:
    """The share of each class of the population that is written: what a value became is read off the written rows."""
    both = written.inner_join(masked.rename({f"{name}_0": name for name in QUASI}), "visits")
    became: list[dict[Any, Any]] = [{} for _ in QUASI]
    for row in engine.rows(both):
        for place, name in enumerate(QUASI):
            assert became[place].setdefault(row[f"{name}_0"], row[name]) == row[name]
    coarse = Counter(
        tuple(known[value] for known, value in zip(became, row, strict=True))
        for row in classes(engine, everybody)
    )
    found = Counter(classes(engine, written))
    assert not found.keys() - coarse.keys()
    return [found[one] / many for one, many in coarse.items()]


@pytest.mark.parametrize("seed", range(4))
def test_the_gate_counts_the_population_at_the_levels_of_the_search(engine: Engine, seed: int) -> None:
    rows, others = people(seed, 150), people(seed + 50, 50 * (seed + 2))
    low, high = ((0.0, 0.7), (0.3, 0.9), (0.2, 0.6), (0.0, 0.4))[seed]
    plan = planned(k=3, presence=(low, high), population="p", search="lattice", suppression_limit=0.4)
    everybody = held(engine, "everybody_", rows + others)
    first = population_of(plan, held(engine, "raw_", rows), {})
    masked = engine.materialise(first.mutate(illness=ibis.literal("a"), visits=ibis.row_number()), "masked_")
    found = anonymise(plan, masked, population_of(plan, everybody, {}))
    written = engine.materialise(found.table, "written_")
    assert any(found.facts[f"{LEVEL}{name}"] != AS_WRITTEN for name in QUASI)

    engine.materialise(population_of(plan, everybody, {}, found.facts), "population_")
    fine = engine.materialise(population_of(plan, everybody, {}), "fine_")
    parts = shares(engine, masked, written, fine)
    assert low - 1e-9 <= min(parts) <= max(parts) <= high + 1e-9
    for least, most in ((least, most) for least in SOME for most in SOME if least <= most):
        truth = least <= min(parts) + 1e-9 and max(parts) <= most + 1e-9
        assert holds(engine, least, most) is truth, (least, most)
    engine.materialise(population_of(plan, everybody, {}), "population_")
    assert not holds(engine, 0.0, 1.0)  # the cut of the spec is not that of the written rows


def holds(engine: Engine, low: float, high: float) -> bool:
    """Whether the gate's query finds nothing in the written table."""
    query = str(DeltaPresence.within(QUASI, "population_", low, high).unexpected_rows_query)
    found = engine.connection.execute(f"SELECT count(*) FROM ({query.format(batch='written_')})").fetchall()
    return not found[0][0]


def test_a_search_without_levels_cannot_be_counted(engine: Engine) -> None:
    plan = planned(k=3)
    with pytest.raises(PolicyError, match="lattice"):
        population_of(plan, held(engine, "everybody_", people(1, 9)), {}, {"search": "mondrian"})
    levels = {f"{LEVEL}{name}": "no such level" for name in QUASI}
    with pytest.raises(PolicyError, match="no level"):
        population_of(plan, held(engine, "everybody_", people(1, 9)), {}, levels)
