"""Policy: what a release takes from a raw table, and the table it becomes.

Deny by default: only columns that the release lists and the spec describes go out, in the release's
order, each under its transform. A column that nobody described stops the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import ibis.expr.types as ir

from models.anonymity.beside import key_of, with_beside
from models.anonymity.consent import CUSTOMER
from models.anonymity.errors import PolicyError
from models.anonymity.generalise import transform_column, truncate
from models.anonymity.hashing import Hashing, Keyed
from models.anonymity.keyed import key_domain, shifted
from models.anonymity.noise import noised, row_name
from models.anonymity.pseudonyms import HmacKey, bucket, pseudonym
from models.anonymity.published import Published, publish
from models.anonymity.text import Known, KnownKind, redacted
from models.values.base import Value
from models.values.spec import Anonymity, Role, ShopSpec
from models.values.transform import (
    DateShift,
    Drop,
    Noise,
    Pseudonym,
    Redact,
    Transform,
    Truncate,
)

BUCKET = "bucket_"
UNIT = "unit_"
HELPERS = frozenset({CUSTOMER, BUCKET, UNIT})
_KINDS: dict[KnownKind, tuple[str, ...]] = {
    "email": ("mail",),
    "phone": ("phone", "mobile", "tel", "fax"),
    "address": ("address", "street", "addr"),
    "name": ("name",),
}


class PlannedColumn(Value):
    """One column of a release: its name, its role in the raw table, its transform and the spec's own levels."""

    name: str
    role: Role
    transform: Transform
    levels: tuple[Transform, ...] | None = None


class ReleasePlan(Value):
    """What one release is made of. `quasi` and `sensitive` name the columns that k and l are measured on."""

    release: str
    table: str
    columns: tuple[PlannedColumn, ...]
    anonymity: Anonymity | None

    @property
    def quasi(self) -> tuple[str, ...]:
        """Released columns with the role quasi_identifier."""
        return tuple(column.name for column in self.columns if column.role == "quasi_identifier")

    @property
    def sensitive(self) -> tuple[str, ...]:
        """Released columns with the role sensitive."""
        return tuple(column.name for column in self.columns if column.role == "sensitive")


def plan_release(spec: ShopSpec, release_name: str) -> ReleasePlan:
    """The plan of the release called `release_name`.

    Errors: PolicyError for an unknown release, and for a column that the spec does not name or drops.
    """
    release = spec.releases.get(release_name)
    if release is None or release.table not in spec.tables:
        raise PolicyError(
            f"release {release_name!r} of shop {spec.shop!r} is not described; add it to releases"
        )
    planned = []
    for name in release.columns:
        column = spec.tables[release.table].columns.get(name)
        transform = None if column is None else column.effective_transform(name)
        if column is None or transform is None or isinstance(transform, Drop):
            raise PolicyError(
                f"release {release_name!r} asks for column {name!r}, which the spec "
                f"{'does not name' if column is None else 'drops'}; describe it or take it out"
            )
        if isinstance(transform, Pseudonym) and transform.spelt_as == "phone" and transform.region is None:
            transform = transform.model_copy(update={"region": spec.pseudonyms.region})
        planned.append(PlannedColumn(name=name, role=column.role, transform=transform, levels=column.levels))
    return ReleasePlan(
        release=release_name, table=release.table, columns=tuple(planned), anonymity=release.anonymity
    )


def required_domains(spec: ShopSpec, release_name: str) -> tuple[str, ...]:
    """The domains that the release needs a derived key for, in alphabetical order."""
    domains = {key_domain(column.transform) for column in plan_release(spec, release_name).columns}
    return tuple(sorted(domain for domain in domains if domain is not None))


def noise_columns(plan: ReleasePlan) -> dict[str, Noise]:
    """The columns that get noise; each needs a key of its own, drawn for this release, under `noise_key`."""
    return {column.name: column.transform for column in plan.columns if isinstance(column.transform, Noise)}


def noise_key(column: str) -> str:
    """The name under which `deidentify` looks for the key of a column's noise."""
    return f"noise={column}"


def known_columns(spec: ShopSpec) -> dict[str, KnownKind]:
    """The customers' identifying columns that texts are searched for, and what each is by its name."""
    kinds: dict[str, KnownKind] = {}
    for name, column in spec.tables[spec.customers.table].columns.items():
        if column.role != "identifier":
            continue
        kinds[name] = next((kind for kind, parts in _KINDS.items() if any(p in name for p in parts)), "id")
    return kinds


def deidentify(
    spec: ShopSpec,
    release_name: str,
    table: ir.Table,
    keys: Mapping[str, HmacKey],
    known: ir.Table | None = None,
    bucket_key: HmacKey | None = None,
    hashing: Hashing | None = None,
) -> ir.Table:
    """`table` (typed, contract passed, consent applied) as the release shows it, not yet k-anonymous.

    `known` is the customers' table with its raw identifiers; it must be given where a text is redacted.
    The customer of a row is read from `customer_` (see consent.with_customer) or else from the table's
    own customer column. With `bucket_key` two helper columns come along: `bucket_` (0..63, for
    Engine.write_buckets) and `unit_` (the customer, for `anonymise`); both are taken off on the way.
    `hashing` (see Engine.hashing) makes the pseudonyms of whole columns; without it the engine makes them by value.
    Errors: PolicyError if `table` has a column that the spec does not name, or lacks one of the release.
    """
    plan = plan_release(spec, release_name)
    _refuse_unknown(spec, plan, table.columns)
    customer = CUSTOMER if CUSTOMER in table.columns else spec.tables[plan.table].customer
    hashed: dict[str, str] = {}
    if hashing is not None:  # first, since it computes what stands before it
        table, hashed = _with_hashed(spec, plan, table, keys, hashing)
    texts = [column.name for column in plan.columns if isinstance(column.transform, Redact)]
    cleared: dict[str, str] = {}
    if texts:
        table, owner_column, identities = _with_known(spec, plan, table, customer, known)
        table, cleared = redacted(table, texts, owner_column, identities)
    key = spec.tables[plan.table].key
    transforms = {column.name: column.transform for column in plan.columns}
    rest = {name: each for name, each in transforms.items() if name not in hashed}
    table, beside = with_beside(table, rest, key, customer, keys)
    beside |= hashed
    row = row_name(table, key) if noise_columns(plan) else None
    released: dict[str, ir.Value] = {}
    for column in plan.columns:
        value = table[column.name]
        found = table[beside[column.name]] if column.name in beside else None
        match column.transform:
            case Redact():
                released[column.name] = table[cleared[column.name]]
            case DateShift(unit=unit):
                released[column.name] = truncate(shifted(value, found), Truncate(unit=unit))
            case Noise() as noise if row is not None:
                released[column.name] = noised(value, row, noise, key_of(keys, noise_key(column.name)))
            case _ if found is not None:
                released[column.name] = found
            case _:
                released[column.name] = transform_column(value, column.transform, keys)
    if bucket_key is not None:
        owner = _owner(plan, table, customer).cast("string")
        released |= {BUCKET: bucket(owner, bucket_key), UNIT: pseudonym(owner, bucket_key)}
    return table.select(**released)


def anonymise(plan: ReleasePlan, table: ir.Table, population: ir.Table | None = None) -> Published:
    """A de-identified `table` as it may be published, and how it became so; `unit_` counts and goes.

    A plan without anonymity (events) passes every row. `population`: see `published.population_of`.
    """
    unit = UNIT if UNIT in table.columns else None
    found = publish(plan, table, unit, population)
    return Published(found.table.drop(UNIT), found.facts) if unit else found


def _refuse_unknown(spec: ShopSpec, plan: ReleasePlan, columns: Iterable[str]) -> None:
    described = set(spec.tables[plan.table].columns)
    unknown = sorted(set(columns) - described - HELPERS)
    if unknown:
        raise PolicyError(
            f"table {plan.table!r} has {len(unknown)} column(s) that the spec does not name; "
            "drop them before the release or describe them"
        )
    missing = sorted({column.name for column in plan.columns} - set(columns))
    if missing:
        raise PolicyError(f"table {plan.table!r} lacks column {missing[0]!r} of release {plan.release!r}")


def _owner(plan: ReleasePlan, table: ir.Table, customer: str | None) -> ir.Value:
    if customer is None:
        raise PolicyError(
            f"table {plan.table!r} shows no customer; join them with consent.with_customer first"
        )
    return table[customer]


def _with_hashed(
    spec: ShopSpec, plan: ReleasePlan, table: ir.Table, keys: Mapping[str, HmacKey], hashing: Hashing
) -> tuple[ir.Table, dict[str, str]]:
    """The rows with the pseudonyms of whole columns beside them, and their names by released column."""
    described, made = spec.tables[plan.table].columns, dict[str, str]()
    for column in plan.columns:
        if isinstance(column.transform, Pseudonym):
            place, key = f"{plan.table}.{column.name}", key_of(keys, column.transform.domain)
            alone = spec.tables[plan.table].key == (column.name,)
            keyed = Keyed(column.name, place, described[column.name].references, column.transform, key, alone)
            made[column.name] = f"hashed_{column.name}_"
            table = hashing.beside(table, keyed, made[column.name])
    return table, made


def _with_known(
    spec: ShopSpec, plan: ReleasePlan, table: ir.Table, customer: str | None, known: ir.Table | None
) -> tuple[ir.Table, str, list[Known]]:
    """The rows with the identifying values of their customer beside them, and the customer's column.

    A row without a customer stays.
    """
    kinds = known_columns(spec)
    if known is None:
        raise PolicyError(f"release {plan.release!r} redacts text; hand over the customers' table as known")
    missing = sorted(set(kinds) - set(known.columns))
    if missing:
        raise PolicyError(
            f"the customers' table lacks identifier {missing[0]!r}; texts cannot be cleared of it"
        )
    owner = _owner(plan, table, customer)
    key = spec.tables[spec.customers.table].customer
    beside = known.select(known_key_=known[key], **{f"known_{name}_": known[name] for name in kinds})
    joined = table.left_join(beside, owner == beside.known_key_)
    return joined, owner.get_name(), [Known(kind, joined[f"known_{name}_"]) for name, kind in kinds.items()]
