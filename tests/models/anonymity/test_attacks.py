"""Attacks on published tables: known tables give known risks, and joins find what rounding hides."""

from __future__ import annotations

from collections import Counter
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.attacks import attacks, wilson, worst_join

ROWS = st.lists(
    st.fixed_dictionaries({"q": st.sampled_from(["a", "", None]), "s": st.sampled_from(["x", "y", None])}),
    min_size=1,
    max_size=14,
)


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def table(connection: Any, name: str, columns: dict[str, list[Any]]) -> Any:
    connection.con.register("made", pa.table(columns))
    connection.con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM made")
    return connection.table(name)


def in_engine(connection: Any) -> Any:
    return lambda question: connection.to_pyarrow(question).to_pylist()


def guessed(classes: dict[Any, list[Any]], left_out: Any, q: Any) -> Counter[Any]:
    """The values of a class without one row, if it is of that class."""
    found = Counter(classes[q])
    found[left_out] -= 1
    return found


def chance(values: Counter[Any], truth: Any) -> float:
    """The chance that the most frequent value, by lot where there are several, is the truth."""
    top = max(values.values(), default=0)
    best = [value for value, many in values.items() if many == top]
    return (truth in best) / len(best) if top else 0.0


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_inference_takes_off_what_the_table_says_without_the_target(connection: Any, rows: Any) -> None:
    schema = pa.schema({"q": pa.string(), "s": pa.string()})
    connection.con.register("made", pa.Table.from_pylist(rows, schema=schema))
    connection.con.execute("CREATE OR REPLACE TABLE t AS FROM made")
    classes: dict[Any, list[Any]] = {}
    for row in rows:
        classes.setdefault(row["q"], []).append(row["s"])
    right = sum(chance(Counter(classes[row["q"]]), row["s"]) for row in rows)
    control = sum(chance(guessed(classes, row["s"], row["q"]), row["s"]) for row in rows)
    rate, base = round(right + 1e-9) / len(rows), round(control + 1e-9) / len(rows)
    found = attacks(connection.table("t"), ["q"], ["s"], in_engine(connection))[2]
    expected = max(0.0, (rate - base) / (1 - base)) if base < 1 else 0.0
    assert abs(found.value - expected) <= (0.51 / len(rows)) / max(
        1 - base, 1 / len(rows)
    )  # halves are rounded
    assert found.low <= found.value <= found.high


def test_who_is_alone_is_singled_out(connection: Any) -> None:
    made = table(connection, "t", {"q": ["a"] * 5 + [None] * 4 + ["b"], "s": ["x"] * 4 + ["y"] + ["x"] * 5})
    alone, linked, _ = attacks(made, ["q"], ["s"], in_engine(connection))
    assert (alone.value, linked.value) == (0.1, 0.2)
    assert alone.scope == "internal"


def test_wilson() -> None:
    assert wilson(0, 100) == (0.0, 0.0, pytest.approx(0.0370, abs=1e-4))
    assert wilson(50, 100)[1:] == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))
    assert wilson(0, 0) == (0.0, 0.0, 1.0)


def test_a_rounded_table_leaks_through_one_that_is_not(connection: Any) -> None:
    """Threat 43: each order's day is there, but so is its amount, which another table shows beside the time."""
    days = table(connection, "days", {"day": ["mon"] * 20, "amount": [float(n) for n in range(20)]})
    times = table(
        connection, "times", {"at": [100 + n for n in range(20)], "sum_": [float(n) for n in range(20)]}
    )
    shown = {"days": (days, ["day", "amount"]), "times": (times, ["at", "sum_"])}
    found = worst_join(shown, "days", in_engine(connection))
    assert found is not None
    assert (found.value, found.how) == (1.0, "with times by amount=sum_")
    rounded = times.mutate(sum_=(times.sum_ / 10).floor() * 10)
    shown["times"] = (rounded, ["sum_"])
    found = worst_join(shown, "days", in_engine(connection))
    assert found is not None
    assert found.value == 0
    assert worst_join({"days": shown["days"]}, "days", in_engine(connection)) is None


def test_equal_names_are_tried_together(connection: Any) -> None:
    one = table(connection, "one", {"a": ["x", "x", "y", "y"], "b": ["p", "q", "p", None]})
    found = worst_join({"one": (one, ["a", "b"]), "two": (one, ["a", "b"])}, "one", in_engine(connection))
    assert found is not None
    assert (found.value, found.how) == (1.0, "with two by a=a, b=b")
