from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from models.cases import windows


def _events(seed: int) -> pd.DataFrame:
    """Two customers with many events, some of them in the same hour."""
    rng = np.random.default_rng(seed)
    count = 60
    return pd.DataFrame(
        {
            "customer_id": rng.choice(["a", "b"], count),
            "moment": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 200, count), unit="h"),
            "event": rng.permutation(count),
            "place": rng.integers(0, 3, count),
            "value": rng.integers(0, 5, count),
        }
    )


def _past(events: pd.DataFrame, row: Any) -> pd.DataFrame:
    """What lies before an event: the definition, one event at a time."""
    own = events[events.customer_id == row.customer_id]
    earlier = (own.moment < row.moment) | ((own.moment == row.moment) & (own.event < row.event))
    return own[earlier]


@pytest.mark.parametrize("seed", [1, 2])
def test_windows_are_those_of_their_definition(seed: int) -> None:
    """REF: each event's past looked up by itself."""
    events = _events(seed)
    table = windows.with_hours(ibis.memtable(events))
    found = table.mutate(
        count=windows.before(table),
        same=windows.before(table, "place"),
        mean=windows.mean_before(table, "value"),
        day_count=windows.within_hours(table, 24),
        day_total=windows.total_within_hours(table, "value", 24),
        late=windows.known_after(table, "value", 48, 96),
        late_here=windows.known_after(table, "value", 48, 96, "place"),
    ).to_pandas()
    for row in found.itertuples():
        past = _past(events, row)
        age = (row.moment - past.moment).dt.total_seconds() / 3600
        day, late = past[age <= 24], past[(age >= 48) & (age <= 96)]
        assert (row.count, row.same) == (len(past), (past.place == row.place).sum())
        assert np.isnan(row.mean) if past.empty else row.mean == pytest.approx(past.value.mean())
        assert (row.day_count, row.day_total) == (len(day), day.value.sum())
        assert (row.late, row.late_here) == (late.value.sum(), late.value[late.place == row.place].sum())
