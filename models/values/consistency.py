"""Consistency of a spec: what must hold between its parts."""

from __future__ import annotations

from posixpath import isabs, normpath
from typing import TYPE_CHECKING

from models.values.transform import DateShift, Drop, MicroAggregate, Noise

if TYPE_CHECKING:
    from models.values.spec import Column, Release, ShopSpec, Table


def spec_problems(spec: ShopSpec) -> list[str]:
    """What does not hang together in a spec, each with its way out; empty if all is well."""
    return [
        *_source_problems(spec),
        *_customer_problems(spec),
        *_purpose_problems(spec),
        *_release_problems(spec),
        *_use_case_problems(spec),
    ]


def _source_problems(spec: ShopSpec) -> list[str]:
    """Sources that leave the spec's folder by their name while no other is allowed; links are told when read."""
    if spec.roots:
        return []
    return [
        f"tables.{name}.source leads outside the spec's folder; put the file into it, or allow its folder: "
        "roots: [..]"
        for name, table in spec.tables.items()
        if isabs(table.source) or normpath(table.source).split("/")[0] == ".."
    ]


def _customer_problems(spec: ShopSpec) -> list[str]:
    problems: list[str] = []
    home = spec.tables.get(spec.customers.table)
    if home is None:
        return [f"customers.table {spec.customers.table!r} is not among tables; describe it there"]
    if home.customer is None:
        problems.append(f"tables.{spec.customers.table}.customer must name the customer's key")
    for label in (spec.customers.split, spec.customers.group):
        if label is not None and label not in home.columns:
            problems.append(f"customers names column {label!r}, which {spec.customers.table} lacks")
    for name, table in spec.tables.items():
        problems += _reference_problems(spec, name, table)
    return problems


def _reference_problems(spec: ShopSpec, name: str, table: Table) -> list[str]:
    problems: list[str] = []
    if table.customer_via is not None:
        other = table.customer_via.split(".")[0]
        if other not in spec.tables or spec.tables[other].customer is None:
            problems.append(f"tables.{name}.customer_via: {other!r} has no customer column")
        elif not _exists(spec, table.customer_via):
            problems.append(
                f"tables.{name}.customer_via {table.customer_via!r} is unknown; write table.column"
            )
    for column_name, column in table.columns.items():
        if column.references is not None and not _exists(spec, column.references):
            where = f"tables.{name}.columns.{column_name}.references"
            problems.append(f"{where} {column.references!r} is unknown; write table.column")
        if _is_kept_key(spec, table, column):
            where = f"tables.{name}.columns.{column_name}"
            problems.append(f"{where} is a key that would lead back to a customer; pseudonymise or drop it")
    return problems


def _is_kept_key(spec: ShopSpec, table: Table, column: Column) -> bool:
    """Whether a customers' table would release a key as it is; keys of public tables may be kept."""
    if column.role != "key" or column.transform is None or column.transform.kind != "keep":
        return False
    of_public = column.references is not None and spec.tables.get(column.references.partition(".")[0])
    return not table.public and not (of_public and of_public.public)


def _exists(spec: ShopSpec, reference: str) -> bool:
    table, _, column = reference.partition(".")
    return table in spec.tables and column in spec.tables[table].columns


def _purpose_problems(spec: ShopSpec) -> list[str]:
    problems: list[str] = []
    for name, purpose in spec.purposes.items():
        missing = sorted(set(spec.regimes) - set(purpose.basis))
        if missing:
            problems.append(f"purposes.{name}.basis names no basis under {', '.join(missing)}; state one")
        if spec.consent is None and "consent" in purpose.basis.values():
            problems.append(
                f"purposes.{name} rests on consent but there is no consent table; "
                "name one under consent or state another basis"
            )
    if spec.consent is not None:
        table = spec.tables.get(spec.consent.table)
        if table is None or table.customer is None:
            problems.append(f"consent.table {spec.consent.table!r} must be a table with a customer column")
        else:
            for column in (spec.consent.purpose, spec.consent.state, spec.consent.recorded_at):
                if column not in table.columns:
                    problems.append(f"consent names column {column!r}, which {spec.consent.table} lacks")
    return problems


def _release_problems(spec: ShopSpec) -> list[str]:
    problems: list[str] = []
    for name, release in spec.releases.items():
        table = spec.tables.get(release.table)
        if table is None:
            problems.append(f"releases.{name}.table {release.table!r} is not among tables")
            continue
        if table.public != (release.product == "public"):
            problems.append(
                f"releases.{name}.product is {release.product!r} and tables.{release.table} "
                f"{'is' if table.public else 'is not'} public: true; a table without customers' data, and no other, is "
                "released as public"
            )
        if release.purpose not in spec.purposes:
            problems.append(f"releases.{name}.purpose {release.purpose!r} is not among purposes")
        for column in release.columns:
            if column not in table.columns:
                problems.append(f"releases.{name} asks for column {column!r}, which {release.table} lacks")
            elif isinstance(table.columns[column].effective_transform(column), Drop):
                problems.append(f"releases.{name} asks for column {column!r}, which is dropped; remove it")
            else:
                problems += _transform_problems(f"releases.{name}", release, table, column)
        if release.anonymity is not None:
            problems += [f"releases.{name}.anonymity.{text}" for text in _anonymity_problems(spec, release)]
    return problems


def _transform_problems(where: str, release: Release, table: Table, column: str) -> list[str]:
    """What a transform needs of its release: docs/privacy.md, rule 1, for those that are fitted on data."""
    transform = table.columns[column].effective_transform(column)
    one_row_each = table.customer is not None and table.key == (table.customer,)
    if isinstance(transform, MicroAggregate) and release.product != "attributes":
        return [
            f"{where} asks for column {column!r}, whose micro_aggregate is fitted on all customers' rows; events take "
            "round or band"
        ]
    if isinstance(transform, MicroAggregate) and not one_row_each:
        return [f"{where}: micro_aggregate of {column!r} needs a table with one row a customer; use round"]
    if isinstance(transform, Noise | DateShift) and table.public:
        return [f"{where}: {transform.kind} of {column!r} is for customers' data; this table is public"]
    return []


def _anonymity_problems(spec: ShopSpec, release: Release) -> list[str]:
    """Criteria that name what the release does not have; each begins with its key."""
    wanted, columns = release.anonymity, spec.tables[release.table].columns
    assert wanted is not None, "asked of a release with anonymity"
    roles = {name: columns[name].role for name in release.columns if name in columns}
    quasi = {name for name, role in roles.items() if role == "quasi_identifier"}
    problems = [
        f"weights: {name!r} is no quasi-identifier of the release; take it out"
        for name in wanted.weights
        if name not in quasi
    ]
    asked = {"t": wanted.t, "beta": wanted.beta, "c": wanted.c}
    if "sensitive" not in roles.values() and (wanted.diversity == "entropy" or any(asked.values())):
        key = next((key for key, value in asked.items() if value is not None), "diversity")
        problems.append(f"{key}: is measured on a sensitive column, and none is released; take it out")
    if wanted.population is not None:
        people = spec.tables.get(wanted.population)
        if people is None or not people.public or not quasi <= set(people.columns):
            problems.append(
                f"population: {wanted.population!r} must be a table with public: true that has the release's "
                "quasi-identifiers under the same names; describe it"
            )
        elif any(people.columns[name].type != columns[name].type for name in quasi):
            problems.append("population: has quasi-identifiers of another type; describe them alike")
    return problems


def _use_case_problems(spec: ShopSpec) -> list[str]:
    problems: list[str] = []
    limit = 1 / (10 * spec.customers.public_bound)
    for name, use_case in spec.use_cases.items():
        delta = use_case.privacy.delta
        if delta is not None and delta > limit:
            problems.append(
                f"use_cases.{name}.privacy.delta is above 1/(10 public_bound) = {limit:g}; lower it"
            )
    for name, use_case in spec.use_cases.items():
        for table in use_case.tables:
            release = spec.releases.get(table)
            if release is None or release.product == "attributes":
                problems.append(
                    f"use_cases.{name} needs {table!r} among releases, with product: events (or public)"
                )
            elif release.purpose != use_case.purpose:
                problems.append(
                    f"use_cases.{name} has purpose {use_case.purpose!r}, its table {table!r} was released "
                    f"for {release.purpose!r}; data is used for the purpose it was released for"
                )
    return problems
