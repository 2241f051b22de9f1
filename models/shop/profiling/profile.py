"""Profiles: what is known of a table and its columns after a look, and the questions that remain.

Values of rows are seen here (`sample`) and never leave: proposals hold names, roles and words only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple, Protocol

from models.shop.profiling.contents import GUESSED, MOSTLY, content_kind, is_mobile, tokens, traces
from models.shop.profiling.encoding import Encoding
from models.shop.profiling.headers import PERSONAL, Kind, kind_of
from models.shop.profiling.json_text import hidden, is_json
from models.shop.profiling.writing import READABLE, Written, how_written
from models.values.spec import ColumnType

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{0,2})?)?"
)
_OFFSET = re.compile(r".*[0-9](?:Z|[+-][0-9]{2}:?[0-9]{0,2})")
_PAIRS = ({"true", "false"}, {"yes", "no"}, {"0", "1"})
# Words by which a column called "state" is no part of a country.
_STATES = frozenset(
    {"granted", "withdrawn", "unknown", "not_asked", "objected", "active", "closed", "pending", "paid"}
)
# Headers over which contents that only look like something (no checksum, no @) count.
_OPEN: frozenset[Kind] = PERSONAL | {"unknown", "postcode"}


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column: its stored type, counts over all rows, and different values of a sample as text."""

    name: str
    stored: Literal[
        "string", "integer", "number", "boolean", "timestamp", "timestamp_zoned", "date", "nested"
    ]
    missing: int
    distinct: int
    negative: int = 0
    sample: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def header(self) -> Kind:
        """What the name says."""
        return kind_of(self.name)

    @cached_property
    def kind(self) -> Kind:
        """What the column holds: contents that prove themselves first, then the name.

        A name of personal data counts even if the contents are unclear, but not over a flag ("email_opt_in").
        """
        if self.stored not in ("timestamp", "timestamp_zoned", "date", "boolean", "nested"):
            content = content_kind(self.sample)
            if content != "unknown" and (content not in GUESSED or self.header in _OPEN or self._is_mobile):
                return "device" if content == "card" and self.header == "device" else content
        if self.header in PERSONAL and (self.type == "boolean" or self.distinct <= 2):
            return "unknown"
        if self.header == "region" and _STATES & {value.lower() for value in self.sample}:
            return "unknown"
        return self.header

    @cached_property
    def type(self) -> ColumnType:
        """The type under which nearly all values of the sample can be read."""
        if self.stored in ("integer", "string") and set(map(str.lower, self.sample)) in _PAIRS:
            return "boolean"
        match self.stored:
            case "timestamp" | "timestamp_zoned":
                return "timestamp"
            case "integer" | "number" | "boolean" | "date":
                return self.stored
        if not self.sample or self.doubt:
            return "string"
        if self.formats:
            return self._written.type
        tests: tuple[tuple[ColumnType, re.Pattern[str]], ...] = (
            ("integer", _INTEGER), ("number", _NUMBER), ("date", _DAY), ("timestamp", _TIME),
        )  # fmt: skip
        for kind, pattern in tests:
            if sum(bool(pattern.fullmatch(value)) for value in self.sample) >= READABLE * len(self.sample):
                return kind
        return "string"

    @property
    def formats(self) -> tuple[str, ...] | None:
        """How numbers, days or times are written, if other than 1234.50 and ISO 8601."""
        return self._written.formats

    @property
    def doubt(self) -> str | None:
        """What the values do not tell about their writing, with the way out; None if nothing is in doubt."""
        return self._written.doubt

    @cached_property
    def _written(self) -> Written:
        return how_written(self.sample) if self.stored == "string" else Written()

    @cached_property
    def is_json(self) -> bool:
        """Whether values are JSON objects or lists, in which anything can hide."""
        return self.stored == "string" and is_json(self.sample)

    @cached_property
    def hidden(self) -> Mapping[str, Kind]:
        """The fields of JSON values that hold personal data, and its kind; "" for fields without a plain name."""
        return hidden(self.sample)

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers by their type."""
        return self.type in ("integer", "number")

    @cached_property
    def is_local_time(self) -> bool:
        """Whether times stand without an offset, so that the shop's time zone matters."""
        if self.type != "timestamp" or self.stored == "timestamp_zoned":
            return False
        return self.stored == "timestamp" or not all(_OFFSET.fullmatch(value) for value in self.sample)

    @cached_property
    def is_prose(self) -> bool:
        """Whether the values are sentences rather than words."""
        if not self.sample:
            return False
        words = sum(len(value.split()) for value in self.sample) / len(self.sample)
        han = sum(sum("一" <= mark <= "鿿" for mark in value) for value in self.sample) / len(self.sample)
        return words >= 4 or han >= 10 or sum(map(len, self.sample)) / len(self.sample) > 60

    @cached_property
    def has_traces(self) -> bool:
        """Whether some values hold what looks like a personal identifier."""
        return not self.is_number and self.type == "string" and traces(self.sample)

    @cached_property
    def is_token(self) -> bool:
        """Whether most values look made by a machine."""
        return self.type == "string" and tokens(self.sample) >= 0.6

    @cached_property
    def _is_mobile(self) -> bool:
        return sum(map(is_mobile, self.sample)) >= MOSTLY * len(self.sample) > 0


@dataclass(frozen=True, kw_only=True)
class TableProfile:
    """One file after a look: where it is, how it is written, its rows and columns."""

    name: str
    stem: str
    source: str
    format: Literal["csv", "parquet"]
    encoding: Encoding
    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile:
        """The column called `name`; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def is_near_key(self, column: ColumnProfile) -> bool:
        """Whether nearly every row has a value of its own in `column`."""
        return self.rows > 0 and column.distinct >= 0.9 * self.rows


class ValueCount(NamedTuple):
    """A value of a column of few, the rows that have it and their different customers."""

    value: str
    rows: int
    customers: int


class Looks(Protocol):
    """Questions to the tables that depend on what was found before; answered by whoever holds them."""

    def overlap(self, table: str, column: str, other: str, other_column: str) -> float:
        """The share of the different values of a column that another column holds too."""

    def different(self, table: str, columns: Sequence[str] | None, customer: str | None) -> int:
        """How many different rows these columns have, or (None) all columns, among rows that have a customer."""

    def counts(self, table: str, column: str, customer: str) -> Sequence[ValueCount]:
        """Each value of a column of few with its rows and customers."""

    def varying(self, table: str, column: str, customer: str) -> float:
        """The share of customers with more than one value in a column."""
