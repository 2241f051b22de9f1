"""The entropy of pseudonyms, judged by the query that Great Expectations runs."""

from __future__ import annotations

import duckdb
import pytest

from expectations.gates.expectations import MOST_PSEUDONYMS, PseudonymEntropy
from infra.engine_judge import DuckDBJudge


@pytest.mark.parametrize(
    ("made", "broken"),
    [
        ("CAST(md5('key' || i) AS UUID)", False),
        ("CAST(concat('0000', substr(md5('key' || i), 5)) AS UUID)", True),
        ("CAST(concat(substr(md5('key' || i), 1, 30), lpad(to_hex(i % 16), 2, '0')) AS UUID)", True),
    ],
    ids=["random", "a constant in front", "a counter at the end"],
)
def test_a_table_in_the_order_of_its_pseudonyms_is_judged_by_all_of_them(made: str, broken: bool) -> None:
    """A released table is sorted by its first column; a false alarm has a chance below 1 in a million."""
    rows = MOST_PSEUDONYMS + MOST_PSEUDONYMS // 2
    judged = PseudonymEntropy.column("p")
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE released AS SELECT {made} AS p FROM range({rows}) AS t(i) ORDER BY p"
        )
        found = DuckDBJudge(connection).finds("released", judged.rows_query, judged.unexpected_rows_query)
        assert found is broken
