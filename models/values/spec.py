"""The shop's spec: the one thing a user writes, and everything is derived from it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, field_validator, model_validator

from models.values.anonymity import Anonymity as Anonymity
from models.values.balance import Constraint, Objective
from models.values.base import Value
from models.values.columns import Column as Column
from models.values.columns import ColumnType as ColumnType
from models.values.columns import Role as Role
from models.values.columns import Source
from models.values.columns import Table as Table
from models.values.consistency import spec_problems
from models.values.language import LANGUAGES, Language, Notice
from models.values.region import Region
from models.values.target import PrivacyTarget

Regime = Literal["gdpr", "ccpa", "pipl", "ecommerce_law"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Basis = Literal["consent", "contract", "legal_duty", "legitimate_interest"]

# Only these states of a customer's choice allow processing, per basis; whatever is not listed is denied.
ALLOWING_STATES: dict[Basis, frozenset[str]] = {
    "consent": frozenset({"granted"}),
    "contract": frozenset({"granted", "not_asked"}),
    "legal_duty": frozenset({"granted", "not_asked", "withdrawn", "objected"}),
    "legitimate_interest": frozenset({"granted", "not_asked"}),
}


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

    `constraints` bound the choice; with `weights` of objectives it is the point of the least weighed loss, without
    them the knee; `attack_seconds` is how long attacks may train reference models on each new model;
    with `adjust: make` a retraining takes the proposed choice by itself, never above the use case's target.
    """

    constraints: tuple[Constraint, ...] = ()
    weights: dict[Objective, Annotated[float, Field(ge=0)]] | None = None
    attack_seconds: float = Field(default=10.0, ge=0, le=86_400)
    adjust: Literal["propose", "make"] = "propose"

    @model_validator(mode="after")
    def _weigh_something(self) -> BalanceSpec:
        if self.weights is not None and not sum(self.weights.values()) > 0:
            raise ValueError("weights of objectives need one above 0; leave them out for the knee")
        return self


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

    def policy_hash(self) -> str:
        """What data are made under: the digest of everything but the `balance` of use cases, which only chooses."""
        chosen = {"use_cases": {"__all__": {"balance"}}}
        return hashlib.sha256(self.model_dump_json(exclude_none=True, exclude=chosen).encode()).hexdigest()

    def customer_column(self, table: str) -> str | None:
        """The column of `table` that leads to the customer, own or foreign key; None for public tables."""
        entry = self.tables[table]
        return entry.customer or (entry.customer_via.split(".")[-1] if entry.customer_via else None)

    def target(self, use_case: str) -> PrivacyTarget:
        """The privacy target of a use case with its public facts filled in."""
        privacy, n_public = self.use_cases[use_case].privacy, self.customers.public_bound
        delta = PrivacyTarget.default_delta(n_public) if privacy.delta is None else privacy.delta
        return PrivacyTarget(epsilon=privacy.epsilon, delta=delta, n_public=n_public, unit=privacy.unit)
