"""SQL of the gate that needs no Great Expectations, whose import takes seconds.

Who reads what: see `judge.Judge`. `{batch}` is what a query is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def name(column: str) -> str:
    """An SQL identifier in a query with {batch}, where a single brace starts a parameter."""
    return _braced(quoted(column))


def text(value: str) -> str:
    """A text in a query with {batch}, for DuckDB alone: Spark reads a backslash as its own."""
    return _braced("'" + value.replace("'", "''") + "'")


def _braced(sql: str) -> str:
    return sql.replace("{", "{{").replace("}", "}}")


def byte_places(most: int) -> str:
    """The bytes `b` of different UUIDs `p` of 32 hexadecimal characters each, by their `place` from 0."""
    # by hash: a released table stands in the order of its pseudonyms, whose first ones look alike
    some = f"(SELECT p FROM (SELECT DISTINCT p FROM {{batch}}) ORDER BY md5(p) LIMIT {int(most)})"
    places = " UNION ALL ".join(f"SELECT {place} AS place" for place in range(16))
    return f"(SELECT place, substr(p, 2 * place + 1, 2) AS b FROM {some} CROSS JOIN ({places}))"


def cells(quasi: Sequence[str], sensitive: str) -> str:
    """How often (`n`) each value `s` stands in each class `q0`, `q1` ...; a missing value is a value like any other."""
    keys = "".join(f"{name(column)} AS q{place}, " for place, column in enumerate(quasi))
    groups = ", ".join([*(name(column) for column in quasi), name(sensitive)])
    return f"(SELECT {keys}{name(sensitive)} AS s, count(*) AS n FROM {{batch}} GROUP BY {groups})"


def keys(quasi: Sequence[str]) -> str:
    """The names of the quasi-identifiers in `cells`, or a constant: without any the table is one class."""
    return ", ".join(f"q{place}" for place, _ in enumerate(quasi)) or "true"


def shares(quasi: Sequence[str], sensitive: str) -> str:
    """`cells` with the share `p` of a value in its class and `whole`, its share of the table."""
    of_class = f"sum(n) OVER (PARTITION BY {keys(quasi)})"
    of_value = "sum(n) OVER (PARTITION BY s)"
    return (
        f"(SELECT *, 1e0 * n / {of_class} AS p, 1e0 * {of_value} / sum(n) OVER () AS whole "
        f"FROM {cells(quasi, sensitive)})"
    )


def earth_movers(quasi: Sequence[str], sensitive: str) -> str:
    """The earth mover's distance `d` of each class to the table; values in their own order, missing last.

    Each class is given all values, those that it lacks with a share of 0, so that both shares can be summed in order.
    """
    ranked = "dense_rank() OVER (ORDER BY CASE WHEN s IS NULL THEN 1 ELSE 0 END, s)"
    names = "".join(f"q{place}, " for place, _ in enumerate(quasi))
    placed = f"(SELECT {names}n, {ranked} AS i FROM {cells(quasi, sensitive)})"
    every = f"(SELECT DISTINCT {names}1 AS one FROM {placed}) CROSS JOIN (SELECT DISTINCT i FROM {placed})"
    filled = f"(SELECT {names}i, n FROM {placed} UNION ALL SELECT {names}i, 0 AS n FROM {every})"
    summed = f"(SELECT {names}i, sum(n) AS n FROM {filled} GROUP BY {names}i)"
    by_value = f"(SELECT {names}i, n, sum(n) OVER (PARTITION BY i) AS t FROM {summed})"
    of_class = f"PARTITION BY {keys(quasi)}"
    upto = (
        f"(SELECT {names}i, 1e0 * sum(n) OVER ({of_class} ORDER BY i) / sum(n) OVER ({of_class}) AS c, "
        f"1e0 * sum(t) OVER ({of_class} ORDER BY i) / sum(t) OVER ({of_class}) AS f FROM {by_value})"
    )
    steps = "CASE WHEN count(*) > 1 THEN count(*) - 1 ELSE 1 END"
    return f"(SELECT sum(abs(c - f)) / {steps} AS d FROM {upto} GROUP BY {keys(quasi)})"


def compared(identifiers: Sequence[str]) -> str:
    """The rows' query for what `NoRawIdentifier` compares released values with: column v, in lower case.

    Under four bytes no value is judged. Values may repeat: to find each once would cost more than to look at it again.
    """
    values = ", ".join(f"CAST({name(column)} AS VARCHAR)" for column in identifiers)
    raw = f"SELECT lower(trim(v)) AS v FROM (SELECT unnest([{values}]) AS v FROM {{batch}})"
    return f"SELECT v FROM ({raw}) WHERE strlen(v) >= 4"


def uuids() -> str:
    """The rows' query for those of `compared` that are UUIDs: column u."""
    read = f"SELECT TRY_CAST({name('v')} AS UUID) AS u FROM {{batch}} WHERE strlen({name('v')}) = 36"
    return f"SELECT u FROM ({read}) WHERE u IS NOT NULL"


def uuids_of(held: str) -> str:
    """The name of the UUIDs among the values `held`."""
    return f"{held}uuids_"


def sampled(columns: Sequence[str], key: str, share: float) -> str:
    """The rows' query for a keyed sample of raw values of some columns: text `v`, and the column's place `c`.

    Who has no `key` cannot tell which values are compared. A share of 1 takes all. Values may repeat.
    """
    values = ", ".join(f"CAST({name(column)} AS VARCHAR)" for column in columns)
    every = f"SELECT unnest(range({len(columns)})) AS c, unnest([{values}]) AS v FROM {{batch}}"
    highest = f"{min(int(share * 2**32), 2**32 - 1):08x}"
    chosen = "true" if share >= 1 else f"substr(md5(concat('{key}', v)), 1, 8) <= '{highest}'"
    return f"SELECT DISTINCT c, v FROM ({every}) WHERE v IS NOT NULL AND {chosen}"
