"""The gate: what must hold of every released table before it may be published, checked on its final bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from expectations.errors import GateError
from models.values.dataset import GateCheck, GateResult
from models.values.spec import ShopSpec
from models.values.transform import AgeBand, Band, Pseudonym

if TYPE_CHECKING:
    import duckdb

    from models.anonymity.policy import PlannedColumn, ReleasePlan

UNEVALUATED = "could not be evaluated"
MOST_BANDS = 5000


@dataclass(frozen=True, kw_only=True)
class _Check:
    """A planned check: its rule as "kind: sentence", its threshold, and the expectation that decides it."""

    rule: str
    detail: str = ""
    expectation: Any


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A released table under the gate, and what the caller knows of its parent."""

    spec: ShopSpec
    plan: ReleasePlan
    strings: tuple[str, ...]
    parent_rows: int | None
    suppressed_rows: int | None
    raw_view: str | None
    raw_columns: tuple[str, ...]
    patterns: Mapping[str, str] = field(default_factory=dict)


def run_gate(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, str],
    spec: ShopSpec,
    parent_rows: Mapping[str, int],
    raw_identifiers: Mapping[str, str] | None = None,
    *,
    suppressed_rows: Mapping[str, int] | None = None,
    patterns: Mapping[str, str] | None = None,
) -> GateResult:
    """Judge released tables; `tables` maps each release of the spec to the view of its final bytes.

    A check that cannot be evaluated has failed, and a gate without checks has not passed. The result names
    rules and thresholds of the spec, never a value or a count.

    Args:
        connection: where the views are; it is used as it is and stays open.
        tables: release -> view or table.
        spec: says what each release must be.
        parent_rows: release -> rows that must arrive: of an events release exactly, of attributes at most.
        raw_identifiers: release -> view whose columns hold raw identifying values (see
            `identifying_columns`) that no released text may equal.
        suppressed_rows: attributes release -> rows that were suppressed; then parent = released + suppressed.
        patterns: name -> RE2 of identifiers; by default `models.anonymity.patterns.residual_patterns()`.

    Raises:
        GateError: a table is no release of the spec.
    """
    from models.anonymity.patterns import residual_patterns
    from models.anonymity.policy import plan_release

    unknown = sorted(set(tables) - set(spec.releases))
    if unknown:
        raise GateError(f"{unknown[0]!r} is no release of shop {spec.shop!r}; describe it under releases")
    checks: list[GateCheck] = []
    for name, view in tables.items():
        raw_view = (raw_identifiers or {}).get(name)
        columns = _columns(connection, view)
        subject = _Subject(
            spec=spec,
            plan=plan_release(spec, name),
            strings=tuple(column for column, kind in columns.items() if kind == "VARCHAR"),
            parent_rows=parent_rows.get(name),
            suppressed_rows=(suppressed_rows or {}).get(name),
            raw_view=raw_view,
            raw_columns=() if raw_view is None else tuple(_columns(connection, raw_view)),
            patterns=residual_patterns() if patterns is None else patterns,
        )
        checks.extend(_judge(connection, view, subject))
    return GateResult(checks=tuple(checks))


def identifying_columns(spec: ShopSpec, table: str) -> tuple[str, ...]:
    """Columns of a raw table whose values must never be released: identifiers and keys that are not kept."""
    return tuple(
        name
        for name, column in spec.tables[table].columns.items()
        if column.role == "identifier"
        or (column.role == "key" and column.effective_transform(name).kind != "keep")
    )


def _columns(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    """Column -> type in the engine; empty if there is no such view."""
    import duckdb

    from expectations.gates.duckdb import quoted

    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {quoted(view)}").fetchall()
    except duckdb.Error:
        return {}
    return {str(row[0]): str(row[1]) for row in described}


def _judge(connection: duckdb.DuckDBPyConnection, view: str, subject: _Subject) -> list[GateCheck]:
    planned = list(_planned(subject))
    verdicts = _verdicts(connection, view, planned)
    return [
        GateCheck(
            table=subject.plan.release,
            rule=check.rule,
            passed=verdict is True,
            detail=UNEVALUATED if verdict is None else check.detail,
        )
        for check, verdict in zip(planned, verdicts, strict=True)
    ]


def _verdicts(connection: duckdb.DuckDBPyConnection, view: str, planned: list[_Check]) -> list[bool | None]:
    """Whether each check held; None where it could not be evaluated."""
    import duckdb
    import great_expectations as gx
    from great_expectations.exceptions import GreatExpectationsError
    from sqlalchemy.exc import SQLAlchemyError

    from expectations.gates.duckdb import batch_of, quiet

    verdicts: list[bool | None] = [None] * len(planned)
    ready = [
        (place, check.expectation) for place, check in enumerate(planned) if check.expectation is not None
    ]
    for place, expectation in ready:
        expectation.meta = {"place": place}
    suite = gx.ExpectationSuite(name="gate", expectations=[expectation for _, expectation in ready])
    try:
        with quiet(), batch_of(connection, view) as batch:
            results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    except (GreatExpectationsError, SQLAlchemyError, duckdb.Error, ConnectionError, LookupError):
        return verdicts
    for result in results:
        raised = "'raised_exception': True" in str(result.exception_info)
        verdicts[result.expectation_config.meta["place"]] = None if raised else bool(result.success)
    return verdicts


def _planned(subject: _Subject) -> Iterator[_Check]:
    yield from _shape(subject)
    yield from _rows(subject)
    for column in subject.plan.columns:
        yield from _key(subject, column)
    yield from _anonymity(subject)
    for name in subject.strings:
        yield from _text(subject, name)
    yield from _raw(subject)


def _shape(subject: _Subject) -> Iterator[_Check]:
    from expectations.gates import expectations as gate

    names = [column.name for column in subject.plan.columns]
    yield _Check(
        rule="columns: exactly the planned columns, of plain types",
        detail=f"needs {', '.join(names)}",
        expectation=gate.NoUnexpectedColumn.planned(names),
    )
    yield _Check(rule="not empty: the table has rows", expectation=gate.NotEmpty.rows())


def _rows(subject: _Subject) -> Iterator[_Check]:
    from expectations.gates.expectations import RowsAgainstParent

    parent, anonymity = subject.parent_rows, subject.plan.anonymity
    product = subject.spec.releases[subject.plan.release].product
    if parent is None:
        yield _Check(rule="rows: as many rows as the parent table allows", expectation=None)
        return
    if product == "events":
        expectation = RowsAgainstParent.exactly(parent)
        yield _Check(rule="rows: every row that is allowed arrived, and no other", expectation=expectation)
        return
    if subject.suppressed_rows is None:
        expectation = RowsAgainstParent.at_most(parent)
    else:
        expectation = RowsAgainstParent.exactly(parent - subject.suppressed_rows)
    yield _Check(rule="rows: those of the parent table less the suppressed ones", expectation=expectation)
    if anonymity is not None:
        yield _Check(
            rule="suppression: not too many rows were suppressed",
            detail=f"needs a share <= {anonymity.suppression_limit:g}",
            expectation=RowsAgainstParent.suppressed_at_most(anonymity.suppression_limit, parent),
        )


def _key(subject: _Subject, column: PlannedColumn) -> Iterator[_Check]:
    from expectations.gates import expectations as gate

    name, entry = column.name, subject.spec.tables[subject.plan.table]
    if isinstance(column.transform, Pseudonym):
        yield _Check(
            rule=f"pseudonym form: column {name} has the type UUID", expectation=gate.PseudonymForm.uuid(name)
        )
        yield _Check(
            rule=f"pseudonym spread: the pseudonyms of column {name} look random",
            detail=f"first bytes near uniform, from {gate.ENOUGH_PSEUDONYMS} pseudonyms on",
            expectation=gate.PseudonymForm.spread(name),
        )
    if name in entry.key or (column.role == "key" and not entry.columns[name].nullable):
        yield _Check(
            rule=f"no gaps: column {name} has no missing value", expectation=gate.NotNull.column(name)
        )


def _anonymity(subject: _Subject) -> Iterator[_Check]:
    from expectations.gates.expectations import DistinctLDiversity, KAnonymity

    plan, wanted = subject.plan, subject.plan.anonymity
    if wanted is None:
        return
    customer = subject.spec.customer_column(plan.table)
    unit = customer if customer in {column.name for column in plan.columns} else None
    yield _Check(
        rule="k-anonymity: every class of equal quasi-identifiers is large enough",
        detail=f"needs k >= {wanted.k} over {', '.join(plan.quasi) or 'the whole table'}",
        expectation=KAnonymity.over(plan.quasi, wanted.k, unit),
    )
    for name in plan.sensitive:
        yield _Check(
            rule=f"l-diversity: every class has enough different values of column {name}",
            detail=f"needs l >= {wanted.l}",
            expectation=DistinctLDiversity.over(plan.quasi, name, wanted.l),
        )


def _text(subject: _Subject, name: str) -> Iterator[_Check]:
    from expectations.gates import expectations as gate
    from models.anonymity.patterns import ODD, PLAIN

    bands = _bands(subject, name)
    if bands:
        rule = f"bands: column {name} holds only the bands of the spec"
        yield _Check(rule=rule, expectation=gate.OnlyBands.column(name, bands))
        return
    yield _Check(
        rule=f"identifier patterns: nothing in column {name} looks like an identifier",
        detail=f"looked for {', '.join(subject.patterns)}",
        expectation=gate.NoIdentifierPattern.column(name, subject.patterns, ODD, PLAIN)
        if subject.patterns
        else None,
    )


def _raw(subject: _Subject) -> Iterator[_Check]:
    """Text and pseudonyms against the raw identifiers; a view that is named and cannot be read fails."""
    from expectations.gates.expectations import NoRawIdentifier

    view, identifiers = subject.raw_view, subject.raw_columns
    if view is None:
        return
    hidden = [column.name for column in subject.plan.columns if isinstance(column.transform, Pseudonym)]
    for name in dict.fromkeys((*subject.strings, *hidden)):
        yield _Check(
            rule=f"raw identifiers: no raw identifier of a customer is in column {name}",
            expectation=NoRawIdentifier.column(name, view, identifiers) if identifiers else None,
        )


def _bands(subject: _Subject, name: str) -> tuple[str, ...]:
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
