"""Cuts: how finely a released column divides customers, and what two cuts of the same column have in common.

A column's *form* is its transform as text, with the level that a search on the data chose. Columns of one form can be
compared as they are; others are made as coarse as both are, where their transforms say how.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis
import ibis.expr.types as ir
from pydantic import TypeAdapter, ValidationError

from models.values.hierarchy import Hierarchy
from models.values.transform import AgeBand, Band, Prefix, Transform, Truncate

if TYPE_CHECKING:
    from models.anonymity.policy import ReleasePlan

FORM = "form_of_"
SOURCE = "source_table"
_NESTED = ("hour", "day", "month", "quarter", "year")
_TRANSFORM: TypeAdapter[Transform] = TypeAdapter(Transform)


def forms(plan: ReleasePlan, levels: Mapping[str, str] | None = None) -> dict[str, float | int | str]:
    """What a release records of its columns' forms, as facts of its table. `levels`: column -> level of a search."""
    searched = levels or {}
    found: dict[str, float | int | str] = {
        f"{FORM}{column.name}": f"{column.role}|{_said(column.transform)}|{searched.get(column.name, '')}"
        for column in plan.columns
    }
    return {SOURCE: plan.table, **found}


def _said(transform: Transform) -> str:
    """A transform as text; of a table of values its digest."""
    if isinstance(transform, Hierarchy):
        return f"hierarchy {transform.digest()}"
    return transform.canonical()


@dataclass(frozen=True, kw_only=True)
class Column:
    """A released column by its record: its role, its transform and the level of a search ('' without one).

    `said` is the transform as it was recorded; what it says is None for a table of values, and for a transform of
    another version of Privet: such columns are only like others that say the same.
    """

    role: str
    said: str
    level: str
    transform: Transform | None

    @classmethod
    def read(cls, form: str) -> Column:
        """The column of a recorded form."""
        role, _, rest = form.partition("|")
        said, _, level = rest.rpartition("|")
        transform: Transform | None = None
        with suppress(ValidationError):
            transform = _TRANSFORM.validate_json(said)
        return cls(role=role, said=said, level=level, transform=transform)


def columns_of(facts: Mapping[str, float | int | str]) -> dict[str, Column]:
    """The columns of a released table, by the facts of its record."""
    found = {name: Column.read(str(form)) for name, form in facts.items() if name.startswith(FORM)}
    return {name.removeprefix(FORM): column for name, column in found.items()}


def boundaries(transform: Transform | None) -> tuple[int, ...] | None:
    """Where the bands of a transform begin; None if it makes no bands."""
    if not isinstance(transform, Band | AgeBand):
        return None
    return (*range(transform.low, transform.high, transform.width), transform.high)


def labels(transform: Transform | None) -> dict[str, float]:
    """The texts of a transform's bands and where each begins (below the lowest: minus infinity)."""
    starts = boundaries(transform) or ()
    if not isinstance(transform, Band | AgeBand):
        return {}
    ends = [min(start + transform.width, transform.high) - 1 for start in starts[:-1]]
    closed = {
        (f"{start}-{end}" if start != end else f"{start}"): float(start)
        for start, end in zip(starts[:-1], ends, strict=True)
    }
    return {f"<{transform.low}": float("-inf"), **closed, f"{transform.high}+": float(transform.high)}


def same_scale(one: Transform | None, other: Transform | None) -> bool:
    """Whether two bands divide the same numbers: ages at one day, or one column's numbers."""
    if isinstance(one, AgeBand) and isinstance(other, AgeBand):
        return one.as_of == other.as_of
    return isinstance(one, Band) and isinstance(other, Band)


def common(value: ir.Value, own: Column, other: Column) -> ir.Value | None:
    """A released value of form `own` as coarse as both forms are; None if they have nothing in common."""
    if own == other:
        return value
    if own.level or other.level:
        return None
    match own.transform, other.transform:
        case Prefix(length=mine), Prefix(length=theirs):
            shorter = value.cast("string").left(min(mine, theirs)) + "*"
            return value.isnull().ifelse(ibis.null("string"), shorter)
        case Truncate(unit=mine), Truncate(unit=theirs) if {mine, theirs} <= {*_NESTED}:
            coarser = max(mine, theirs, key=_NESTED.index)
            letters = {"hour": "h", "day": "D", "month": "M", "quarter": "Q", "year": "Y"}
            return value.cast("timestamp").truncate(letters[coarser])
        case (Band() | AgeBand()) as mine, (Band() | AgeBand()) as theirs if same_scale(mine, theirs):
            return _common_band(value, mine, theirs)
    return None


def _common_band(value: ir.Value, own: Band | AgeBand, other: Band | AgeBand) -> ir.Value:
    """The place of a band among the boundaries that both cuts have."""
    shared = sorted(set(boundaries(own) or ()) & set(boundaries(other) or ()))
    places = {label: sum(edge <= start for edge in shared) for label, start in labels(own).items()}
    cases = [(value.cast("string") == label, place) for label, place in places.items()]
    return ibis.cases((value.isnull(), ibis.null("int64")), *cases, else_=-1)
