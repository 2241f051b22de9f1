"""The shop's spec: the one thing a user writes, and everything is derived from it."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator, model_validator

from models.values.anonymity import Anonymity as Anonymity
from models.values.balance import Constraint
from models.values.base import Value
from models.values.consistency import spec_problems
from models.values.language import LANGUAGES, Language, Notice
from models.values.levels import levels_problem
from models.values.region import Region
from models.values.target import PrivacyTarget
from models.values.transform import Drop, Keep, Pseudonym, Redact, Transform, Truncate
from models.values.written import problem_of

Role = Literal[
    "key",
    "identifier",
    "quasi_identifier",
    "sensitive",
    "attribute",
    "free_text",
    "label",
    "time",
]
ColumnType = Literal["string", "integer", "number", "boolean", "timestamp", "date"]
Regime = Literal["gdpr", "ccpa", "pipl", "ecommerce_law"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Header = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Source = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=1000)]
Basis = Literal["consent", "contract", "legal_duty", "legitimate_interest"]

# Only these states of a customer's choice allow processing, per basis; whatever is not listed is denied.
ALLOWING_STATES: dict[Basis, frozenset[str]] = {
    "consent": frozenset({"granted"}),
    "contract": frozenset({"granted", "not_asked"}),
    "legal_duty": frozenset({"granted", "not_asked", "withdrawn", "objected"}),
    "legitimate_interest": frozenset({"granted", "not_asked"}),
}


# The types that a transform works on, where it does not work on all.
_TYPES: dict[str, tuple[ColumnType, ...]] = {
    "redact": ("string",),
    "token": ("string",),
    "noise": ("number", "integer"),
    "micro_aggregate": ("number", "integer"),
    "date_shift": ("timestamp", "date"),
    "hierarchy": ("string", "integer"),
    "division": ("string", "integer"),
}


class Column(Value):
    """One column: its privacy role, its type, the rules of its contract and its transform.

    `formats` says how numbers, days or times are written in text; left out: 1234.50 and ISO 8601. `levels` are
    what a search may generalise a quasi-identifier to, each coarser than the one before; "*" follows by itself.
    """

    role: Role
    type: ColumnType = "string"
    formats: tuple[str, ...] | None = None
    nullable: bool = False
    range: tuple[float, float] | tuple[date, date] | None = None
    values: tuple[str, ...] | None = None
    pattern: str | None = None
    max_length: int = Field(default=10_000, ge=1)
    references: str | None = Field(default=None, description="table.column that must hold the value")
    transform: Transform | None = None
    levels: tuple[Transform, ...] | None = None

    @model_validator(mode="after")
    def _levels_go_up(self) -> Column:
        if self.levels is None:
            return self
        if self.role != "quasi_identifier" or self.transform is None:
            raise ValueError("levels belong to a quasi_identifier with a transform; take them out")
        problem = levels_problem(self.transform, self.levels)
        if problem is not None:
            raise ValueError(f"levels: {problem}")
        return self

    @model_validator(mode="after")
    def _formats_can_be_told_apart(self) -> Column:
        problem = None if self.formats is None else problem_of(self.formats, self.type)
        if problem is not None:
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def _role_allows_transform(self) -> Column:
        kind = None if self.transform is None else self.transform.kind
        hidden = (None, "drop", "pseudonym", "token", "suppress")
        if self.role == "identifier" and kind not in hidden:
            raise ValueError(
                f"an identifier is dropped or pseudonymised, never {kind!r}; set transform to drop"
            )
        if self.role == "key" and kind not in (*hidden, "keep"):
            raise ValueError(f"a key is pseudonymised, dropped or (public keys) kept, not {kind!r}")
        if self.role == "quasi_identifier" and kind in (None, "keep", "noise"):
            raise ValueError("a quasi-identifier needs a generalising transform or drop")
        if self.role == "free_text" and kind not in (None, "drop", "redact", "suppress"):
            raise ValueError(f"free text is redacted or dropped, never {kind!r}")
        if kind in _TYPES and self.type not in _TYPES[kind]:
            wanted = " or ".join(f"{type_}s" for type_ in _TYPES[kind])
            raise ValueError(f"{kind} works on {wanted}, the type is {self.type}; change one of them")
        return self

    def effective_transform(self, name: str) -> Transform:
        """The transform in the spec, or the default of the role."""
        if self.transform is not None:
            return self.transform
        match self.role:
            case "identifier" | "quasi_identifier":
                return Drop()
            case "key":
                return Pseudonym(domain=_domain(name))
            case "free_text":
                return Redact()
            case "time":
                return Truncate(unit="day")
            case "sensitive" | "attribute" | "label":
                return Keep()


def _domain(header: str) -> str:
    """The pseudonym domain of a key by its header; one that is no plain word is named by its hash."""
    word = header.removesuffix("_id").lower()
    if re.fullmatch(r"[a-z][a-z0-9_]{0,30}", word):
        return word
    return f"key_{hashlib.sha256(header.encode()).hexdigest()[:12]}"


class Table(Value):
    """One raw table: its source, its key and the way to the customer that each row belongs to.

    `customer` names the column that holds the customer; `customer_via` ("orders.order_id") a foreign key
    of the same name here; a table with neither holds no customers' data and must say `public: true`.
    `distinct` reads each different row of the described columns once: a list of the customers of a file of orders.
    """

    source: Source
    format: Literal["csv", "parquet"] = "csv"
    encoding: Literal["utf-8", "gb18030", "latin-1"] = "utf-8"
    distinct: bool = False
    key: tuple[str, ...]
    customer: str | None = None
    customer_via: str | None = None
    public: bool = False
    columns: dict[Header, Column]

    @model_validator(mode="after")
    def _hangs_together(self) -> Table:
        for column in (*self.key, *([self.customer] if self.customer else [])):
            if column not in self.columns:
                raise ValueError(f"column {column!r} is named as key or customer but not described")
        if self.customer_via and self.customer_via.split(".")[-1] not in self.columns:
            raise ValueError(f"customer_via {self.customer_via!r} needs a column of that name here")
        ways = [bool(self.customer), bool(self.customer_via), self.public]
        if sum(ways) != 1:
            raise ValueError("say exactly one of customer, customer_via, public: true")
        return self


class Customers(Value):
    """Where customers are listed, the public bound of their number and how they are split.

    `public_bound` is a number that anyone may know (docs/privacy.md, rule 5). `split` names a column whose values
    are train, test and holdout; without it customers are split by keyed hash (60 / 20 / 20).
    `group` names a column of people behind several customers (households); `group_copies` bounds them.
    """

    table: str
    public_bound: int = Field(ge=100)
    split: str | None = None
    group: str | None = None
    group_copies: int = Field(default=1, ge=1)


class Consent(Value):
    """Where customers' choices are kept: one row a customer, purpose and time; the latest counts."""

    table: str
    purpose: str = "purpose"
    state: str = "state"
    recorded_at: str = "recorded_at"


class Purpose(Value):
    """What data is used for: the lawful basis under every regime of the shop, and the reason for it.

    `reason` is in the first of the shop's languages, `reason_in` says the same in the others.
    """

    basis: dict[Regime, Basis]
    reason: str = Field(min_length=10)
    reason_in: dict[Language, str] | None = None

    def allowing_states(self) -> frozenset[str]:
        """States of a customer's choice that allow this purpose under every regime at once."""
        return frozenset.intersection(*(ALLOWING_STATES[basis] for basis in self.basis.values()))


class Release(Value):
    """One released table: from which raw table, which columns, for which purpose, as which product.

    *attributes* is published and anonymous, *events* stays pseudonymous personal data for private training, *public*
    is a table that holds no customers' data (`public: true`), beside them.
    """

    product: Literal["attributes", "events", "public"]
    table: str
    purpose: str
    columns: tuple[str, ...]
    anonymity: Anonymity | None = None

    @model_validator(mode="after")
    def _published_is_anonymous(self) -> Release:
        if self.product == "attributes" and self.anonymity is None:
            raise ValueError("a published attribute table needs anonymity: {k, l, suppression_limit}")
        if self.product != "attributes" and self.anonymity is not None:
            raise ValueError(
                f"anonymity is fitted on all customers' rows, which {self.product} must not be; take it out, or set "
                "product: attributes"
            )
        return self


class Target(Value):
    """A use case's target as the spec states it; `delta` defaults to min(1e-5, 1/(10 N_public))."""

    epsilon: float = Field(default=3.0, gt=0, le=20)
    delta: float | None = Field(default=None, gt=0, lt=1)
    unit: Literal["customer"] = "customer"


class BalanceSpec(Value):
    """What a choice between utility, risk and compliance must keep, and what a drift out of it leads to.

    `constraints` bound the choice; `attack_seconds` is how long attacks may train reference models on each new model;
    with `adjust: make` a retraining takes the proposed choice by itself, never above the use case's target.
    """

    constraints: tuple[Constraint, ...] = ()
    attack_seconds: float = Field(default=10.0, ge=0, le=86_400)
    adjust: Literal["propose", "make"] = "propose"


class UseCaseSpec(Value):
    """A use case of the shop: which case of the catalog, on which released tables, under which target."""

    case: str
    purpose: str
    tables: tuple[str, ...]
    privacy: Target = Target()
    balance: BalanceSpec = BalanceSpec()


class Budget(Value):
    """What all trainings on this shop's customers may spend together."""

    epsilon: float = Field(gt=0, le=10_000)
    delta: float = Field(gt=0, lt=1)


class Pseudonyms(Value):
    """How pseudonyms are made, beyond their transforms.

    A new `epoch` gives every pseudonym, token, bucket and date shift a new key; the old ones can still be found for
    erasure until the epoch's keys are destroyed. `region` is the country of phone numbers without a country code.
    """

    epoch: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")
    region: Region | None = None


class Retention(Value):
    """How long, in days, each zone keeps its data."""

    raw_days: int = Field(default=30, ge=1)
    curated_days: int = Field(default=90, ge=1)
    released_days: int = Field(default=365, ge=1)
    scores_days: int = Field(default=90, ge=1)


class Declared(Value):
    """What only the shop can say, and rules of law ask; what is not said is not known, and meets no rule.

    `assessment_present`: the impact was assessed before, and that is on record (GDPR art. 35; PIPL art. 55, 56); a
    dossier is part of such an assessment, not one. `children_rows`: customers under 14 whose data is used.
    `crosses_border`: their data is stored or processed outside the place where it was collected; `transfer_mechanism`
    is what allows that under each law (GDPR art. 45 to 47, 49; PIPL art. 38). The others are consents that were given
    by themselves (GDPR art. 9(2)(a), 49(1)(a); PIPL art. 29, 31, 39).
    """

    assessment_present: bool | None = None
    children_rows: int | None = Field(default=None, ge=0)
    guardian_consent: bool | None = None
    separate_consent: bool | None = None
    crosses_border: bool | None = None
    transfer_mechanism: dict[Regime, str] = Field(default_factory=dict)
    transfer_consent: bool | None = None


class ShopSpec(Value):
    """The whole spec. See docs/spec.md for every key with an example."""

    shop: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    synthetic: str | None = Field(
        default=None, description="for data that is public because it is synthetic: the label to show"
    )
    languages: tuple[Language, ...] = Field(default=LANGUAGES, min_length=1)
    timezone: str = "UTC"
    regimes: tuple[Regime, ...] = Field(min_length=1)
    minimum_count: int = Field(default=10, ge=2)
    customers: Customers
    purposes: dict[Name, Purpose]
    consent: Consent | None = None
    retention: Retention = Retention()
    pseudonyms: Pseudonyms = Pseudonyms()
    notice: Notice | None = None
    declared: Declared = Declared()
    budget: Budget
    roots: tuple[Source, ...] = Field(
        default=(), description="folders beside the spec's own in which sources may lie"
    )
    tables: dict[Name, Table]
    releases: dict[Name, Release]
    use_cases: dict[Name, UseCaseSpec] = Field(default_factory=dict)

    @field_validator("languages")
    @classmethod
    def _each_once(cls, languages: tuple[Language, ...]) -> tuple[Language, ...]:
        if len(set(languages)) < len(languages):
            raise ValueError(
                "names a language twice; name each once, the first is the one that pages open in"
            )
        return languages

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is no IANA time zone; use e.g. Asia/Shanghai") from None
        return name

    @model_validator(mode="after")
    def _hangs_together(self) -> ShopSpec:
        problems = spec_problems(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def public_data(self) -> bool:
        """True if the data is synthetic and public, so that every number may be shown (and is labelled)."""
        return self.synthetic is not None

    def customer_column(self, table: str) -> str | None:
        """The column of `table` that leads to the customer, own or foreign key; None for public tables."""
        entry = self.tables[table]
        return entry.customer or (entry.customer_via.split(".")[-1] if entry.customer_via else None)

    def target(self, use_case: str) -> PrivacyTarget:
        """The privacy target of a use case with its public facts filled in."""
        privacy, n_public = self.use_cases[use_case].privacy, self.customers.public_bound
        delta = PrivacyTarget.default_delta(n_public) if privacy.delta is None else privacy.delta
        return PrivacyTarget(epsilon=privacy.epsilon, delta=delta, n_public=n_public, unit=privacy.unit)
