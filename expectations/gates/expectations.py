"""The gate's expectations: each is a query for what breaks it, and no row leaves the engine."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from great_expectations.expectations import UnexpectedRowsExpectation

from expectations.gates.asking import BROKEN
from expectations.gates.sql import byte_places, uuids_of
from expectations.gates.sql import name as _name
from expectations.gates.sql import text as _text
from models.anonymity.forms import LEAST, Form

ENOUGH_PSEUDONYMS = 1000
MOST_PSEUDONYMS = 100_000
# Chi-square of 256 values of a byte has mean 255 and deviation sqrt(2 * 255) = 22.6 if they are uniform;
# twelve deviations above the mean do not happen by chance, and plain text or counters are far beyond.
SPREAD_LIMIT = 255 + 12 * 22.6
_PLAIN = re.compile(
    r"VARCHAR|UUID|BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL[(0-9,)]*|DATE|TIMESTAMP.*"
)
CLOSE = 1e-9  # shares are floating-point numbers: what is on the limit keeps it


class NothingBroken(UnexpectedRowsExpectation):  # type: ignore[misc]  # untyped library
    """Base: holds if its query finds no row. Rows stay in the engine; whether there is one is all that GX learns.

    `rows_query` is what the engine makes of the table first, if anything; `unexpected_rows_query` reads that. What both
    may say: see `judge.Judge`.
    """

    rows_query: str = ""
    metric_dependencies: ClassVar[tuple[str, ...]] = (BROKEN,)
    success_keys: ClassVar[tuple[str, ...]] = ("rows_query", "unexpected_rows_query")

    def _validate(self, metrics: dict[str, Any], *_: Any, **__: Any) -> dict[str, bool]:
        return {"success": not metrics[BROKEN]}

    @classmethod
    def where(cls, source: str, condition: str, rows: str = "") -> Self:
        """The expectation that no row of `source` (SQL with {batch}, what `rows` makes) meets `condition`."""
        query = f"SELECT 1 AS broken FROM {source} WHERE {condition}"
        return cls(rows_query=rows, unexpected_rows_query=query)

    @classmethod
    def no_row(cls, condition: str, source: str = "{batch}") -> Self:
        """The expectation that no row of `source`, made of rows alone, meets `condition`; both are DuckDB's."""
        rows = f"SELECT 1 AS broken FROM {source} WHERE {condition}"
        return cls(rows_query=rows, unexpected_rows_query="SELECT broken FROM {batch}")

    @classmethod
    def told(cls, broken: bool) -> Self:
        """The expectation about a table that can be read, of which is known whether it is broken."""
        return cls.where(_COUNTED, "n >= 0" if broken else "n < 0")


class NoUnexpectedColumn(NothingBroken):
    """The table has exactly the planned columns, and each holds plain values."""

    @classmethod
    def planned(cls, columns: Sequence[str], types: Mapping[str, str]) -> Self:
        """Neither more nor fewer of `types`, the table's, than `columns`; nested and binary types are refused."""
        good = [column for column in columns if _PLAIN.fullmatch(types.get(column, ""))]
        return cls.told(not len(good) == len(columns) == len(types))


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
    def uuid(cls, name: str, types: Mapping[str, str]) -> Self:
        """The column has the type UUID by `types`, the table's."""
        return cls.told(types.get(name) != "UUID")


class PseudonymEntropy(NothingBroken):
    """Pseudonyms look random in each of their 16 bytes; a counter, a time or a version number does not."""

    @classmethod
    def column(cls, name: str) -> Self:
        """Each byte of at least 1000 different pseudonyms is near uniform (chi-square); fewer pass.

        At most 100,000 are looked at: more would not make a difference clearer.
        """
        shown = f"replace(CAST({_name(name)} AS VARCHAR), '-', '')"
        rows = f"SELECT {shown} AS p FROM {{batch}} WHERE {_name(name)} IS NOT NULL"
        bytes_ = f"(SELECT place, b, count(*) AS c FROM {byte_places(MOST_PSEUDONYMS)} GROUP BY place, b)"
        chi = (
            f"(SELECT sum(c) AS n, 256e0 * sum(c * c) / sum(c) - sum(c) AS chi FROM {bytes_} GROUP BY place)"
        )
        return cls.where(chi, f"n >= {ENOUGH_PSEUDONYMS} AND chi > {SPREAD_LIMIT}", rows)


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
        return cls.no_row(f"{_name(name)} IS NOT NULL AND NOT ({inside})")


class OnlySteps(NothingBroken):
    """A rounded column holds nothing but multiples of its step; a cut time nothing but starts of its unit."""

    @classmethod
    def multiples(cls, name: str, step: float) -> Self:
        """Every value is missing or a multiple of `step`."""
        value = f"CAST({_name(name)} AS DOUBLE)"
        nearest = f"round({value} / {float(step)!r}) * {float(step)!r}"
        return cls.no_row(f"abs({value} - {nearest}) > 1e-6 * {float(step)!r} + 1e-9 * abs({value})")

    @classmethod
    def starts(cls, name: str, unit: str) -> Self:
        """Every time is missing or the start of its `unit` (UTC, weeks from Monday)."""
        return cls.no_row(f"{_name(name)} <> date_trunc('{unit}', {_name(name)})")


class NoRawValue(NothingBroken):
    """No raw value passed a transform that changes every value."""

    @classmethod
    def column(cls, name: str, held: str) -> Self:
        """No value of the column is in the table `held`, a keyed sample of raw values (see `sql.sampled`)."""
        return cls.where(_name(held), "v IN (SELECT v FROM {batch})", cls._shown(name))

    @classmethod
    def mostly(cls, name: str, held: str) -> Self:
        """Not half of the values of `held` are shown: the tokens of a form are texts of the same form."""
        both = (
            f"SELECT v, 1 AS kept, 0 AS shown FROM {_name(held)} UNION ALL "
            "SELECT v, 0 AS kept, 1 AS shown FROM {batch}"
        )
        values = f"SELECT v, max(shown) AS met FROM ({both}) GROUP BY v HAVING max(kept) = 1"
        counted = f"(SELECT count(*) AS n, sum(met) AS met FROM ({values}))"
        return cls.where(counted, "n >= 20 AND 2 * met > n", cls._shown(name))

    @classmethod
    def _shown(cls, name: str) -> str:
        shown = f"CAST({_name(name)} AS VARCHAR) AS v"
        return f"SELECT DISTINCT {shown} FROM {{batch}} WHERE {_name(name)} IS NOT NULL"


class Fresh(NothingBroken):
    """A release is made of data that the shop may still keep."""

    @classmethod
    def landed(cls, age_days: float, limit_days: int) -> Self:
        """The oldest data set that the release is made of is at most `limit_days` old."""
        return cls.told(not age_days <= limit_days)


class NoIdentifierPattern(NothingBroken):
    """No text looks like it holds an e-mail address, a phone number, a card or another identifier."""

    @classmethod
    def column(cls, name: str, patterns: Mapping[str, str], odd: str = "", plain: str = "") -> Self:
        """None of `patterns` (RE2) is found in the column once `odd` characters are spelt `plain`."""
        different = f"(SELECT DISTINCT {_name(name)} AS v FROM {{batch}})"
        shown = f"(SELECT translate(v, {_text(odd)}, {_text(plain)}) AS v FROM {different})"
        return cls.no_row(" OR ".join(f"regexp_matches(v, {_text(p)})" for p in patterns.values()), shown)


class NoIdentifyingForm(NothingBroken):
    """A column is not made of values of one form, such as names or dates of birth."""

    @classmethod
    def column(cls, name: str, forms: Sequence[Form], odd: str = "", plain: str = "") -> Self:
        """Of its different values (`odd` characters spelt `plain`) not more than its share has one of `forms`."""
        as_text = f"CAST({_name(name)} AS VARCHAR)"
        values = f"translate({as_text}, {_text(odd)}, {_text(plain)})" if odd else as_text
        different = f"SELECT DISTINCT {values} AS v FROM {{batch}} WHERE {_name(name)} IS NOT NULL"
        fits = "".join(
            f", CASE WHEN regexp_full_match(v, {_text(form.pattern)}) THEN 1 ELSE 0 END AS f{place}"
            for place, form in enumerate(forms)
        )
        sums = "".join(f", sum(f{place}) AS s{place}" for place, _ in enumerate(forms))
        counted = f"(SELECT count(*) AS n{sums} FROM (SELECT DISTINCT * FROM {{batch}}))"
        most = " OR ".join(
            f"(s{place} >= {LEAST} AND s{place} > {form.share!r} * n)" for place, form in enumerate(forms)
        )
        return cls.where(counted, most, f"SELECT md5(v) AS h{fits} FROM ({different})")


class OnlyBands(NothingBroken):
    """A generalised column holds nothing but the bands of the spec."""

    @classmethod
    def column(cls, name: str, bands: Sequence[str]) -> Self:
        """Every value is missing or one of `bands`."""
        return cls.no_row(f"{_name(name)} NOT IN ({', '.join(_text(band) for band in bands)})")


class NoRawIdentifier(NothingBroken):
    """No identifying value of the raw table is found in a released column of text."""

    @classmethod
    def text(cls, name: str, held: str) -> Self:
        """No value of the column is in the table `held` (see `sql.compared`)."""
        rows = f"SELECT DISTINCT lower(trim(CAST({_name(name)} AS VARCHAR))) AS v FROM {{batch}}"
        return cls.where(_name(held), "v IN (SELECT v FROM {batch})", rows)

    @classmethod
    def pseudonym(cls, name: str, held: str) -> Self:
        """The same for a column of UUIDs, compared with those in `held`: hardly a raw identifier looks like one."""
        return cls.where("{batch}", f"{_name(name)} IN (SELECT u FROM {_name(uuids_of(held))})")


class OnlyPublicKeys(NothingBroken):
    """A column of text holds nothing but keys of a table that has no customers."""

    @classmethod
    def column(cls, name: str, view: str, key: str) -> Self:
        """Every value of the column, less those that are missing, is in the column `key` of `view`."""
        rows = f"SELECT DISTINCT {_name(name)} AS v FROM {{batch}} WHERE {_name(name)} IS NOT NULL"
        return cls.where("{batch}", f"v NOT IN (SELECT {_name(key)} FROM {_name(view)})", rows)


_COUNTED = "(SELECT count(*) AS n FROM {batch})"
