"""The gate's plan: which checks a released table must hold, from the spec and what is known of its parent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from expectations.gates.criteria import anonymity_checks
from expectations.gates.subject import PlannedCheck, Subject
from models.anonymity.forms import NUMBER_FORMS, TEXT_FORMS
from models.values.transform import ALPHABETS, AgeBand, Band, Pseudonym, Token

if TYPE_CHECKING:
    from models.anonymity.forms import Form
    from models.anonymity.policy import PlannedColumn

MOST_BANDS = 5000
# Transforms after which no value is what it was.
CHANGING = frozenset({"band", "age_band", "prefix", "suppress"})


def planned_checks(subject: Subject) -> Iterator[PlannedCheck]:
    """The checks of one released table, each with the expectation that decides it (None: it has failed)."""
    yield from _shape(subject)
    yield from _rows(subject)
    for column in subject.plan.columns:
        yield from _key(subject, column)
    yield from anonymity_checks(subject)
    for name in subject.of_type("VARCHAR"):
        yield from _text(subject, name)
    for name in subject.of_type("BIGINT", "UBIGINT", "HUGEINT"):
        yield _form(name, NUMBER_FORMS)
    for column in subject.plan.columns:
        yield from _changed(subject, column)
    yield from _raw(subject)


def _shape(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates import expectations as gate

    names = [column.name for column in subject.plan.columns]
    yield PlannedCheck(
        rule="columns: exactly the planned columns, of plain types",
        detail=f"needs {', '.join(names)}",
        expectation=gate.NoUnexpectedColumn.planned(names, subject.types),
    )
    yield PlannedCheck(rule="not empty: the table has rows", expectation=gate.NotEmpty.rows())
    limit, age = subject.spec.retention.raw_days, subject.age_days
    yield PlannedCheck(
        rule="freshness: the data that the table is made of may still be kept",
        detail=f"needs an age <= {limit} days",
        expectation=None if age is None else gate.Fresh.landed(age, limit),
    )


def _rows(subject: Subject) -> Iterator[PlannedCheck]:
    from expectations.gates.expectations import RowsAgainstParent

    parent, anonymity = subject.parent_rows, subject.plan.anonymity
    product = subject.spec.releases[subject.plan.release].product
    if parent is None:
        yield PlannedCheck(rule="rows: as many rows as the parent table allows", expectation=None)
        return
    if product != "attributes":
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
            rule=f"pseudonym form: column {name} has the type UUID",
            expectation=gate.PseudonymForm.uuid(name, subject.types),
        )
        yield PlannedCheck(
            rule=f"pseudonym entropy: the pseudonyms of column {name} look random",
            detail=f"each byte near uniform, from {gate.ENOUGH_PSEUDONYMS} pseudonyms on",
            expectation=gate.PseudonymEntropy.column(name),
        )
    if name in entry.key or (column.role == "key" and not entry.columns[name].nullable):
        yield PlannedCheck(
            rule=f"no gaps: column {name} has no missing value", expectation=gate.NotNull.column(name)
        )


def _text(subject: Subject, name: str) -> Iterator[PlannedCheck]:
    from expectations.gates import expectations as gate
    from models.anonymity.patterns import ODD, PLAIN

    transform = next((c.transform for c in subject.plan.columns if c.name == name), None)
    public = _public_key(subject, name)
    if public is not None:
        view = subject.public_tables.get(public[0])
        yield PlannedCheck(
            rule=f"public keys: column {name} holds only keys of {public[0]}, which has no customers",
            expectation=None if view is None else gate.OnlyPublicKeys.column(name, view, public[1]),
        )
        return
    if isinstance(transform, Token):
        yield PlannedCheck(
            rule=f"token form: every token of column {name} has the form of the spec",
            expectation=gate.TokenForm.column(
                name, transform.prefix, ALPHABETS[transform.alphabet], (transform.length, transform.most)
            ),
        )
        return
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
    yield _form(name, TEXT_FORMS)


def _public_key(subject: Subject, name: str) -> tuple[str, str] | None:
    """Table and column of the public key that a released column shows as it is; None for any other column."""
    column = subject.spec.tables[subject.plan.table].columns.get(name)
    if column is None or column.role != "key" or column.effective_transform(name).kind != "keep":
        return None
    table, _, key = (column.references or f"{subject.plan.table}.{name}").partition(".")
    return (table, key) if subject.spec.tables[table].public else None


def _form(name: str, forms: Sequence[Form]) -> PlannedCheck:
    """That a column is not made of values of one form, where a single one would prove nothing."""
    from expectations.gates.expectations import NoIdentifyingForm
    from models.anonymity.patterns import ODD, PLAIN

    return PlannedCheck(
        rule=f"identifying forms: the values of column {name} have no form in common that identifies",
        detail="looked for " + ", ".join(f"{form.kind} (over {form.share:.0%})" for form in forms),
        expectation=NoIdentifyingForm.column(name, forms, ODD, PLAIN),
    )


def _changed(subject: Subject, column: PlannedColumn) -> Iterator[PlannedCheck]:
    """That a transform was applied: by the form of what it leaves, and against a sample of raw values."""
    from expectations.gates import expectations as gate

    name, transform = column.name, column.transform
    generalised = subject.plan.anonymity is not None and subject.plan.anonymity.search != "none"
    if transform.kind == "round" and not (generalised and column.role == "quasi_identifier"):
        yield PlannedCheck(
            rule=f"rounding: column {name} holds only multiples of its step",
            detail=f"needs steps of {transform.step:g}",
            expectation=gate.OnlySteps.multiples(name, transform.step),
        )
    if transform.kind in ("truncate", "date_shift") and name in subject.of_type("TIMESTAMP", "DATE"):
        yield PlannedCheck(
            rule=f"rounding: column {name} holds only starts of its unit of time",
            detail=f"needs starts of a {transform.unit}",
            expectation=gate.OnlySteps.starts(name, transform.unit),
        )
    if name in subject.samples:
        held = subject.samples[name]
        unlike = gate.NoRawValue.mostly if isinstance(transform, Token) else gate.NoRawValue.column
        yield PlannedCheck(
            rule=f"raw values: column {name} does not show what stands in the raw table",
            detail="compared with a keyed sample",
            expectation=None if held is None else unlike(name, held),
        )


def _raw(subject: Subject) -> Iterator[PlannedCheck]:
    """Text and pseudonyms against the raw identifiers; a view that is named and cannot be read fails.

    Not tokens: those of a form are texts of that form, and so may be somebody else's identifier.
    """
    from expectations.gates.expectations import NoRawIdentifier

    if not subject.raw_views:
        return
    tokens = {column.name for column in subject.plan.columns if isinstance(column.transform, Token)}
    hidden = [column.name for column in subject.plan.columns if isinstance(column.transform, Pseudonym)]
    for name in dict.fromkeys((*subject.of_type("VARCHAR"), *hidden)):
        if name in tokens:
            continue
        unlike = NoRawIdentifier.pseudonym if name in subject.of_type("UUID") else NoRawIdentifier.text
        yield PlannedCheck(
            rule=f"raw identifiers: no raw identifier of a customer is in column {name}",
            expectation=None if subject.raw_values is None else unlike(name, subject.raw_values),
        )


def _bands(subject: Subject, name: str) -> tuple[str, ...]:
    """All texts that the column may hold by its transform, and by a search's levels; none if there are too many."""
    from models.anonymity.ladders import band_texts

    column = next((c for c in subject.plan.columns if c.name == name), None)
    if column is None or not isinstance(column.transform, Band | AgeBand):
        return ()
    searched = subject.plan.anonymity is not None and name in subject.plan.quasi
    search = subject.plan.anonymity.search if searched and subject.plan.anonymity else "none"
    texts = islice(band_texts(column.transform, column.levels, search), MOST_BANDS + 1)
    found = tuple(dict.fromkeys(texts))
    return found if len(found) <= MOST_BANDS else ()
