"""Ladders only ever merge, and say of a value what the transform would have said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.generalise import generalise
from models.anonymity.ladders import band_texts, ladder_of
from models.anonymity.search.ladder import Ladder
from models.values.hierarchy import Division, Hierarchy
from models.values.levels import default_levels, levels_problem
from models.values.transform import AgeBand, Band, Prefix, Round, Suppress, Transform, Truncate

PATHS = (
    ("Beijing", "North", "China", "*"),
    ("Tianjin", "North", "China", "*"),
    ("Paris", "Île-de-France", "France", "*"),
    ("12", "twelve", "number", "*"),
)
DAY = date(2024, 3, 1)


@st.composite
def columns(draw: st.DrawFn) -> tuple[Transform, list[Any], str]:
    """A transform, raw values for it, and their type in the engine."""
    numbers = st.lists(st.one_of(st.none(), st.integers(-50, 250)), min_size=1, max_size=25)
    low = draw(st.integers(-20, 20))
    band = {"width": draw(st.integers(1, 30)), "low": low, "high": low + draw(st.integers(1, 90))}
    days = st.lists(
        st.one_of(st.none(), st.dates(date(1930, 1, 1), date(2020, 1, 1))), min_size=1, max_size=25
    )
    times = st.lists(
        st.one_of(
            st.none(), st.datetimes(datetime(2019, 1, 1), datetime(2021, 12, 31), timezones=st.just(UTC))
        ),
        min_size=1,
        max_size=25,
    )
    codes = ["110105", "110106", "310115", "3101150021", "110105198001011234", "abc", "1101", None]
    kinds: list[tuple[Transform, st.SearchStrategy[list[Any]], str]] = [
        (Band(**band), numbers, "int64"),
        (AgeBand(**{**band, "low": max(low, 1), "high": max(low, 1) + 60}, as_of=DAY), days, "date"),
        (Round(step=draw(st.sampled_from([1, 2, 5, 0.5])), low=0, high=200), numbers, "int64"),
        (
            Truncate(unit=draw(st.sampled_from(["hour", "day", "week", "month", "quarter"]))),
            times,
            "timestamp('UTC')",
        ),
        (Prefix(length=draw(st.integers(0, 4))), st.lists(st.text("12a", max_size=6), min_size=1), "string"),
        (
            Hierarchy(rows=PATHS, level=draw(st.integers(0, 2))),
            st.lists(st.sampled_from(["Beijing", "Tianjin", "Paris", "Rome", None]), min_size=1),
            "string",
        ),
        (
            Division(level=draw(st.sampled_from(["county", "city", "province"]))),
            st.lists(st.sampled_from(codes), min_size=1),
            "string",
        ),
    ]
    transform, values, kind = draw(st.sampled_from(kinds))
    return transform, draw(values), kind


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def released(connection: Any, values: list[Any], kind: str, transform: Any) -> list[Any]:
    import pyarrow as pa

    held = pa.table({"n": range(len(values)), "v": pa.array(values, type=ibis.dtype(kind).to_pyarrow())})
    table = ibis.memtable(held)
    shown = table.select(n=table.n, v=generalise(table.v, transform)).order_by("n")
    found: list[Any] = connection.to_pyarrow(shown)["v"].to_pylist()
    return found


@settings(max_examples=60, deadline=None)
@given(column=columns())
def test_each_level_only_merges_and_is_what_the_transform_gives_from_the_raw_value(
    connection: Any, column: tuple[Transform, list[Any], str]
) -> None:
    transform, raw, kind = column
    finest = released(connection, raw, kind, transform)
    levels = default_levels(transform)
    assert levels_problem(transform, levels) is None
    ladder = ladder_of("c", finest, transform)
    assert ladder.levels[-1].labels == ("*",)
    only_merges(ladder)
    by_name = {level.name: level for level in ladder.levels}
    place = {value: code for code, value in enumerate(ladder.values)}
    for level in levels:
        named = next((by_name[name] for name in by_name if name == name_of(level)), None)
        if named is None:
            continue
        direct = released(connection, raw, kind, level)
        assert [named.labels[named.codes[place[value]]] for value in finest] == direct


@pytest.mark.parametrize(
    ("transform", "values", "labels"),
    [
        (
            Prefix(length=3),
            ["123*", "124*", "13*", None],
            [["12*", "12*", "13*", None], ["1*", "1*", "1*", None]],
        ),
        (
            Band(width=10, low=0, high=50),
            ["<0", "0-9", "10-19", "40-49", "50+"],
            [["<0", "0-19", "0-19", "40-49", "50+"], ["<0", "0-49", "0-49", "0-49", "50+"]],
        ),
        (Round(step=1), [0, 2, 3, 7, 12], [[0, 0, 5, 5, 10], [0, 0, 0, 0, 0]]),
        (
            Truncate(unit="day"),
            [date(2024, 1, 31), date(2024, 1, 2), date(2024, 3, 1), date(2023, 3, 1)],
            [
                [date(2024, 1, 1), date(2024, 1, 1), date(2024, 3, 1), date(2023, 3, 1)],
                [date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 1), date(2023, 1, 1)],
            ],
        ),
        (
            Division(level="county"),
            ["110105", "110106", "310115", "*"],
            [["1101*", "1101*", "3101*", "*"]],
        ),
        (
            Hierarchy(rows=PATHS, level=0),
            ["Beijing", "Tianjin", "Paris", "*"],
            [["North", "North", "Île-de-France", "*"]],
        ),
    ],
)
def test_the_levels_of_each_kind(transform: Transform, values: list[Any], labels: list[list[Any]]) -> None:
    ladder = ladder_of("c", values, transform)
    place = {value: code for code, value in enumerate(ladder.values)}
    found = [[level.labels[level.codes[place[value]]] for value in values] for level in ladder.levels[1:-1]]
    assert found == [label for label in labels if len(set(label)) > 1]


def name_of(level: Transform) -> str:
    from models.values.levels import named

    return named(level)


def only_merges(ladder: Ladder) -> None:
    for below, above in zip(ladder.levels, ladder.levels[1:], strict=False):
        pairs = set(zip(below.codes.tolist(), above.codes.tolist(), strict=True))
        assert len(pairs) == len(set(below.codes.tolist()))


@pytest.mark.parametrize(
    ("below", "level"),
    [
        (Band(width=10, low=0, high=100), Band(width=15, low=0, high=100)),
        (Band(width=10, low=0, high=100), Band(width=20, low=5, high=100)),
        (Round(step=1), Round(step=2)),
        (Round(step=1, high=9), Round(step=5)),
        (Truncate(unit="week"), Truncate(unit="month")),
        (Prefix(length=2), Prefix(length=3)),
        (Hierarchy(rows=PATHS, level=2), Hierarchy(rows=PATHS, level=1)),
        (Division(level="city"), Division(level="county")),
        (Prefix(length=2), Band(width=1, low=0, high=1)),
    ],
)
def test_a_level_that_is_no_coarsening_is_refused(below: Transform, level: Transform) -> None:
    assert levels_problem(below, (level,)) is not None


def test_what_suppresses_all_comes_last() -> None:
    assert levels_problem(Prefix(length=3), (Prefix(length=1), Suppress())) is None
    assert levels_problem(Prefix(length=3), (Suppress(), Prefix(length=1))) is not None


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (("a",),),
        (("a", "x", "*"), ("b", "*")),
        (("a", "x", "*"), ("a", "y", "*")),
        (("a", "x", "1"), ("b", "x", "2")),
    ],
)
def test_a_hierarchy_that_does_not_nest_is_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match="the hierarchy"):
        Hierarchy(rows=rows)


def test_all_texts_of_a_searched_band_are_known() -> None:
    transform = Band(width=10, low=20, high=40)
    lattice = set(band_texts(transform, None, "lattice"))
    assert lattice == {"<20", "20-29", "30-39", "40+", "20-39", "*"}
    mondrian = set(band_texts(transform, None, "mondrian"))
    assert mondrian == lattice | {"<30", "<40", "20+", "30+"}
