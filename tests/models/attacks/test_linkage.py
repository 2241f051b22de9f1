"""Linkage: a table released raw gives its customers away, a k-anonymous one none, and chance is taken off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from infra.engine import open_engine
from models.anonymity.policy import anonymise
from models.anonymity.published import population_of
from models.attacks.linkage import linkage
from tests.expectations.gates.test_presence import held, people
from tests.models.anonymity.test_published import planned

N = 400


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def _table(connection: Any, name: str, columns: dict[str, Any]) -> Any:
    connection.con.register("made", pa.table(columns))
    connection.con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM made")
    return connection.table(name)


def _linked(connection: Any, known: dict[str, Any], released: dict[str, Any], told: str = "who") -> Any:
    tables = [_table(connection, name, made) for name, made in (("known", known), ("released", released))]
    return linkage(
        *tables, ["age", "place"], [told], lambda question: connection.to_pyarrow(question).to_pylist()
    )


def _people() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "age": list(range(N)),
        "place": [None, *(f"{number:03}" for number in rng.integers(0, 40, N - 1))],
        "who": [f"p{number}" for number in range(N)],
        "tier": list(rng.permutation(["gold", "none"] * (N // 2))),
    }


def test_a_table_that_is_released_raw_links_everyone(connection: Any) -> None:
    people = _people()
    order = np.random.default_rng(2).permutation(N)
    released = {name: [column[place] for place in order] for name, column in people.items()}
    found = _linked(connection, people, released)
    assert (found.value, found.scope) == (1.0, "internal")
    assert found.low > 0.98


def test_a_k_anonymous_table_links_nobody(connection: Any) -> None:
    people = _people()
    coarse = people | {"age": [age // 40 for age in people["age"]], "place": ["*"] * N}
    found = _linked(connection, coarse, coarse)
    assert found.value == 0
    assert 0 < found.high < 0.02


def test_only_who_is_in_the_table_is_linked(connection: Any) -> None:
    """A quarter of the people is in it; the others meet nobody, or somebody else."""
    people = _people()
    released = {name: column[: N // 4] for name, column in people.items()}
    assert _linked(connection, people, released).value == pytest.approx(0.25)


def test_a_wrong_link_is_none(connection: Any) -> None:
    people = _people()
    assert _linked(connection, people, people | {"who": people["who"][::-1]}).value == 0


def test_what_chance_makes_right_is_taken_off(connection: Any) -> None:
    """Half of the people have either tier: rows of other people have the right one as often."""
    people = _people()
    rng = np.random.default_rng(3)
    strangers = people | {"tier": list(rng.permutation(people["tier"]))}
    by_chance = _linked(connection, people, strangers, "tier")
    assert by_chance.low < 0.1
    assert by_chance.value < 0.15
    assert _linked(connection, people, people, "tier").low > 0.95


def test_nobody_known_is_nothing_known(connection: Any) -> None:
    nobody = {
        "age": pa.array([], pa.int64()),
        "place": pa.array([], pa.string()),
        "who": pa.array([], pa.string()),
    }
    found = _linked(connection, nobody, _people())
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_searched_release_is_attacked_at_the_levels_of_its_manifest(tmp_path: Path) -> None:
    """The same people: masked as the spec says they are linked, with k = 3 nobody is."""
    plan = planned(k=3, search="lattice", suppression_limit=0.4)
    with open_engine(tmp_path, threads=2) as engine:
        made = people(5, 60)
        raw = held(engine, "raw_", made).mutate(visits=ibis.row_number(), illness=ibis.literal("a"))
        raw = engine.materialise(raw, "people_")
        masked = engine.materialise(population_of(plan, raw, {}, beside=("visits", "illness")), "masked_")
        found = anonymise(plan, masked)
        released = engine.materialise(found.table, "released_")
        at_spec, at_levels = (
            population_of(plan, raw, {}, at, beside=("visits",)) for at in (None, found.facts)
        )
        assert linkage(at_spec, masked, plan.quasi, ["visits"], engine.rows).low > 0.3
        assert released.count().to_pyarrow().as_py() > 30
        assert linkage(at_levels, released, plan.quasi, ["visits"], engine.rows).value == 0
