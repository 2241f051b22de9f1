"""Data sets: a reference, and the manifest it leads to."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from models.values.base import Value
from models.values.measures import Measures
from models.values.scope import Measure

Zone = Literal["raw", "curated", "released", "quarantine", "internal", "scores"]
Product = Literal["raw", "curated", "attributes", "events", "public", "internal", "scores"]
# A fact of a table whose noise was paid for: this and the column's name, and the ledger's reservation.
RESERVATION = "reservation_"
_PART = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class DatasetRef(Value):
    """Names one published data set: zone, name and version. It carries no data and may be shown."""

    zone: Zone
    name: str
    version: str

    @field_validator("name", "version")
    @classmethod
    def _plain(cls, part: str) -> str:
        if not _PART.fullmatch(part):
            raise ValueError("names of data sets use a-z, 0-9, _ and - only, at most 63 characters")
        return part

    def __str__(self) -> str:
        return f"{self.zone}/{self.name}/{self.version}"

    @classmethod
    def parse(cls, text: str) -> DatasetRef:
        """The reference in `zone/name/version`."""
        zone, name, version = text.split("/")
        return cls.model_validate({"zone": zone, "name": name, "version": version})


class FileEntry(Value):
    """One encrypted file of a data set. `path` is relative to the data set; `key_id` names its data key."""

    path: str
    table: str
    sha256: str
    bytes: int
    rows: int
    key_id: str
    bucket: int | None = None


class TableEntry(Value):
    """One table of a data set: what it is, for whom, and what holds of it.

    `product` *attributes* is a k-anonymous published table; *events* is pseudonymous, remains personal
    data and may only be used for DP training; *public* holds no customers' data, *scores* are predictions for
    pseudonymous customers. `content` (released tables) is the digest of all rows, equal for equal tables whatever
    engine wrote them (see infra.content).
    """

    name: str
    product: Product
    purpose: str | None = None
    columns: dict[str, str]
    rows: int
    content: str | None = None
    facts: dict[str, float | int | str] = Field(default_factory=dict)
    before: Measures | None = None
    after: Measures | None = None
    attacks: tuple[Measure, ...] = ()


class RuleCount(Value):
    """How many rows of a table broke one rule."""

    table: str
    rule: str
    rows: int


class GateCheck(Value):
    """One expectation of the gate: its rule in plain words and whether it held. Counts only, no values."""

    table: str
    rule: str
    passed: bool
    detail: str = ""


class GateResult(Value):
    """What the gate found on the published bytes. It passed only if every check ran and held."""

    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """True if there is at least one check and all of them passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class LawfulBasis(Value):
    """Why a purpose may process customers' data under one regime, and the reason stated by the shop."""

    purpose: str
    regime: str
    basis: str
    reason: str


class Manifest(Value):
    """The record that makes a data set exist: written last, create-only."""

    ref: DatasetRef
    shop: str
    synthetic: str | None = None
    created_at: datetime
    policy_hash: str
    parents: tuple[DatasetRef, ...] = ()
    tables: tuple[TableEntry, ...]
    files: tuple[FileEntry, ...]
    rejected: tuple[RuleCount, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    bases: tuple[LawfulBasis, ...] = ()
    gate: GateResult | None = None

    def table(self, name: str) -> TableEntry:
        """The table called `name`; KeyError if the data set has none."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)
