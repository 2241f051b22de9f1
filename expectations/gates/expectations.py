"""The gate's expectations: each is a query for what breaks it, and no row leaves the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from great_expectations.expectations import UnexpectedRowsExpectation

from expectations.gates.sql import quoted

ENOUGH_PSEUDONYMS = 1000
# Chi-square of 256 first bytes has mean 255 and deviation sqrt(2 * 255) = 22.6 if they are uniform;
# twelve deviations above the mean do not happen by chance, and plain text or counters are far beyond.
SPREAD_LIMIT = 255 + 12 * 22.6


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
        described = "(SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {batch}))"
        counted = (
            f"(SELECT count(*) FILTER (column_name IN ({names}) AND {plain}) AS good, count(*) AS found "
            f"FROM {described})"
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
    """A pseudonym is a UUID and looks random."""

    @classmethod
    def uuid(cls, name: str) -> Self:
        """The column has the type UUID."""
        described = "(SELECT * FROM (DESCRIBE SELECT * FROM {batch}))"
        is_uuid = f"column_name = {_text(name)} AND column_type = 'UUID'"
        found = f"(SELECT count(*) AS n FROM {described} WHERE {is_uuid})"
        return cls.where(found, "n <> 1")

    @classmethod
    def spread(cls, name: str) -> Self:
        """The first bytes of at least 1000 different pseudonyms are near uniform (chi-square); fewer pass."""
        different = f"(SELECT DISTINCT {_name(name)} AS p FROM {{batch}} WHERE {_name(name)} IS NOT NULL)"
        bytes_ = (
            f"(SELECT left(CAST(p AS VARCHAR), 2) AS b, count(*)::DOUBLE AS c FROM {different} GROUP BY ALL)"
        )
        chi = f"(SELECT sum(c) AS n, 256.0 * sum(c * c) / sum(c) - sum(c) AS chi FROM {bytes_})"
        return cls.where(chi, f"n >= {ENOUGH_PSEUDONYMS} AND chi > {SPREAD_LIMIT}")


class KAnonymity(NothingBroken):
    """Every equivalence class has k rows (Sweeney 2002); a missing value is a value like any other."""

    @classmethod
    def over(cls, quasi: Sequence[str], k: int, unit: str | None = None) -> Self:
        """At least `k` rows, or different values of `unit` (customers), in each class of `quasi`."""
        size = "count(*)" if unit is None else f"count(DISTINCT {_name(unit)})"
        return cls.where(_classes(quasi, f"{size} AS n"), f"n < {int(k)}")


class DistinctLDiversity(NothingBroken):
    """Every equivalence class has l different sensitive values (Machanavajjhala et al. 2007)."""

    @classmethod
    def over(cls, quasi: Sequence[str], sensitive: str, l: int) -> Self:  # noqa: E741  # the paper's letter
        """At least `l` different values of `sensitive`, missing being one, in each class of `quasi`."""
        value = _name(sensitive)
        different = f"count(DISTINCT {value}) + CAST(bool_or({value} IS NULL) AS BIGINT) AS n"
        return cls.where(_classes(quasi, different), f"n < {int(l)}")


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


def _classes(quasi: Sequence[str], measured: str) -> str:
    """One row an equivalence class; without quasi-identifiers the whole table is one."""
    grouped = f" GROUP BY {', '.join(_name(name) for name in quasi)}" if quasi else ""
    return f"(SELECT {measured} FROM {{batch}}{grouped})"


def _name(name: str) -> str:
    """An SQL identifier in a query of GX, where a single brace starts a parameter."""
    return quoted(name).replace("{", "{{").replace("}", "}}")


def _text(text: str) -> str:
    """An SQL expression for `text`, in hexadecimal: GX reads braces and SQLAlchemy colons as their own."""
    return f"decode(unhex('{text.encode().hex()}'))"
