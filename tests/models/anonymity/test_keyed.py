"""Date shifts and buckets: one shift for all of a customer's times, even buckets, other ones under another key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.engine import Engine, open_engine
from models.anonymity.keyed import hash_bucket, key_domain, shift_days, shifted
from models.values.secret import SecretBytes
from models.values.transform import DateShift, HashBucket, Keep, Pseudonym, Token

DAYS = 40


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def moved(engine: Engine, rows: list[dict[str, Any]], name: str = "shift") -> list[Any]:
    key = engine.secret(SecretBytes(name.encode() * 8), name)
    table = ibis.memtable(pa.Table.from_pylist([{"n": n, **row} for n, row in enumerate(rows)]))
    days = shift_days(table.who, DateShift(days=DAYS), key)
    return [row["r"] for row in engine.rows(table.select("n", r=shifted(table.at, days)).order_by("n"))]


MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(MOMENTS, min_size=2, max_size=6), who=st.text("abc1", min_size=1, max_size=5))
def test_gaps_between_a_customers_times_stay(engine: Engine, times: list[datetime], who: str) -> None:
    found = moved(engine, [{"who": who, "at": at} for at in times])
    gaps = {after - before for before, after in zip(times, found, strict=True)}
    assert len(gaps) == 1
    (gap,) = gaps
    assert abs(gap) <= timedelta(days=DAYS)
    assert gap % timedelta(days=1) == timedelta(0)


def test_customers_are_moved_apart_and_by_every_number_of_days(engine: Engine) -> None:
    rows = [{"who": f"C{n}", "at": date(2026, 3, 29)} for n in range(3000)]
    found = [(at - date(2026, 3, 29)).days for at in moved(engine, rows)]
    assert set(found) == set(range(-DAYS, DAYS + 1))
    assert abs(sum(found)) < 5 * 24 * len(found) ** 0.5
    assert moved(engine, rows, "other") != moved(engine, rows)


def test_without_a_customer_no_time(engine: Engine) -> None:
    assert moved(engine, [{"who": None, "at": date(2026, 1, 1)}, {"who": "C1", "at": None}]) == [None, None]


def test_buckets_are_even_and_keyed(engine: Engine) -> None:
    table = ibis.memtable({"n": range(6400), "v": [f"city {n}" for n in range(6400)]})
    transform = HashBucket(domain="city", buckets=64)
    found = {}
    for name in ("one", "two"):
        key = engine.secret(SecretBytes(name.encode() * 8), name)
        made = table.select("n", b=hash_bucket(table.v, transform, key)).order_by("n")
        found[name] = [row["b"] for row in engine.rows(made)]
        assert set(found[name]) == set(range(64))
        assert max(found[name].count(n) for n in range(64)) < 160
    assert sum(a == b for a, b in zip(found["one"], found["two"], strict=True)) < 200


def test_no_two_kinds_share_a_key() -> None:
    """A pseudonym under a token's key would let its holder try values."""
    transforms = (
        Pseudonym(domain="x"),
        Token(domain="x", length=9),
        HashBucket(domain="x", buckets=9),
        DateShift(days=3),
    )
    assert len({key_domain(transform) for transform in transforms}) == 4
    assert key_domain(Keep()) is None
