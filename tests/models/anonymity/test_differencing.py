"""Two releases subtracted: what leaves a group under k is found, whatever the cuts."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pytest

from models.anonymity.cuts import Column, columns_of, common, forms
from models.anonymity.differencing import Shown, unsafe
from models.anonymity.policy import PlannedColumn, ReleasePlan
from models.values.anonymity import Anonymity
from models.values.transform import AgeBand, Band, Keep, Prefix, Transform, Truncate

K = 5
TENS, FIVES, ODD = (Band(width=w, low=low, high=80) for w, low in ((10, 20), (20, 20), (10, 25)))


@pytest.fixture(scope="module")
def connection() -> Any:
    return ibis.duckdb.connect()


def quasi(transform: Transform) -> Column:
    return Column(role="quasi_identifier", said=transform.canonical(), transform=transform, level="")


SENSITIVE = Column(role="sensitive", said=Keep().canonical(), transform=Keep(), level="")


def published(connection: Any, name: str, rows: list[dict[str, Any]], columns: dict[str, Column]) -> Shown:
    table = pa.table({c: pa.array([row[c] for row in rows], pa.string()) for c in columns})
    connection.con.register("made", table)
    connection.con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM made")
    return Shown(table=connection.table(name), columns=columns)


def broken(connection: Any, new: Shown, old: Shown) -> bool:
    """Whichever of the two came first."""

    def found(one: Shown, other: Shown) -> bool:
        return any(connection.to_pyarrow(table).to_pylist()[0]["broken"] for table in unsafe(one, other, K))

    assert found(new, old) == found(old, new)
    return found(new, old)


def people(*groups: tuple[str | None, str | None, str, int]) -> list[dict[str, Any]]:
    return [{"age": age, "city": city, "tier": tier} for age, city, tier, many in groups for _ in range(many)]


BASE = people(("20-29", "Par*", "gold", 8), ("20-29", "Par*", "blue", 8), (None, "Lyo*", "gold", 9))
SAME = {"age": quasi(TENS), "city": quasi(Prefix(length=3)), "tier": SENSITIVE}
FEWER = {"age": quasi(TENS), "tier": SENSITIVE}


@pytest.mark.parametrize(
    ("rows", "columns", "found"),
    [
        (BASE, SAME, False),
        (BASE + people(("20-29", "Par*", "gold", 1)), SAME, True),
        (BASE + people(("20-29", "Par*", "gold", 5)), SAME, False),
        (BASE[1:], SAME, True),
        (BASE[1:] + people(("20-29", "Par*", "blue", 1)), SAME, True),  # one came, another left: equal counts
        (BASE[:16] + people((None, "Lyo*", "gold", 8)), SAME, True),  # in a class of missing values
        (BASE[:16], SAME, False),  # a whole class more or less
        (BASE, FEWER, False),
        (
            BASE + people(("20-29", "Nic*", "gold", 3)),
            FEWER,
            True,
        ),  # suppressed in the other, not in this cut
        (BASE + people(("30-39", None, "gold", 3)), FEWER, True),
    ],
)
def test_small_differences_are_found(connection: Any, rows: Any, columns: Any, found: bool) -> None:
    old = published(connection, "old", BASE, SAME)
    assert broken(connection, published(connection, "new", rows, columns), old) is found


def test_who_is_between_overlapping_bands_is_found(connection: Any) -> None:
    """25 to 29 by two tables, neither of which has such a band."""

    def table(name: str, transform: Band, ages: list[int]) -> Shown:
        def band(age: int) -> str:
            start = (age - transform.low) // 10 * 10 + transform.low
            return f"<{transform.low}" if age < transform.low else f"{start}-{start + 9}"

        rows = [{"age": band(age), "tier": "gold"} for age in ages]
        return published(connection, name, rows, {"age": quasi(transform), "tier": SENSITIVE})

    crowd = [22] * 9 + [33] * 9 + [41] * 9
    for ages, found in ((crowd + [27] * 2, True), (crowd + [27] * 7, False)):
        assert broken(connection, table("tens", TENS, ages), table("odd", ODD, ages)) is found


@pytest.mark.parametrize(
    ("mine", "theirs", "shown"),
    [
        (Prefix(length=3), Prefix(length=2), {"abc*": "ab*"}),
        (TENS, Band(width=20, low=20, high=80), {"20-29": 1, "30-39": 1, "40-49": 2, "<20": 0, "80+": 4}),
        (TENS, TENS, {"20-29": "20-29"}),
    ],
)
def test_common_cuts(mine: Transform, theirs: Transform, shown: dict[str, Any]) -> None:
    for value, expected in shown.items():
        found = common(ibis.literal(value), quasi(mine), quasi(theirs))
        assert found is not None
        assert found.execute() == expected


def test_no_common_cut() -> None:
    value = ibis.literal("x")
    assert common(value, quasi(Truncate(unit="week")), quasi(Truncate(unit="month"))) is None
    ages = [quasi(AgeBand(width=10, as_of=day)) for day in ("2026-01-01", "2027-01-01")]
    assert common(value, *ages) is None


def test_forms_are_read_as_they_were_recorded() -> None:
    columns = (PlannedColumn(name="age", role="quasi_identifier", transform=TENS),)
    plan = ReleasePlan(release="r", table="customers", columns=columns, anonymity=Anonymity())
    assert columns_of(forms(plan)) == {"age": quasi(TENS)}
    assert columns_of(forms(plan, {"age": "2"}))["age"].level == "2"
    other = columns_of({"form_of_age": "quasi_identifier|of tomorrow|2"})["age"]
    assert (other.said, other.level, other.transform) == ("of tomorrow", "2", None)
    assert common(ibis.literal("x"), other, quasi(TENS)) is None
