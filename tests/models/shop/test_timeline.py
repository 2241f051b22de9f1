"""Timeline and spill: a counting sort and a sort on disk, each the same as sorting everything at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.shop.spill import Spill
from models.shop.timeline import Timeline

FIRST, LAST = 1_000, 1_400
TIMES = arrays(np.int64, st.integers(1, 30), elements=st.integers(FIRST, LAST))


@given(chunks=st.lists(TIMES, min_size=1, max_size=5))
def test_numbers_are_those_of_a_stable_sort_of_all_chunks(chunks: list[np.ndarray]) -> None:
    timeline = Timeline(FIRST, LAST)
    for at in chunks:
        timeline.count(at)
    numbers = np.concatenate([timeline.number(at) for at in chunks])
    expected = np.empty(len(numbers), dtype=np.int64)
    expected[np.argsort(np.concatenate(chunks), kind="stable")] = np.arange(1, len(numbers) + 1)
    assert np.array_equal(numbers, expected)


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_spill_gives_all_rows_in_order_and_leaves_no_file(tmp_path: Path, chunks: int) -> None:
    at = np.random.default_rng(1).integers(0, 60 * 86_400, (chunks, 500))
    at[0, :2] = (-5, 10**9)  # outside the range: in the first and the last file
    spill = Spill(tmp_path / "rows", by="at", first=0, last=60 * 86_400)
    for number, times in enumerate(at):
        spill.add(pa.table({"at": times, "row": np.arange(500) + number * 500}), times)
    rows = pa.concat_tables(spill.in_order())
    expected = np.argsort(at.ravel(), kind="stable")
    assert np.array_equal(rows["row"].to_numpy(), expected)
    assert list((tmp_path / "rows").iterdir()) == []
