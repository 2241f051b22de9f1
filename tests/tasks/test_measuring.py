"""What the manifest says of a published table follows from its measures."""

from __future__ import annotations

from typing import Any

import ibis
import pyarrow as pa
import pytest

from models.anonymity.measures import Subject, measure_all
from tasks.measuring import facts_of


def measures(values: str, sensitive: tuple[str, ...] = ("s",)) -> Any:
    columns = {"q": pa.array(list(values.upper()), pa.string()), "s": pa.array(list(values), pa.string())}
    return measure_all(Subject(table=ibis.memtable(pa.table(columns)), quasi=["q"], sensitive=sensitive))


@pytest.mark.parametrize(
    ("after", "sensitive", "least"),
    [("aAaBb", ("s",), {"k": 2, "l": 2}), ("aAaBb", (), {"k": 2}), ("", ("s",), {})],
)
def test_what_was_suppressed_is_what_is_not_there(
    after: str, sensitive: tuple[str, ...], least: dict[str, int]
) -> None:
    found = facts_of({"before": measures("aAaBbcd"), "after": measures(after, sensitive)})
    gone = 7 - len(after)
    counted = {"classes": len(set(after.upper())), "suppressed": gone, "suppressed_share": gone / 7}
    assert found == least | counted


def test_nothing_is_said_of_a_table_that_was_not_measured() -> None:
    assert facts_of({}) == {}
