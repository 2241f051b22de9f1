"""Micro-aggregation: groups of k or more neighbours, whatever the order of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.engine import Engine, open_engine
from models.anonymity.micro import group_means
from models.values.transform import MicroAggregate


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def means(engine: Engine, values: list[float | None], k: int) -> dict[float, float | None]:
    table = ibis.memtable(pa.table({"v": pa.array(values, pa.float64())}))
    rows = engine.rows(group_means(table.v, MicroAggregate(k=k)))
    return {row["value_"]: row["mean_"] for row in rows}


def by_hand(values: list[float], k: int) -> dict[float, float | None]:
    """Fixed groups of the sorted values; a value that two groups share joins them."""
    values = sorted(values)
    if len(values) < k:
        return dict.fromkeys(values)
    groups = [values[n * k : (n + 1) * k] for n in range(len(values) // k)]
    groups[-1] = values[(len(groups) - 1) * k :]
    joined: list[list[float]] = []
    for group in groups:
        if joined and joined[-1][-1] == group[0]:
            joined[-1] += group
        else:
            joined.append(list(group))
    return {value: sum(group) / len(group) for group in joined for value in group}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.none() | st.integers(0, 12).map(float), max_size=30),
    k=st.integers(2, 5),
    order=st.randoms(use_true_random=False),
)
def test_as_by_hand_in_any_order(engine: Engine, values: list[float | None], k: int, order: object) -> None:
    known = [value for value in values if value is not None]
    expected = by_hand(known, k)
    order.shuffle(values)  # type: ignore[attr-defined]
    found = means(engine, values, k)
    assert found.keys() == expected.keys()
    for value, mean in expected.items():
        assert found[value] == (None if mean is None else pytest.approx(mean))
    shared = Counter(found[value] for value in known)
    assert all(count >= k for mean, count in shared.items() if mean is not None)
