"""A release on Spark is that on DuckDB: searches, noise, micro-aggregation, measures and attacks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from infra.content import content_digest
from infra.engine import Engine, open_engine, work_folder
from models.anonymity.attacks import attacks
from models.anonymity.measures import Subject, measure_all
from models.anonymity.policy import UNIT, anonymise, deidentify, noise_columns, noise_key, plan_release
from models.anonymity.published import population_of
from models.values.secret import SecretBytes
from models.values.spec import ShopSpec
from tests.expectations.conftest import CUSTOMERS, spec_of

pytest.importorskip("pyspark")
pytestmark = pytest.mark.prove

KEY = SecretBytes(b"one key for both" * 2)
NOISE = {"kind": "noise", "epsilon": 1, "low": 0, "high": 50}
COLUMNS: dict[str, Any] = {
    "customer_id": CUSTOMERS["customer_id"],
    "born": CUSTOMERS["born"],
    "city": CUSTOMERS["city"],
    "tier": CUSTOMERS["tier"],
    "income": {"role": "sensitive", "type": "number", "transform": {"kind": "micro_aggregate", "k": 5}},
    "visits": {"role": "attribute", "type": "integer", "transform": NOISE | {"mechanism": "geometric"}},
    "spent": {"role": "attribute", "type": "number", "transform": NOISE | {"mechanism": "laplace"}},
    "score": {
        "role": "attribute",
        "type": "integer",
        "transform": NOISE | {"mechanism": "discrete_gaussian", "delta": 1e-6},
    },
}
TARGETS: dict[str, dict[str, Any]] = {
    "suppression": {"k": 5, "l": 2},
    "lattice": {"k": 8, "l": 2, "search": "lattice"},
    "lattice beside a population": {
        "k": 5,
        "t": 0.9,
        "search": "lattice",
        "presence": (0.0, 1.0),
        "population": "everybody",
    },
    "mondrian": {"k": 8, "l": 2, "diversity": "entropy", "search": "mondrian"},
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    from infra.engine_spark import open_spark

    with (
        open_engine(tmp_path_factory.mktemp("duckdb"), threads=1) as here,
        work_folder(tmp_path_factory.mktemp("spark")) as folder,
        open_spark(folder, master="local[2]", secret_file=None, threads=1, memory_limit="1GB") as spark,
    ):
        yield here, spark


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 customers, of whom some miss values."""
    chance = random.Random(11)
    many = range(300)
    table = pa.table(
        {
            "customer_id": [f"C{n}" for n in many],
            "born": [
                None if n % 17 == 0 else date(1950, 1, 1) + timedelta(chance.randrange(20_000)) for n in many
            ],
            "city": [chance.choice(["Paris", "Pau", "Berlin", "上海市", "上海西"]) for _ in many],
            "tier": [chance.choice(["gold", "blue", None]) for _ in many],
            "income": [round(chance.gauss(3000, 900), 2) for _ in many],
            "visits": [chance.randrange(60) for _ in many],
            "spent": [None if n % 13 == 0 else chance.random() * 60 for n in many],
            "score": [chance.randrange(60) for _ in many],
        }
    )
    path = tmp_path_factory.mktemp("rows") / "customers.parquet"
    parquet.write_table(table, path)
    return path


def spec_for(target: dict[str, Any]) -> ShopSpec:
    said = spec_of().model_dump(mode="json")
    said["tables"]["customers"]["columns"] = COLUMNS
    quasi = {name: COLUMNS[name] for name in ("born", "city")}
    said["tables"]["everybody"] = {"source": "everybody.csv", "key": [], "public": True, "columns": quasi}
    people = said["releases"]["people"] | {"columns": list(COLUMNS), "anonymity": target}
    return ShopSpec.model_validate(said | {"releases": {"people": people}})


def released(engine: Engine, rows: Path, spec: ShopSpec) -> tuple[Any, ...]:
    """All that a release tells: its columns, rows, levels, measures and what attacks find."""
    plan, table = plan_release(spec, "people"), engine.read_parquet(rows)
    keys = {domain: engine.secret(KEY, "key") for domain in ("customer_id", "customer")}
    keys |= {
        noise_key(name): engine.secret(SecretBytes(name.encode() * 8), f"noise_{name}")
        for name in noise_columns(plan)
    }
    masked = engine.materialise(
        deidentify(spec, "people", table, keys, bucket_key=keys["customer_id"]).drop("bucket_"), "masked"
    )
    assert plan.anonymity is not None
    people = None if plan.anonymity.population is None else population_of(plan, table, keys)
    found = anonymise(plan, masked, people)
    kept = engine.materialise(found.table, "kept")
    subject = Subject(
        table=kept, quasi=plan.quasi, sensitive=plan.sensitive, l=2, population=masked.drop(UNIT)
    )
    measured = measure_all(subject, people=1000).model_dump(mode="json")
    attacked = [
        each.model_dump(mode="json") for each in attacks(kept, plan.quasi, plan.sensitive, engine.rows)
    ]
    return dict(kept.schema()), content_digest(engine, kept), found.facts, measured, attacked


@pytest.mark.parametrize("name", TARGETS)
def test_both_engines_release_the_same(engines: tuple[Engine, Engine], rows: Path, name: str) -> None:
    spec = spec_for(TARGETS[name])
    here, there = (released(engine, rows, spec) for engine in engines)
    assert there[:3] == here[:3]
    assert rounded(there[3:]) == rounded(here[3:])


def rounded(found: Any) -> Any:
    """Numbers to nine digits: sums are made in another order."""
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [rounded(value) for value in found]
    return round(found, 9) if isinstance(found, float) else found
