"""The gate on Spark says what it says on DuckDB, of clean tables, of spoilt ones and of what it cannot read."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from expectations.gates import expectations as gate
from expectations.gates.gate import UNEVALUATED, Known, run_gate
from infra.engine import Engine, open_engine, work_folder
from infra.engine_judge import judge_of
from infra.engine_sql import quoted
from models.values.dataset import GateResult
from models.values.spec import ShopSpec
from tests.expectations.gates.test_anonymity import ODD, SCHEMA, expected
from tests.expectations.gates.test_gate import (
    CANARY,
    CUSTOMERS,
    DEVICES,
    EVENTS,
    PEOPLE,
    RAW,
    ROWS,
    changed,
    failed,
)

pytest.importorskip("pyspark")
pytestmark = pytest.mark.prove


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    from infra.engine_spark import open_spark

    with (
        work_folder(tmp_path_factory.mktemp("spark")) as folder,
        open_spark(folder, master="local[2]", secret_file=None, threads=1, memory_limit="1GB") as engine,
    ):
        yield engine


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with open_engine(tmp_path_factory.mktemp("duckdb"), threads=1) as engine:
        yield engine


def taken(engines: tuple[Engine, Engine], folder: Path, queries: Mapping[str, str]) -> list[dict[str, str]]:
    """The results of DuckDB's queries as tables of both engines: name -> table."""
    tables: list[dict[str, str]] = [{}, {}]
    with duckdb.connect() as connection:
        for name, query in queries.items():
            path = folder / f"{name}.parquet"
            connection.execute(f"COPY ({query}) TO '{path}'")
            for engine, names in zip(engines, tables, strict=True):
                names[name] = engine.read_parquet(path).get_name()
    return tables


def judged(engine: Engine, tables: Mapping[str, str], spec: ShopSpec) -> GateResult:
    known = Known(
        parent_rows=ROWS,
        raw_identifiers={"people": (tables["raw"],), "events": (tables["raw"], tables["devices"])},
        suppressed_rows={"people": 2},
        raw_tables={"people": tables["customers"]},
        age_days=1.0,
    )
    released = {name: tables[name] for name in ("people", "events")}
    return run_gate(judge_of(engine), released, spec, known)


def without_number(query: str) -> str:
    return f"SELECT * EXCLUDE (n) FROM ({query})"


PEOPLE_OF = changed(PEOPLE, "city", "CASE WHEN n <= 9 THEN 'Lyo*' WHEN n = 20 THEN 'Paris 7' ELSE city END")
EVENTS_OF = changed(EVENTS, "channel", f"CASE WHEN n = 7 THEN '{CANARY}' WHEN n = 8 THEN ' c1234' END")
COUNTED = changed(EVENTS, "order_id", "lpad(CAST(n AS VARCHAR), 32, '0')::UUID")
SPOILT: dict[str, dict[str, str]] = {
    "clean": {},
    "values": {
        "people": f"SELECT * REPLACE (CASE WHEN n = 7 THEN '１３８００１３８０００' END AS note) FROM ({PEOPLE_OF})",
        "events": f"SELECT * REPLACE (ordered_at + INTERVAL 1 HOUR AS ordered_at) FROM ({EVENTS_OF})",
    },
    "keys and classes": {
        "people": without_number(
            changed(PEOPLE, "tier", "CASE WHEN born IS NULL THEN NULL WHEN n < 9 THEN '?' ELSE tier END")
        ),
        "events": without_number(
            "SELECT * REPLACE (CASE WHEN n > 1 THEN left(sha256('raw' || n), 32)::UUID END AS customer_id) FROM "
            f"({COUNTED})"
        ),
    },
}


@pytest.mark.parametrize("name", SPOILT)
def test_both_engines_say_the_same(
    here: Engine, spark: Engine, spec: ShopSpec, tmp_path: Path, name: str
) -> None:
    queries = {"people": PEOPLE, "events": EVENTS, "raw": RAW, "devices": DEVICES, "customers": CUSTOMERS}
    ours, theirs = taken((here, spark), tmp_path, queries | SPOILT[name])
    wanted, found = judged(here, ours, spec), judged(spark, theirs, spec)
    assert found.model_dump() == wanted.model_dump()
    assert UNEVALUATED not in {check.detail for check in found.checks}
    assert len(failed(found)) == {"clean": 0, "values": 10, "keys and classes": 4}[name]


@pytest.mark.parametrize("quasi", [["q", "r"], []], ids=["classes", "one class"])
def test_classes_are_counted_as_the_reference_counts_them(
    spark: Engine, tmp_path: Path, quasi: list[str]
) -> None:
    chance = random.Random(4)
    rows = [{name: chance.choice(values) for name, values in ODD.items()} for _ in range(25)]
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    table, judge = spark.read_parquet(path).get_name(), judge_of(spark)
    asked = chance.sample(list(expected(rows, quasi)), 16)
    wrong = [
        str(each)
        for truth, each in asked
        if judge.finds(table, each.rows_query, each.unexpected_rows_query) is truth
    ]
    assert wrong == []


ODD_NAME = 'a {b} "c" `d`'
ROWS_OF = """
    SELECT 'T-' || lpad(CAST(i AS VARCHAR), 4, '0') AS token, i * 0.05 AS number, md5('k' || i)::UUID AS id,
           lpad(CAST(i AS VARCHAR), 32, '0')::UUID AS counter, TIMESTAMP '2026-01-05' + to_weeks(i::INT) AS week,
           CASE WHEN i % 2 = 0 THEN '\\d''' END AS odd, CAST(i AS UTINYINT) AS small
    FROM (SELECT i % 200 AS i FROM range(1500) r(i))"""
QUESTIONS: dict[str, tuple[gate.NothingBroken, bool]] = {
    "form": (gate.TokenForm.column("token", "T-", "0123456789", (4, 6)), True),
    "another form": (gate.TokenForm.column("token", "T-", "012345678", (4, 6)), False),
    "steps": (gate.OnlySteps.multiples("number", 0.05), True),
    "other steps": (gate.OnlySteps.multiples("number", 0.1), False),
    "weeks": (gate.OnlySteps.starts("week", "week"), True),
    "months": (gate.OnlySteps.starts("week", "month"), False),
    "bands": (gate.OnlyBands.column(ODD_NAME, ["\\d'"]), True),
    "other bands": (gate.OnlyBands.column(ODD_NAME, ["d'"]), False),
    "pattern": (gate.NoIdentifierPattern.column(ODD_NAME, {"digit": r"\d'$"}), True),
    "another pattern": (gate.NoIdentifierPattern.column(ODD_NAME, {"backslash": r"\\d"}), False),
    "few tokens": (gate.NoRawValue.mostly("token", "few"), True),
    "most tokens": (gate.NoRawValue.mostly("token", "most"), False),
    "no gap": (gate.NotNull.column("id"), True),
    "a gap": (gate.NotNull.column(ODD_NAME), False),
    "whole numbers": (gate.OnlySteps.multiples("small", 1), True),
}


def test_every_other_question(here: Engine, spark: Engine, tmp_path: Path) -> None:
    odd = f"SELECT * EXCLUDE (odd), odd AS {quoted(ODD_NAME)} FROM ({ROWS_OF})"
    held = {"few": 90, "most": 150}
    tables = taken((here, spark), tmp_path, {"t": odd})
    for engine, names in zip((here, spark), tables, strict=True):
        judge = judge_of(engine)
        for name, many in held.items():
            shown = f"""CASE WHEN "number" < {many / 20} THEN "token" ELSE 'raw' || "small" END AS v"""
            judge.keep(names["t"], f"SELECT {shown} FROM {{batch}}", name)
        found = {
            name: not judge.finds(names["t"], each.rows_query, each.unexpected_rows_query)
            for name, (each, _) in QUESTIONS.items()
        }
        assert found == {name: truth for name, (_, truth) in QUESTIONS.items()}
        assert judge.types(names["t"])["small"] == "UTINYINT"
        for name in held:
            judge.drop(name)
            judge.drop(name)


def test_what_spark_cannot_read_has_failed(spark: Engine, spec: ShopSpec, tmp_path: Path) -> None:
    _, tables = taken((spark, spark), tmp_path, {"people": PEOPLE.replace("'gold'", f"'{CANARY}'")})
    rows = spark.ibis.table(tables["people"])
    spoilt = spark.view(rows.mutate(tier=rows.tier.cast("int64").cast("string")), "spoilt")
    for table in (spoilt.get_name(), "nowhere"):
        known = Known(parent_rows=ROWS, raw_identifiers={"people": ("nowhere",)}, age_days=1.0)
        result = run_gate(judge_of(spark), {"people": table}, spec, known)
        assert not result.passed
        assert CANARY not in result.model_dump_json()
        assert {(check.passed, check.detail) for check in result.checks} == {(False, UNEVALUATED)}
