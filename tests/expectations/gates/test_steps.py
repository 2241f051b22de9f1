"""Rounded columns hold multiples of their step, whatever type the engine made of them."""

from __future__ import annotations

import duckdb
import pytest

from expectations.gates.expectations import OnlySteps


@pytest.mark.parametrize(
    ("values", "step", "truth"),
    [
        ("0, 10, -30, NULL", 10, True),
        ("0.1, 0.2, 0.30000000000000004", 0.1, True),
        ("1e15, 1e15 + 5", 5, True),
        ("0, 10, 31", 10, False),
        ("0.25", 0.1, False),
    ],
)
def test_only_multiples_of_the_step_pass(
    connection: duckdb.DuckDBPyConnection, values: str, step: float, truth: bool
) -> None:
    query = OnlySteps.multiples("v", step).rows_query
    connection.execute(f"CREATE TABLE t AS SELECT unnest([{values}]) AS v")
    found = connection.execute(f"SELECT count(*) FROM ({query.format(batch='t')})").fetchone()
    assert (found == (0,)) is truth
