"""The subject of the gate: a released table with what is known of its parent; and the checks planned for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from models.values.spec import ShopSpec

if TYPE_CHECKING:
    from models.anonymity.policy import ReleasePlan


@dataclass(frozen=True, kw_only=True)
class PlannedCheck:
    """A planned check: its rule as "kind: sentence", its threshold, and the expectation that decides it."""

    rule: str
    detail: str = ""
    expectation: Any


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A released table under the gate, and what the caller knows of its parent.

    `types`: column -> type as DuckDB names it. `raw_values` holds what is in `raw_views` as `sql.compared` makes it,
    None if it cannot be read; `samples`: column -> a sample of its raw values, None likewise. `public_tables`: table
    without customers -> its view. `age_days`: of the oldest data set that the release is made of.
    """

    spec: ShopSpec
    plan: ReleasePlan
    types: Mapping[str, str]
    parent_rows: int | None
    suppressed_rows: int | None = None
    raw_views: tuple[str, ...] = ()
    raw_values: str | None = None
    samples: Mapping[str, str | None] = field(default_factory=dict)
    public_tables: Mapping[str, str] = field(default_factory=dict)
    population: str | None = None
    age_days: float | None = None
    patterns: Mapping[str, str]

    def of_type(self, *types: str) -> tuple[str, ...]:
        """The columns that have one of these types."""
        return tuple(column for column, kind in self.types.items() if kind in types)
