"""Columns and tables of a spec: roles, types, contracts and transforms of a shop's raw data."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from models.values.base import Value
from models.values.levels import levels_problem
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
Header = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Source = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=1000)]

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
