"""Generalisation: exact bands and ages, missing stays missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import ibis
import pytest

from models.anonymity.errors import PolicyError
from models.anonymity.generalise import transform_column
from models.values.transform import AgeBand, Band, Drop, Keep, Prefix, Pseudonym, Round, Transform, Truncate

DAY = date(2026, 3, 1)
AGES = AgeBand(width=10, low=20, high=80, as_of=DAY)
MOMENT = datetime(2026, 11, 21, 23, 45, 6, tzinfo=UTC)

CASES: list[tuple[Transform, str, list[Any], list[Any]]] = [
    (
        Band(width=10, low=20, high=80),
        "int64",
        [19, 20, 29, 30, 79, 80, None],
        ["<20", "20-29", "20-29", "30-39", "70-79", "80+", None],
    ),
    (
        Band(width=10, low=0, high=25),
        "float64",
        [-0.1, 9.99, 24.9, 25.0, float("nan"), None],
        ["<0", "0-9", "20-24", "25+", None, None],
    ),
    (Band(width=1, low=0, high=5), "int64", [3], ["3"]),
    (Band(width=10, low=-20, high=20), "int64", [-20, -11, -10, 0], ["-20--11", "-20--11", "-10--1", "0-9"]),
    (AGES, "date", [date(1996, 3, 1), date(1996, 3, 2), date(1996, 2, 29)], ["30-39", "20-29", "30-39"]),
    (
        AGES,
        "date",
        [date(2006, 3, 2), date(2006, 3, 1), date(1946, 3, 1), date(2030, 1, 1), None],
        ["<20", "20-29", "80+", "<20", None],
    ),
    (AgeBand(width=1, as_of=date(2025, 2, 28)), "date", [date(2000, 2, 28), date(2000, 2, 29)], ["25", "24"]),
    (Round(step=5), "int64", [2, 3, -3, None], [0, 5, -5, None]),
    (Round(step=5, low=0, high=10), "int64", [-9, 99], [0, 10]),
    (Round(step=0.5), "float64", [0.25, 0.24, -0.25, float("nan")], [0.5, 0.0, -0.5, None]),
    (Round(step=0.1), "float64", [0.3, 0.31], [0.3, 0.3]),
    (Prefix(length=3), "string", ["12345", " 123 ", "1", "", None], ["123*", "123*", "1*", None, None]),
    (Prefix(length=0), "string", ["12345", "9"], ["*", "*"]),
    (Keep(), "string", ["x", "", None], ["x", "", None]),
    (Truncate(unit="hour"), "timestamp('UTC')", [MOMENT, None], [MOMENT.replace(minute=0, second=0), None]),
    (Truncate(unit="day"), "timestamp('UTC')", [MOMENT], [datetime(2026, 11, 21, tzinfo=UTC)]),
    (Truncate(unit="week"), "timestamp('UTC')", [MOMENT], [datetime(2026, 11, 16, tzinfo=UTC)]),
    (Truncate(unit="month"), "timestamp", [MOMENT.replace(tzinfo=None)], [datetime(2026, 11, 1)]),
    (Truncate(unit="quarter"), "date", [date(2026, 11, 21)], [date(2026, 10, 1)]),
    (Truncate(unit="hour"), "date", [date(2026, 11, 21)], [date(2026, 11, 21)]),
]


@pytest.mark.parametrize(("transform", "kind", "values", "expected"), CASES)
def test_transform(transform: Transform, kind: str, values: list[Any], expected: list[Any]) -> None:
    connection = ibis.duckdb.connect()
    table = ibis.memtable({"n": range(len(values)), "v": values}, schema={"n": "int64", "v": kind})
    made = table.select("n", r=transform_column(table.v, transform, {})).order_by("n")
    assert connection.to_pyarrow(made)["r"].to_pylist() == expected
    if isinstance(transform, Truncate):
        assert made.schema()["r"] == ibis.dtype(kind)


@pytest.mark.parametrize("transform", [Drop(), Pseudonym(domain="customer")])
def test_refused(transform: Transform) -> None:
    table = ibis.table({"v": "string"}, name="t")
    with pytest.raises(PolicyError):
        transform_column(table.v, transform, {})
