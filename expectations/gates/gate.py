"""The gate: what must hold of every released table before it may be published, checked on its final bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING

from expectations.errors import GateError
from expectations.gates.plan import planned_checks
from expectations.gates.samples import columns_of, sampled_columns
from expectations.gates.sql import compared, quoted, uuids, uuids_of
from expectations.gates.subject import PlannedCheck, Subject
from models.values.dataset import GateCheck, GateResult
from models.values.errors import PrivetError
from models.values.spec import ShopSpec

if TYPE_CHECKING:
    from expectations.gates.judge import Judge

UNEVALUATED = "could not be evaluated"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the gate is told of the tables that releases were made of. What it is not told, it cannot hold true.

    `parent_rows`: release -> rows that must arrive: of an events release exactly, of attributes at most.
    `suppressed_rows`: attributes release -> rows that were suppressed; then parent = released + suppressed.
    `raw_identifiers`: release -> views whose columns hold raw identifying values (see `identifying_columns`) that no
    released text may equal. `raw_tables`: release -> the view of its raw table, sampled for columns that a transform
    must have changed. `populations`: release -> a view of the population in the form of the release, for
    delta-presence. `public_tables`: table without customers -> its view, whose keys may be released as they are.
    `age_days`: of the oldest data set that the releases are made of.
    """

    parent_rows: Mapping[str, int]
    suppressed_rows: Mapping[str, int] = field(default_factory=dict)
    raw_identifiers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    raw_tables: Mapping[str, str] = field(default_factory=dict)
    populations: Mapping[str, str] = field(default_factory=dict)
    public_tables: Mapping[str, str] = field(default_factory=dict)
    age_days: float | None = None


def run_gate(
    judge: Judge,
    tables: Mapping[str, str],
    spec: ShopSpec,
    known: Known,
    *,
    patterns: Mapping[str, str] | None = None,
) -> GateResult:
    """Judge released tables; `tables` maps each release of the spec to the view of its final bytes.

    A check that cannot be evaluated has failed, and a gate without checks has not passed. The result names
    rules and thresholds of the spec, never a value or a count.

    Args:
        judge: the engine that has the views; what the gate makes there beside them is dropped again.
        tables: release -> view or table.
        spec: says what each release must be.
        known: what releases are compared with.
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
    plans = {name: plan_release(spec, name) for name in tables}
    with (
        _imported(),
        _compared(judge, known.raw_identifiers) as raw_values,
        sampled_columns(judge, plans, known.raw_tables, known.parent_rows) as samples,
    ):
        for name, view in tables.items():
            subject = Subject(
                spec=spec,
                plan=plans[name],
                types=columns_of(judge, view),
                parent_rows=known.parent_rows.get(name),
                suppressed_rows=known.suppressed_rows.get(name),
                raw_views=tuple(known.raw_identifiers.get(name, ())),
                raw_values=raw_values.get(name),
                samples=samples.get(name, {}),
                public_tables=known.public_tables,
                population=known.populations.get(name),
                age_days=known.age_days,
                patterns=residual_patterns() if patterns is None else patterns,
            )
            checks.extend(_judged(judge, view, subject))
    return GateResult(checks=tuple(checks))


@contextmanager
def _imported() -> Iterator[None]:
    """Great Expectations is imported beside the block: that takes seconds, in which the engine can work."""
    with ThreadPoolExecutor(max_workers=1) as beside:
        beside.submit(import_module, "expectations.gates.anonymity")
        yield


@contextmanager
def _compared(judge: Judge, raw: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Release -> the view with which its values are compared, for as long as the block runs.

    Each view of `raw` is read once, and kept, however many releases and columns are compared with it. A release is
    left out if one of its views cannot be read.
    """
    kept: dict[str, str] = {}
    joined: dict[str, str] = {}
    try:
        for number, view in enumerate(dict.fromkeys(chain.from_iterable(raw.values()))):
            name = f"gate_raw_{number}_"
            if _taken(judge, view, name):
                kept[view] = name
        for number, (release, views) in enumerate(raw.items()):
            if views and kept.keys() >= set(views):
                joined[release] = f"gate_raw_of_{number}_"
                names = [kept[view] for view in views]
                judge.define(_united("v", names), joined[release])
                judge.define(_united("u", map(uuids_of, names)), uuids_of(joined[release]))
        yield joined
    finally:
        for name in (*joined.values(), *kept.values()):
            judge.drop(uuids_of(name))
            judge.drop(name)


def _united(column: str, tables: Iterable[str]) -> str:
    return " UNION ALL ".join(f"SELECT {column} FROM {quoted(table)}" for table in tables)


def _taken(judge: Judge, view: str, name: str) -> bool:
    """Whether what is compared with a view could be read, under a name and, the UUIDs among it, under another."""
    columns = tuple(columns_of(judge, view))
    if not columns:
        return False
    with suppress(PrivetError):
        judge.keep(view, compared(columns), name)
        judge.keep(name, uuids(), uuids_of(name))
        return True
    return False


def identifying_columns(spec: ShopSpec, table: str) -> tuple[str, ...]:
    """Columns of a raw table whose values must never be released: identifiers and keys that are not kept."""
    return tuple(
        name
        for name, column in spec.tables[table].columns.items()
        if column.role == "identifier"
        or (column.role == "key" and column.effective_transform(name).kind != "keep")
    )


def _judged(judge: Judge, view: str, subject: Subject) -> list[GateCheck]:
    planned = list(planned_checks(subject))
    verdicts = _verdicts(judge, view, planned)
    return [
        GateCheck(
            table=subject.plan.release,
            rule=check.rule,
            passed=verdict is True,
            detail=UNEVALUATED if verdict is None else check.detail,
        )
        for check, verdict in zip(planned, verdicts, strict=True)
    ]


def _verdicts(judge: Judge, view: str, planned: list[PlannedCheck]) -> list[bool | None]:
    """Whether each check held; None where it could not be evaluated."""
    from great_expectations.exceptions import GreatExpectationsError

    from expectations.gates.asking import quiet, validated

    verdicts: list[bool | None] = [None] * len(planned)
    ready = [
        (place, check.expectation) for place, check in enumerate(planned) if check.expectation is not None
    ]
    for place, expectation in ready:
        expectation.meta = {"place": place}
    try:
        with quiet():
            results = validated(judge, view, [expectation for _, expectation in ready])
    except (GreatExpectationsError, PrivetError, LookupError):
        return verdicts
    for result in results:
        raised = "'raised_exception': True" in str(result.exception_info)
        verdicts[result.expectation_config.meta["place"]] = None if raised else bool(result.success)
    return verdicts
