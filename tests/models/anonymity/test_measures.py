"""k, l and suppression agree with a brute-force reference, with missing values as values."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.measures import Subject, classes, measure_all, suppress

Row = dict[str, Any]
VALUE = st.sampled_from([None, "", " ", "N/A", "a"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "q": VALUE,
            "r": st.sampled_from([None, 1.0, float("nan")]),
            "s": VALUE,
            "u": st.sampled_from([None, "x", "y", "z"]),
        }
    ),
    max_size=14,
)
SCHEMA = ibis.schema({"id": "int64", "q": "string", "r": "float64", "s": "string", "u": "string"})


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def plain(value: Any) -> Any:
    return "NaN" if value != value else value


def reference(
    rows: list[Row], quasi: list[str], unit: str | None = None
) -> dict[tuple[Any, ...], tuple[int, int, list[int]]]:
    """Class -> (size, different sensitive values, its rows)."""
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[tuple(plain(row[name]) for name in quasi)].append(number)
    return {
        key: (
            len({rows[i][unit] for i in members}) if unit else len(members),
            len({rows[i]["s"] for i in members}),
            members,
        )
        for key, members in found.items()
    }


def in_engine(connection: Any, rows: list[Row]) -> Any:
    """A table of the engine that keeps NaN and NULL apart."""
    columns = {name: [row[name] for row in rows] for name in "qrsu"}
    arrow = pa.table({"id": range(len(rows)), **columns}, schema=SCHEMA.to_pyarrow())
    connection.con.register("rows_", arrow)
    connection.con.execute("CREATE OR REPLACE TABLE t AS SELECT * FROM rows_")
    return connection.table("t")


@settings(max_examples=80, deadline=None)
@given(
    rows=ROWS,
    quasi=st.sampled_from([["q"], ["q", "r"], []]),
    k=st.integers(1, 4),
    l=st.integers(1, 3),
    unit=st.sampled_from([None, "u"]),
)
def test_against_brute_force(
    connection: Any,
    rows: list[Row],
    quasi: list[str],
    k: int,
    l: int,  # noqa: E741  # the paper's letter
    unit: str | None,
) -> None:
    table, expected = in_engine(connection, rows), reference(rows, quasi, unit)
    if rows:
        found = measure_all(Subject(table=table, quasi=quasi, sensitive=["s"], unit=unit))
        assert found.k == min(size for size, *_ in expected.values())
        assert found.columns[0].l == min(many for _, many, _ in expected.values())
    kept = suppress(table, quasi, ["s"], k, l, unit)
    survivors = sorted(
        i for size, many, members in expected.values() if size >= k and many >= l for i in members
    )
    assert sorted(connection.to_pyarrow(kept)["id"].to_pylist()) == survivors
    left = reference([rows[i] for i in survivors], quasi, unit)
    assert all(size >= k and many >= l for size, many, _ in left.values())


def test_without_sensitive_columns_l_does_not_suppress(connection: Any) -> None:
    table = in_engine(connection, [{"q": "a", "r": 1.0, "s": "x", "u": "x"}] * 3)
    assert connection.execute(suppress(table, ["q"], [], 3, 5).count()) == 3
    assert connection.to_pyarrow(classes(table, ["q"]))["class_diversity_"].to_pylist() == [None]


def test_many_rows_of_one_customer_are_no_crowd(connection: Any) -> None:
    table = in_engine(connection, [{"q": "a", "r": 1.0, "s": "x", "u": "x"}] * 9)
    assert connection.execute(suppress(table, ["q"], [], 2, 1, unit="u").count()) == 0
