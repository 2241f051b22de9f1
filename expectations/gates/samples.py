"""Samples: some raw values of the columns that a transform must have changed, chosen by a key that is kept nowhere."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from expectations.gates.plan import CHANGING
from expectations.gates.sql import quoted, sampled
from models.values.errors import PrivetError

if TYPE_CHECKING:
    from expectations.gates.judge import Judge
    from models.anonymity.policy import ReleasePlan

SAMPLE_ROWS = 1_000_000


@contextmanager
def sampled_columns(
    judge: Judge,
    plans: Mapping[str, ReleasePlan],
    raw_tables: Mapping[str, str],
    rows: Mapping[str, int],
) -> Iterator[dict[str, dict[str, str | None]]]:
    """Release -> column -> the temporary view of its sample, for as long as the block runs; None: it cannot be read.

    Each raw table is read once. Of up to `SAMPLE_ROWS` of its `rows` (by release) all values are taken.
    """
    wanted: dict[str, list[str]] = {}
    for release, view in raw_tables.items():
        known = wanted.setdefault(view, [])
        known += [name for name in _changed(plans.get(release)) if name not in known]
    made: dict[str, str] = {}
    try:
        for number, (view, columns) in enumerate(wanted.items()):
            many = max((rows.get(release, 0) for release, of in raw_tables.items() if of == view), default=0)
            name = f"gate_sample_{number}_"
            if columns and _taken(judge, view, columns, SAMPLE_ROWS / max(many, 1), name):
                made[view] = name
        yield {
            release: {
                name: _view_of(made[view], wanted[view].index(name)) if view in made else None
                for name in _changed(plans.get(release))
            }
            for release, view in raw_tables.items()
        }
    finally:
        for view, table in made.items():
            for place, _ in enumerate(wanted[view]):
                judge.drop(_view_of(table, place))
            judge.drop(table)


def _changed(plan: ReleasePlan | None) -> list[str]:
    """The columns of a release whose values a transform changes."""
    return [] if plan is None else [c.name for c in plan.columns if c.transform.kind in {*CHANGING, "token"}]


def _view_of(table: str, place: int) -> str:
    return f"{table}of_{place}_"


def columns_of(judge: Judge, table: str) -> dict[str, str]:
    """Column -> type as DuckDB names it; empty if the table cannot be read."""
    try:
        return judge.types(table)
    except PrivetError:
        return {}


def _taken(judge: Judge, view: str, columns: Sequence[str], share: float, table: str) -> bool:
    """Whether the view could be sampled, under the name `table` and with a view of that for each column."""
    with suppress(PrivetError):
        judge.keep(view, sampled(columns, secrets.token_hex(16), share), table)
        for place, _ in enumerate(columns):
            judge.define(f"SELECT v FROM {quoted(table)} WHERE c = {place}", _view_of(table, place))
        return True
    return False
