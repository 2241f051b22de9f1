"""The gate's expectations: each is a query for what breaks it, and no row leaves the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from great_expectations.expectations import UnexpectedRowsExpectation

from expectations.gates.sql import byte_places, column_types
from expectations.gates.sql import name as _name
from expectations.gates.sql import text as _text

ENOUGH_PSEUDONYMS = 1000
MOST_PSEUDONYMS = 100_000
# Chi-square of 256 values of a byte has mean 255 and deviation sqrt(2 * 255) = 22.6 if they are uniform;
# twelve deviations above the mean do not happen by chance, and plain text or counters are far beyond.
SPREAD_LIMIT = 255 + 12 * 22.6
CLOSE = 1e-9  # shares are floating-point numbers: what is on the limit keeps it


class NothingBroken(UnexpectedRowsExpectation):  # type: ignore[misc]  # untyped library
    """Base: holds if its query finds no row. Rows stay in the engine; their number is all that GX learns."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, bool]:
        return {"success": metrics["unexpected_rows_query.row_count"] == 0}

    @classmethod
    def where(cls, source: str, condition: str) -> Self:
        """The expectation that no row of `source` (SQL with {batch}) meets `condition`."""
        return cls(unexpected_rows_query=f"SELECT 1 AS broken FROM {source} WHERE {condition}")


class NoUnexpectedColumn(NothingBroken):
    """The table has exactly the planned columns, and each holds plain values."""

    @classmethod
    def planned(cls, columns: Sequence[str]) -> Self:
        """Neither more nor fewer than `columns`; nested and binary types are refused."""
        names = ", ".join(_text(name) for name in columns)
        plain = (
            "regexp_full_match(column_type, 'VARCHAR|UUID|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|"
            "DOUBLE|DECIMAL[(0-9,)]*|DATE|TIMESTAMP.*')"
        )
        counted = (
            f"(SELECT count(*) FILTER (column_name IN ({names}) AND {plain}) AS good, count(*) AS found "
            f"FROM ({column_types()}))"
        )
        return cls.where(counted, f"good <> {len(columns)} OR found <> {len(columns)}")


class RowsAgainstParent(NothingBroken):
    """The table has as many rows as its parent allows."""

    @classmethod
    def exactly(cls, rows: int) -> Self:
        """Neither a row lost nor a row come back."""
        return cls.where(_COUNTED, f"n <> {int(rows)}")

    @classmethod
    def at_most(cls, rows: int) -> Self:
        """Not more rows than the parent."""
        return cls.where(_COUNTED, f"n > {int(rows)}")

    @classmethod
    def suppressed_at_most(cls, share: float, parent: int) -> Self:
        """Not more than `share` of the parent's rows are gone."""
        return cls.where(_COUNTED, f"{int(parent)} - n > {float(share)!r} * {int(parent)}")


class NotEmpty(NothingBroken):
    """The table has rows."""

    @classmethod
    def rows(cls) -> Self:
        """At least one row."""
        return cls.where(_COUNTED, "n = 0")


class NotNull(NothingBroken):
    """A key has no gaps."""

    @classmethod
    def column(cls, name: str) -> Self:
        """No missing value in the column."""
        return cls.where("{batch}", f"{_name(name)} IS NULL")


class PseudonymForm(NothingBroken):
    """A pseudonym is a UUID."""

    @classmethod
    def uuid(cls, name: str) -> Self:
        """The column has the type UUID."""
        is_uuid = f"column_name = {_text(name)} AND column_type = 'UUID'"
        return cls.where(f"(SELECT count(*) AS n FROM ({column_types()}) WHERE {is_uuid})", "n <> 1")


class PseudonymEntropy(NothingBroken):
    """Pseudonyms look random in each of their 16 bytes; a counter, a time or a version number does not."""

    @classmethod
    def column(cls, name: str) -> Self:
        """Each byte of at least 1000 different pseudonyms is near uniform (chi-square); fewer pass.

        At most 100,000 are looked at: more would not make a difference clearer.
        """
        bytes_ = (
            f"(SELECT place, b, count(*) AS c FROM {byte_places(name, MOST_PSEUDONYMS)} GROUP BY place, b)"
        )
        chi = (
            f"(SELECT sum(c) AS n, 256.0 * sum(c * c) / sum(c) - sum(c) AS chi FROM {bytes_} GROUP BY place)"
        )
        return cls.where(chi, f"n >= {ENOUGH_PSEUDONYMS} AND chi > {SPREAD_LIMIT}")


class TokenForm(NothingBroken):
    """A format-preserving token has the form that the spec states."""

    @classmethod
    def column(cls, name: str, prefix: str, alphabet: str, lengths: tuple[int, int]) -> Self:
        """Every value is the prefix and then so many characters of the alphabet, or missing."""
        body = f"substr({_name(name)}, {len(prefix) + 1})"
        inside = (
            f"left({_name(name)}, {len(prefix)}) = {_text(prefix)} AND length({body}) BETWEEN {lengths[0]} AND "
            f"{lengths[1]} AND translate({body}, '{alphabet}', '') = ''"
        )
        return cls.where("{batch}", f"{_name(name)} IS NOT NULL AND NOT ({inside})")


class OnlySteps(NothingBroken):
    """A rounded column holds nothing but multiples of its step; a cut time nothing but starts of its unit."""

    @classmethod
    def multiples(cls, name: str, step: float) -> Self:
        """Every value is missing or a multiple of `step`."""
        value = f"CAST({_name(name)} AS DOUBLE)"
        nearest = f"round({value} / {float(step)!r}) * {float(step)!r}"
        return cls.where(
            "{batch}", f"abs({value} - {nearest}) > 1e-6 * {float(step)!r} + 1e-9 * abs({value})"
        )

    @classmethod
    def starts(cls, name: str, unit: str) -> Self:
        """Every time is missing or the start of its `unit` (UTC, weeks from Monday)."""
        return cls.where("{batch}", f"{_name(name)} <> date_trunc('{unit}', {_name(name)})")


class NoRawValue(NothingBroken):
    """No raw value passed a transform that changes every value."""

    @classmethod
    def column(cls, name: str, held: str) -> Self:
        """No value of the column is in the table `held`, a keyed sample of raw values (see `sql.sampled`)."""
        shown = (
            f"SELECT DISTINCT CAST({_name(name)} AS VARCHAR) FROM {{batch}} WHERE {_name(name)} IS NOT NULL"
        )
        return cls.where(f"{_name(held)}", f"v IN ({shown})")

    @classmethod
    def mostly(cls, name: str, held: str) -> Self:
        """Not half of the values of `held` are shown: the tokens of a form are texts of the same form."""
        shown = (
            f"SELECT DISTINCT CAST({_name(name)} AS VARCHAR) FROM {{batch}} WHERE {_name(name)} IS NOT NULL"
        )
        met = f"sum(CASE WHEN v IN ({shown}) THEN 1 ELSE 0 END)"
        return cls.where(
            f"(SELECT count(*) AS n, {met} AS met FROM {_name(held)})", "n >= 20 AND 2 * met > n"
        )


class Fresh(NothingBroken):
    """A release is made of data that the shop may still keep."""

    @classmethod
    def landed(cls, age_days: float, limit_days: int) -> Self:
        """The oldest data set that the release is made of is at most `limit_days` old."""
        aged = f"(SELECT {float(age_days)!r} + 0 * count(*) AS days FROM {{batch}})"
        return cls.where(aged, f"days > {int(limit_days)}")


class NoIdentifierPattern(NothingBroken):
    """No text looks like it holds an e-mail address, a phone number, a card or another identifier."""

    @classmethod
    def column(cls, name: str, patterns: Mapping[str, str], odd: str = "", plain: str = "") -> Self:
        """None of `patterns` (RE2) is found in the column once `odd` characters are spelt `plain`."""
        different = f"(SELECT DISTINCT {_name(name)} AS v FROM {{batch}})"
        shown = f"(SELECT translate(v, {_text(odd)}, {_text(plain)}) AS v FROM {different})"
        return cls.where(shown, " OR ".join(f"regexp_matches(v, {_text(p)})" for p in patterns.values()))


class OnlyBands(NothingBroken):
    """A generalised column holds nothing but the bands of the spec."""

    @classmethod
    def column(cls, name: str, bands: Sequence[str]) -> Self:
        """Every value is missing or one of `bands`."""
        return cls.where("{batch}", f"{_name(name)} NOT IN ({', '.join(_text(band) for band in bands)})")


class NoRawIdentifier(NothingBroken):
    """No identifying value of the raw table is found in a released column of text."""

    @classmethod
    def text(cls, name: str, held: str) -> Self:
        """No value of the column is in the table `held` (see `sql.compared`)."""
        shown = f"SELECT DISTINCT lower(trim(CAST({_name(name)} AS VARCHAR))) FROM {{batch}}"
        return cls.where(f"{_name(held)} AS held", f"v IN ({shown})")

    @classmethod
    def pseudonym(cls, name: str, held: str) -> Self:
        """The same for a column of UUIDs, compared as such: hardly a raw identifier has their 36 characters."""
        as_uuid = f"SELECT TRY_CAST(v AS UUID) FROM {_name(held)} WHERE strlen(v) = 36"
        return cls.where("{batch}", f"{_name(name)} IN ({as_uuid})")


_COUNTED = "(SELECT count(*) AS n FROM {batch})"
