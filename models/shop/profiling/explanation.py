"""Explanation: what a spec will do to each column and why, before anything has landed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.values.base import Value
from models.values.hierarchy import Division, Hierarchy
from models.values.levels import ladder_names
from models.values.spec import Column, Role, ShopSpec, Table
from models.values.transform import (
    AgeBand,
    Band,
    DateShift,
    Drop,
    HashBucket,
    Keep,
    MicroAggregate,
    Noise,
    Prefix,
    Pseudonym,
    Redact,
    Round,
    Suppress,
    Token,
    Transform,
    Truncate,
)

_WHY: dict[Role, str] = {
    "key": "leads to a customer's rows",
    "identifier": "names or reaches a person",
    "quasi_identifier": "singles people out together with others",
    "sensitive": "must not be learnt of a person",
    "attribute": "a fact that names nobody by itself",
    "free_text": "people write anything into texts",
    "label": "what a model learns to tell",
    "time": "exact times single people out",
}


class ReleasedIn(Value):
    """Where a column goes: a release, its product and the purpose that it is for."""

    release: str
    product: str
    purpose: str


class ColumnPlan(Value):
    """What will happen to one column of a file, and why."""

    column: str
    role: str
    type: str
    transform: str
    what: str
    why: str
    releases: tuple[ReleasedIn, ...]


class TablePlan(Value):
    """What will happen to one table: its way to customers and its columns, those without a description last."""

    table: str
    source: str
    way: str
    columns: tuple[ColumnPlan, ...]


def explain(spec: ShopSpec, headers: Mapping[str, Sequence[str]]) -> tuple[TablePlan, ...]:
    """The plan of each table; `headers` holds the columns of the files that could be looked at, by table."""
    return tuple(
        TablePlan(
            table=name,
            source=table.source,
            way=_way(spec, name, table),
            columns=(
                *(_described(spec, name, column, entry) for column, entry in table.columns.items()),
                *(_unnamed(column) for column in headers.get(name, ()) if not _named(spec, table, column)),
            ),
        )
        for name, table in spec.tables.items()
    )


def _named(spec: ShopSpec, table: Table, column: str) -> bool:
    return any(column in other.columns for other in spec.tables.values() if other.source == table.source)


def _way(spec: ShopSpec, name: str, table: Table) -> str:
    if name == spec.customers.table:
        listed = "each different row is one" if table.distinct else "one row each"
        return f"lists the customers by {table.customer}, {listed}"
    if table.customer:
        return f"belongs to customers by {table.customer}"
    if table.customer_via:
        return f"belongs to customers by way of {table.customer_via}"
    return "public: holds no customers' data"


def _described(spec: ShopSpec, table: str, name: str, column: Column) -> ColumnPlan:
    transform = column.effective_transform(name)
    released = tuple(
        ReleasedIn(release=key, product=release.product, purpose=release.purpose)
        for key, release in spec.releases.items()
        if release.table == table and name in release.columns
    )
    public = spec.tables[table].public
    return ColumnPlan(
        column=name,
        role=column.role,
        type=column.type,
        transform=transform.kind,
        what=_what(transform) + _searched(spec, released, column, transform)
        if released or isinstance(transform, Drop)
        else f"not released (else: {_what(transform)})",
        why="of a public table" if public else _WHY[column.role],
        releases=released,
    )


def _searched(spec: ShopSpec, released: Sequence[ReleasedIn], column: Column, transform: Transform) -> str:
    """What a search may still make of a quasi-identifier: the ladder of its levels, or ranges."""
    if column.role != "quasi_identifier":
        return ""
    wanted = (spec.releases[one.release].anonymity for one in released)
    kinds = {anonymity.search for anonymity in wanted if anonymity is not None}
    ladder = ", ".join(ladder_names(transform, column.levels))
    lattice = f"; then, as the search finds best, as it is or {ladder}" if "lattice" in kinds else ""
    return lattice + ("; then joined with its neighbours, class by class" if "mondrian" in kinds else "")


def _unnamed(name: str) -> ColumnPlan:
    return ColumnPlan(
        column=name, role="none", type="none", transform="drop", what="dropped when it is read",
        why="the spec does not name it", releases=(),
    )  # fmt: skip


def _what(transform: Transform) -> str:
    match transform:
        case Drop() | Keep() | Suppress() | Redact():
            return _FIXED[transform.kind]
        case Hierarchy() | Division():
            return _category(transform)
        case Pseudonym() | Token() | HashBucket() | DateShift() | Noise():
            return _keyed(transform)
        case Round(step=step, low=low, high=high):
            limits = "" if low is None and high is None else f", clamped to {low}..{high}"
            return f"rounded to multiples of {step:g}{limits}"
        case Band(width=width, low=low, high=high):
            return f"bands of {width} from {low} to {high}"
        case AgeBand(width=width, low=low, high=high, as_of=day):
            return f"age on {day} in bands of {width} from {low} to {high}"
        case Truncate(unit=unit):
            return f"the {unit} is kept, in UTC"
        case Prefix(length=length):
            return f"the first {length} characters"
        case MicroAggregate(k=k):
            return f"the mean of {k} or more customers with the nearest values; fitted on the data"


def _category(transform: Hierarchy | Division) -> str:
    if isinstance(transform, Division):
        return f"the {transform.level} of an administrative code"
    return f"level {transform.level} of a table of {len(transform.rows)} values"


_FIXED = {
    "drop": "dropped: it stays in the encrypted raw and curated zones",
    "keep": "kept as it is",
    "suppress": 'every value becomes "*"',
    "redact": "names, e-mails, phones, addresses and numbers replaced",
}
_SPELT = {
    "phone": ", phone numbers in one spelling (E.164)",
    "email": ", e-mails in lower case",
    "name": ", names in one spelling (simplified characters)",
}


def _keyed(transform: Pseudonym | Token | HashBucket | DateShift | Noise) -> str:
    match transform:
        case Pseudonym(domain=domain):
            spelt = _SPELT.get(transform.spelt_as, "")
            return f"keyed pseudonym, joins within domain {domain} and purpose{spelt}"
        case Token(domain=domain, alphabet=alphabet, length=length, most=most):
            counted = f"{length}" if most == length else f"{length} to {most}"
            return (
                f"keyed token of the same form, {counted} {_LETTERS[alphabet]}, joins within domain {domain}"
            )
        case HashBucket(buckets=buckets):
            return f"one of {buckets} groups, chosen by keyed hash"
        case DateShift(days=days, unit=unit):
            return (
                f"moved by up to {days} days, all times of a customer alike; then the {unit} is kept, in UTC"
            )
        case Noise(mechanism=mechanism, epsilon=epsilon, low=low, high=high):
            spent = f"epsilon {epsilon:g} per customer, spent at each preparation"
            return f"clamped to {low:g}..{high:g}, {mechanism.replace('_', ' ')} noise added: {spent}"


_LETTERS = {"digits": "digits", "lower": "digits and small letters", "upper": "digits and capital letters"}
