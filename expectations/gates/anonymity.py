"""The gate's expectations on equivalence classes: how large, how diverse, and how close to the whole table.

A missing value is a value like any other: rows that miss the same thing form a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from expectations.gates.expectations import CLOSE, NothingBroken
from expectations.gates.sql import cells, earth_movers, keys, shares
from expectations.gates.sql import name as _name


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


class EntropyLDiversity(NothingBroken):
    """In every class the entropy of the sensitive values is log(l) or more (Machanavajjhala et al. 2007)."""

    @classmethod
    def over(cls, quasi: Sequence[str], sensitive: str, l: int) -> Self:  # noqa: E741  # the paper's letter
        """At least log(`l`) of entropy of `sensitive` in each class of `quasi`."""
        entropy = "ln(sum(n)) - sum(n * ln(n)) / sum(n) AS h"
        found = f"(SELECT {entropy} FROM {cells(quasi, sensitive)} GROUP BY {keys(quasi)})"
        return cls.where(found, f"h < ln({int(l)}) - {CLOSE}")


class RecursiveLDiversity(NothingBroken):
    """In every class the most frequent value has less than c times what the l-th and rarer ones have together."""

    @classmethod
    def over(cls, quasi: Sequence[str], sensitive: str, l: int, c: float) -> Self:  # noqa: E741  # the paper's letter
        """Recursive (`c`, `l`)-diversity of `sensitive` in each class of `quasi`."""
        falling = f"row_number() OVER (PARTITION BY {keys(quasi)} ORDER BY n DESC)"
        ranked = f"(SELECT *, {falling} AS place FROM {cells(quasi, sensitive)})"
        tail = f"sum(CASE WHEN place >= {int(l)} THEN n ELSE 0 END)"
        found = f"(SELECT max(n) AS most, {tail} AS tail FROM {ranked} GROUP BY {keys(quasi)})"
        return cls.where(found, f"most >= {float(c)!r} * tail")


class TCloseness(NothingBroken):
    """The sensitive values of every class are distributed much as those of the whole table (Li et al. 2007)."""

    @classmethod
    def equal(cls, quasi: Sequence[str], sensitive: str, t: float) -> Self:
        """Total variation distance at most `t`: all values are equally far from each other."""
        distance = "(sum(abs(p - whole) - whole) + 1) / 2 AS d"
        found = f"(SELECT {distance} FROM {shares(quasi, sensitive)} GROUP BY {keys(quasi)})"
        return cls.where(found, f"d > {float(t)!r} + {CLOSE}")

    @classmethod
    def ordered(cls, quasi: Sequence[str], sensitive: str, t: float) -> Self:
        """Earth mover's distance at most `t`, with the values in the natural order of their type."""
        return cls.where(earth_movers(quasi, sensitive), f"d > {float(t)!r} + {CLOSE}")


class BetaLikeness(NothingBroken):
    """No class makes a sensitive value much likelier than the whole table does (Cao & Karras 2012, enhanced)."""

    @classmethod
    def over(cls, quasi: Sequence[str], sensitive: str, beta: float) -> Self:
        """A share of the class above that of the table by at most min(`beta`, -ln of it) of it."""
        gain = f"CASE WHEN -ln(whole) < {float(beta)!r} THEN -ln(whole) ELSE {float(beta)!r} END"
        return cls.where(shares(quasi, sensitive), f"p > whole * (1 + {gain}) + {CLOSE}")


class DeltaPresence(NothingBroken):
    """Of every class of a population a bounded share is in the table (Nergiz et al. 2007)."""

    @classmethod
    def within(cls, quasi: Sequence[str], population: str, low: float, high: float) -> Self:
        """Between `low` and `high` of each class of `population`; a class of the table that it lacks breaks it too."""
        names = ", ".join(_name(column) for column in quasi) or "true"
        columns = ", ".join([*(_name(column) for column in quasi), ""])
        both = (
            f"(SELECT {columns}1 AS here, 0 AS there FROM {{batch}} UNION ALL "
            f"SELECT {columns}0 AS here, 1 AS there FROM {_name(population)})"
        )
        counted = f"(SELECT sum(here) AS here, sum(there) AS there FROM {both} GROUP BY {names})"
        least, most = f"{float(low)!r} - {CLOSE}", f"{float(high)!r} + {CLOSE}"
        return cls.where(
            counted, f"there = 0 OR here > ({most}) * there OR (there > 0 AND here < ({least}) * there)"
        )


class NoResidualUniqueness(NothingBroken):
    """No row of a published table is alone in what is known about customers."""

    @classmethod
    def over(cls, columns: Sequence[str]) -> Self:
        """Every row shares its values of all of `columns` with another row."""
        return cls.where(_classes(columns, "count(*) AS n"), "n = 1")


def _classes(quasi: Sequence[str], measured: str) -> str:
    """One row an equivalence class; without quasi-identifiers the whole table is one."""
    grouped = f" GROUP BY {', '.join(_name(name) for name in quasi)}" if quasi else ""
    return f"(SELECT {measured} FROM {{batch}}{grouped})"
