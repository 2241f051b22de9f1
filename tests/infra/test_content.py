"""The digest of a table's content: equal to a reference in Python, the same for any order, another for any change."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.content import content_digest
from infra.engine import DuckDBEngine, open_engine

COLUMNS: dict[str, tuple[pa.DataType, str, st.SearchStrategy[Any]]] = {
    "text": (
        pa.string(),
        "string",
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    ),
    "whole": (pa.int64(), "int64", st.integers(-(2**63), 2**63 - 1)),
    "number": (pa.float64(), "float64", st.floats(allow_nan=False, allow_infinity=False)),
    "yes": (pa.bool_(), "boolean", st.booleans()),
    "day": (pa.date32(), "date", st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    "moment": (pa.timestamp("us"), "timestamp(6)", st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))),
    "name": (pa.string(), "uuid", st.uuids()),
}
ROWS = st.lists(st.tuples(*(st.none() | values for _, _, values in COLUMNS.values())), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBEngine]:
    with open_engine(tmp_path_factory.mktemp("content"), threads=2) as opened:
        yield opened


def digest(engine: DuckDBEngine, rows: list[tuple[Any, ...]]) -> str:
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array([str(v) if isinstance(v, uuid.UUID) else v for v in values], kind)
        for values, (kind, _, _) in zip(columns, COLUMNS.values(), strict=True)
    ]
    engine.connection.register("given", pa.table(arrays, names=list(COLUMNS)))
    engine.connection.execute(
        "CREATE OR REPLACE VIEW typed AS SELECT * REPLACE (name::UUID AS name) FROM given"
    )
    return content_digest(engine, engine.ibis.table("typed"))


def reference(rows: list[tuple[Any, ...]]) -> str:
    sums = [0] * 8
    for row in rows:
        tag = hashlib.sha256("".join(map(written, row)).encode()).hexdigest()
        sums = [total + int(tag[8 * n : 8 * n + 8], 16) for n, total in enumerate(sums)]
    types = [[name, kind] for name, (_, kind, _) in COLUMNS.items()]
    return hashlib.sha256(json.dumps([types, len(rows), sums]).encode()).hexdigest()


def written(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{len(text)}:{text}"


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, order=st.randoms())
def test_equals_the_reference_in_any_order(engine: DuckDBEngine, rows: list[Any], order: Any) -> None:
    expected = reference(rows)
    assert digest(engine, rows) == expected
    order.shuffle(rows)
    assert digest(engine, rows) == expected


@settings(max_examples=10, deadline=None)
@given(rows=ROWS, place=st.integers(0, len(COLUMNS) - 1), data=st.data())
def test_another_value_row_or_copy_is_another_digest(
    engine: DuckDBEngine, rows: list[Any], place: int, data: st.DataObject
) -> None:
    before = digest(engine, rows)
    first = list(rows[0])
    first[place] = data.draw(
        (st.none() | list(COLUMNS.values())[place][2]).filter(lambda v: v != rows[0][place])
    )
    assert before not in (digest(engine, [tuple(first), *rows[1:]]), digest(engine, [*rows, rows[0]]))


def test_columns_do_not_run_into_each_other(engine: DuckDBEngine) -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("1:a", "bc"), ("", "abc"), (None, "abc"), ("-", "abc")]
    found = set()
    for left, right in pairs:
        engine.connection.register(
            "two", pa.table({"a": pa.array([left], pa.string()), "b": pa.array([right])})
        )
        found.add(content_digest(engine, engine.ibis.table("two")))
    assert len(found) == len(pairs)
