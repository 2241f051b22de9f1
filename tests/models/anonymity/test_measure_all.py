"""All measures of random tables agree with a slow reference; missing values, NaN and odd texts are values."""

from __future__ import annotations

import importlib.util
import random
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from infra.engine import open_engine
from models.anonymity.measures import Subject, measure_all
from models.values.measures import Measures
from models.values.secret import SecretBytes

_SPEC = importlib.util.spec_from_file_location("ref", Path(__file__).with_name("measures_reference.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)

ODD: dict[str, list[Any]] = {
    "q": [None, "", " ", "N/A", "a"],
    "r": [None, 1.0, float("nan"), -0.5],
    "d": [None, datetime(2026, 1, 1), datetime(1970, 1, 1)],
    "s": [None, "", " ", "N/A", "low", "high"],
    "n": [None, 0, 1, 5, 7],
    "f": [None, float("nan"), 0.5, 2.0],
    "u": ["x", "y", "z", "w"],
}
SCHEMA = pa.schema(
    {"q": pa.string(), "r": pa.float64(), "d": pa.timestamp("us"), "s": pa.string(), "n": pa.int64(),
     "f": pa.float64(), "u": pa.string()}
)  # fmt: skip
ORDERS = {"s": ["low", "high"]}
SETTINGS: list[tuple[list[str], list[str], str | None, int]] = [
    (["q"], ["s"], None, 2),
    (["q", "r"], ["n"], None, 2),
    (["r", "d"], ["f"], None, 3),
    (["q", "r", "d"], ["s", "n"], "u", 2),
    ([], ["s"], None, 2),
]


@pytest.fixture(scope="module")
def connection() -> Any:
    connection = ibis.duckdb.connect()
    connection.con.execute("SET threads = 1")  # small tables: threads cost more than they bring
    return connection


def table(connection: Any, rows: list[dict[str, Any]], name: str = "t") -> Any:
    """A table of the engine that keeps NaN and NULL apart."""
    shown(connection, rows, name)
    return connection.table(name)


def shown(connection: Any, rows: list[dict[str, Any]], name: str = "t") -> None:
    """The rows under a name, read where they are."""
    columns = {field.name: [row[field.name] for row in rows] for field in SCHEMA}
    connection.con.register(name, pa.table(columns, schema=SCHEMA))


def some_rows(chance: random.Random) -> list[dict[str, Any]]:
    """Up to 30 rows; half of the tables have columns that are mostly missing."""
    gaps = chance.choice([0.0, 0.6])
    return [
        {
            name: None if chance.random() < gaps and name != "u" else chance.choice(values)
            for name, values in ODD.items()
        }
        for _ in range(chance.randint(1, chance.choice([3, 10, 30])))
    ]


def same(found: float | None, expected: float | None) -> bool:
    return found == expected if found is None or expected is None else abs(found - expected) < 1e-9


def agree(
    found: Measures, rows: list[dict[str, Any]], quasi: list[str], unit: str | None, least: int
) -> None:
    assert dict(found.sizes) == reference.sizes(rows, quasi, unit)
    assert found.k == min(dict(found.sizes))
    assert found.singled_out == dict(found.sizes).get(1, 0)
    for column in found.columns:
        expected = reference.column(rows, quasi, column.column, least, ORDERS.get(column.column))
        said = column.model_dump()
        wanted = {"l", "entropy_l", "c", "equal", "beta"} | (
            {"ordered"} if column.ordered is not None else set()
        )
        assert {key for key in wanted if not same(said[key], expected[key])} == set(), column.column
        assert (column.enhanced_beta is None) == (expected["excess"] > 1e-9)


def check(connection: Any, statements: dict[str, tuple[Subject, dict[str, str]]], seed: int) -> None:
    """One random table under one of a few settings, whose questions are compiled once."""
    chance = random.Random(seed)
    quasi, sensitive, unit, least = setting = chance.choice(SETTINGS)
    rows = some_rows(chance)
    shown(connection, rows)
    if str(setting) not in statements:
        subject = Subject(
            table=connection.table("t"), quasi=quasi, sensitive=sensitive, l=least, unit=unit, orders=ORDERS
        )
        asked = {name: str(connection.compile(question)) for name, question in subject.questions().items()}
        statements[str(setting)] = subject, asked
    subject, asked = statements[str(setting)]
    answers = {name: connection.con.execute(sql).to_arrow_table() for name, sql in asked.items()}
    agree(subject.answered(answers), rows, quasi, unit, least)


@pytest.mark.parametrize("bits", [63, 0])
def test_agrees_with_the_reference(connection: Any, monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    monkeypatch.setattr("models.anonymity.closeness._BITS", bits)
    statements: dict[str, tuple[Subject, dict[str, str]]] = {}
    for seed in range(60):
        check(connection, statements, seed)


@pytest.mark.prove
def test_agrees_with_the_reference_on_ten_thousand_tables(connection: Any) -> None:
    statements: dict[str, tuple[Subject, dict[str, str]]] = {}
    for seed in range(10_000):
        check(connection, statements, seed)


def test_of_no_rows(connection: Any) -> None:
    found = measure_all(Subject(table=table(connection, []), quasi=["q"], sensitive=["s", "n"]))
    assert (found.k, found.rows, found.classes, found.marketer) == (0, 0, 0, 0.0)


def test_presence_and_journalist_risk_count_the_population(connection: Any) -> None:
    everybody = [dict.fromkeys(ODD) | {"q": q, "u": "x"} for q in ["a"] * 8 + [None] * 4]
    here = table(connection, everybody[:4] + everybody[8:11], "here")
    there = table(connection, everybody, "everybody")
    found = measure_all(Subject(table=here, quasi=["q"], population=there))
    assert found.presence == (0.5, 0.75)
    assert (found.journalist.highest, found.prosecutor.highest) == (1 / 4, 1 / 3)
    assert found.journalist.average == pytest.approx(max(2 / 12, (4 / 8 + 3 / 4) / 7))
    assert found.marketer == pytest.approx((4 / 8 + 3 / 4) / 7)


def measured(rows: Any) -> Measures:
    return measure_all(Subject(table=rows, quasi=["q", "r"], sensitive=["s", "n", "f"]))


def test_a_published_table_measures_the_same_when_it_is_read_back(connection: Any, tmp_path: Path) -> None:
    """Threat 46: rows of stars and of missing values are what they were, neither dropped nor made a crowd."""
    stars = [dict.fromkeys(ODD) | {"q": "*", "r": None, "u": "x", "s": "*"}] * 3
    rows = [*some_rows(random.Random(3)), *stars, *([dict.fromkeys(ODD)] * 2)]
    before = measured(table(connection, rows))
    with open_engine(tmp_path) as engine:
        engine.ibis.con.register("rows_", connection.to_pyarrow(connection.table("t")))
        key = SecretBytes(bytes(32))
        engine.write_parquet(engine.ibis.table("rows_"), tmp_path / "all.parquet", key)
        again = engine.read_encrypted([(tmp_path / "all.parquet", key)])
        after = measured(again)
    assert after.model_dump(exclude={"columns"}) == before.model_dump(exclude={"columns"})
    for one, other in zip(before.columns, after.columns, strict=True):
        numbers = one.model_dump(exclude={"column"})
        assert all(same(number, getattr(other, name)) for name, number in numbers.items())
