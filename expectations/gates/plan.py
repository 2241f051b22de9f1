"""The gate's plan: which checks a released table must hold, from the spec and what is known of its parent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.values.spec import ShopSpec
from models.values.transform import AgeBand, Band, Pseudonym

if TYPE_CHECKING:
    from models.anonymity.policy import PlannedColumn, ReleasePlan

MOST_BANDS = 5000


@dataclass(frozen=True, kw_only=True)
class PlannedCheck:
    """A planned check: its rule as "kind: sentence", its threshold, and the expectation that decides it."""

    rule: str
    detail: str = ""
    expectation: Any


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A released table under the gate, and what the caller knows of its parent.

    `raw_values` holds what is in `raw_views` as `sql.compared` makes it; None if it cannot be read.
    """

    spec: ShopSpec
    plan: ReleasePlan
    strings: tuple[str, ...]
    uuids: tuple[str, ...]
    parent_rows: int | None
    suppressed_rows: int | None
    raw_views: tuple[str, ...]
    raw_values: str | None
    patterns: Mapping[str, str]


def planned_checks(subject: Subject) -> Iterator[PlannedCheck]:
    """The checks of one released table, each with the expectation that decides it (None: it has failed)."""
    yield from _shape(subject)
    yield from _rows(subject)
    for column in subject.plan.columns:
        yield from _key(subject, column)
    yield from _anonymity(subject)
    for name in subject.strings:
        yield from _text(subject, name)
    yield from _raw(subject)


def _shape(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates import expectations as gate

    names = [column.name for column in subject.plan.columns]
    yield PlannedCheck(
        rule="columns: exactly the planned columns, of plain types",
        detail=f"needs {', '.join(names)}",
        expectation=gate.NoUnexpectedColumn.planned(names),
    )
    yield PlannedCheck(rule="not empty: the table has rows", expectation=gate.NotEmpty.rows())


def _rows(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates.expectations import RowsAgainstParent

    parent, anonymity = subject.parent_rows, subject.plan.anonymity
    product = subject.spec.releases[subject.plan.release].product
    if parent is None:
        yield PlannedCheck(rule="rows: as many rows as the parent table allows", expectation=None)
        return
    if product == "events":
        expectation = RowsAgainstParent.exactly(parent)
        yield PlannedCheck(
            rule="rows: every row that is allowed arrived, and no other", expectation=expectation
        )
        return
    if subject.suppressed_rows is None:
        expectation = RowsAgainstParent.at_most(parent)
    else:
        expectation = RowsAgainstParent.exactly(parent - subject.suppressed_rows)
    yield PlannedCheck(
        rule="rows: those of the parent table less the suppressed ones", expectation=expectation
    )
    if anonymity is not None:
        yield PlannedCheck(
            rule="suppression: not too many rows were suppressed",
            detail=f"needs a share <= {anonymity.suppression_limit:g}",
            expectation=RowsAgainstParent.suppressed_at_most(anonymity.suppression_limit, parent),
        )


def _key(subject: Subject, column: PlannedColumn) -> Iterator[PlannedCheck]:
    from expectations.gates import expectations as gate

    name, entry = column.name, subject.spec.tables[subject.plan.table]
    if isinstance(column.transform, Pseudonym):
        yield PlannedCheck(
            rule=f"pseudonym form: column {name} has the type UUID", expectation=gate.PseudonymForm.uuid(name)
        )
        yield PlannedCheck(
            rule=f"pseudonym spread: the pseudonyms of column {name} look random",
            detail=f"first bytes near uniform, from {gate.ENOUGH_PSEUDONYMS} pseudonyms on",
            expectation=gate.PseudonymForm.spread(name),
        )
    if name in entry.key or (column.role == "key" and not entry.columns[name].nullable):
        yield PlannedCheck(
            rule=f"no gaps: column {name} has no missing value", expectation=gate.NotNull.column(name)
        )


def _anonymity(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates.expectations import DistinctLDiversity, KAnonymity

    plan, wanted = subject.plan, subject.plan.anonymity
    if wanted is None:
        return
    customer = subject.spec.customer_column(plan.table)
    unit = customer if customer in {column.name for column in plan.columns} else None
    yield PlannedCheck(
        rule="k-anonymity: every class of equal quasi-identifiers is large enough",
        detail=f"needs k >= {wanted.k} over {', '.join(plan.quasi) or 'the whole table'}",
        expectation=KAnonymity.over(plan.quasi, wanted.k, unit),
    )
    for name in plan.sensitive:
        yield PlannedCheck(
            rule=f"l-diversity: every class has enough different values of column {name}",
            detail=f"needs l >= {wanted.l}",
            expectation=DistinctLDiversity.over(plan.quasi, name, wanted.l),
        )


def _text(subject: Subject, name: str) -> Iterator[PlannedCheck]:
    from expectations.gates import expectations as gate
    from models.anonymity.patterns import ODD, PLAIN

    bands = _bands(subject, name)
    if bands:
        rule = f"bands: column {name} holds only the bands of the spec"
        yield PlannedCheck(rule=rule, expectation=gate.OnlyBands.column(name, bands))
        return
    yield PlannedCheck(
        rule=f"identifier patterns: nothing in column {name} looks like an identifier",
        detail=f"looked for {', '.join(subject.patterns)}",
        expectation=gate.NoIdentifierPattern.column(name, subject.patterns, ODD, PLAIN)
        if subject.patterns
        else None,
    )


def _raw(subject: Subject) -> Iterator[PlannedCheck]:
    """Text and pseudonyms against the raw identifiers; a view that is named and cannot be read fails."""
    from expectations.gates.expectations import NoRawIdentifier

    if not subject.raw_views:
        return
    hidden = [column.name for column in subject.plan.columns if isinstance(column.transform, Pseudonym)]
    for name in dict.fromkeys((*subject.strings, *hidden)):
        unlike = NoRawIdentifier.pseudonym if name in subject.uuids else NoRawIdentifier.text
        yield PlannedCheck(
            rule=f"raw identifiers: no raw identifier of a customer is in column {name}",
            expectation=None if subject.raw_values is None else unlike(name, subject.raw_values),
        )


def _bands(subject: Subject, name: str) -> tuple[str, ...]:
    """All texts that the column may hold by its transform; empty if it is no band or has too many."""
    transform = next((c.transform for c in subject.plan.columns if c.name == name), None)
    if not isinstance(transform, Band | AgeBand):
        return ()
    low, high, width = transform.low, transform.high, transform.width
    starts = range(low, high, width)
    if len(starts) > MOST_BANDS:
        return ()
    ends = [min(start + width, high) - 1 for start in starts]
    closed = (f"{a}-{b}" if a != b else f"{a}" for a, b in zip(starts, ends, strict=True))
    return (f"<{low}", *closed, f"{high}+")
