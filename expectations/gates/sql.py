"""SQL of the gate that needs no Great Expectations, whose import takes seconds.

What one engine says otherwise than another stands here (`text`, `column_types`, `byte_places`, `compared`, `sampled`);
everything else of the gate is SQL that DuckDB and Spark read alike.
"""

from __future__ import annotations

from collections.abc import Sequence


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def name(column: str) -> str:
    """An SQL identifier in a query of GX, where a single brace starts a parameter."""
    return quoted(column).replace("{", "{{").replace("}", "}}")


def text(value: str) -> str:
    """An SQL expression for a text, in hexadecimal: GX reads braces and SQLAlchemy colons as their own."""
    return f"decode(unhex('{value.encode().hex()}'))"


def column_types(source: str = "{batch}") -> str:
    """The query for `column_name` and `column_type` of what `source` holds."""
    return f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {source})"


def byte_places(column: str, most: int) -> str:
    """The bytes `b` of the different UUIDs of a column, two hexadecimal characters each, by their `place` from 0."""
    shown = f"replace(CAST({name(column)} AS VARCHAR), '-', '')"
    every = f"(SELECT DISTINCT {shown} AS p FROM {{batch}} WHERE {name(column)} IS NOT NULL)"
    # by hash: a released table stands in the order of its pseudonyms, whose first ones look alike
    some = f"(SELECT p FROM {every} ORDER BY md5(p) LIMIT {int(most)})"
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
        f"(SELECT *, 1.0 * n / {of_class} AS p, 1.0 * {of_value} / sum(n) OVER () AS whole "
        f"FROM {cells(quasi, sensitive)})"
    )


def earth_movers(quasi: Sequence[str], sensitive: str, order: Sequence[str] = ()) -> str:
    """The earth mover's distance `d` of each class to the table; values in `order`, then in their own, missing last.

    Each class is given all values, those that it lacks with a share of 0, so that both shares can be summed in order.
    """
    whens = "".join(
        f" WHEN CAST(s AS VARCHAR) = {text(value)} THEN {place}" for place, value in enumerate(order)
    )
    public = f"CASE{whens} ELSE {len(order)} END, " if order else ""
    ranked = f"dense_rank() OVER (ORDER BY CASE WHEN s IS NULL THEN 1 ELSE 0 END, {public}s)"
    names = "".join(f"q{place}, " for place, _ in enumerate(quasi))
    placed = f"(SELECT {names}n, {ranked} AS i FROM {cells(quasi, sensitive)})"
    every = f"(SELECT DISTINCT {names}1 AS one FROM {placed}) CROSS JOIN (SELECT DISTINCT i FROM {placed})"
    filled = f"(SELECT {names}i, n FROM {placed} UNION ALL SELECT {names}i, 0 AS n FROM {every})"
    summed = f"(SELECT {names}i, sum(n) AS n FROM {filled} GROUP BY {names}i)"
    by_value = f"(SELECT {names}i, n, sum(n) OVER (PARTITION BY i) AS t FROM {summed})"
    of_class = f"PARTITION BY {keys(quasi)}"
    upto = (
        f"(SELECT {names}i, 1.0 * sum(n) OVER ({of_class} ORDER BY i) / sum(n) OVER ({of_class}) AS c, "
        f"1.0 * sum(t) OVER ({of_class} ORDER BY i) / sum(t) OVER ({of_class}) AS f FROM {by_value})"
    )
    steps = "CASE WHEN count(*) > 1 THEN count(*) - 1 ELSE 1 END"
    return f"(SELECT sum(abs(c - f)) / {steps} AS d FROM {upto} GROUP BY {keys(quasi)})"


def compared(view: str, identifiers: Sequence[str]) -> str:
    """The query for what `NoRawIdentifier` compares released values with: column v, in lower case.

    Under four bytes no value is judged. Values may repeat: to find each once would cost more than to look at it again.
    """
    values = ", ".join(f"CAST({quoted(name)} AS VARCHAR)" for name in identifiers)
    raw = f"SELECT lower(trim(v)) AS v FROM (SELECT unnest([{values}]) AS v FROM {quoted(view)})"
    return f"SELECT v FROM ({raw}) WHERE strlen(v) >= 4"


def sampled(view: str, columns: Sequence[str], key: str, share: float) -> str:
    """The query for a keyed sample of the different raw values of some columns: text `v`, and the column's place `c`.

    Who has no `key` cannot tell which values are compared. A share of 1 takes all.
    """
    values = ", ".join(f"CAST({quoted(column)} AS VARCHAR)" for column in columns)
    every = f"SELECT unnest(range({len(columns)})) AS c, unnest([{values}]) AS v FROM {quoted(view)}"
    highest = f"{min(int(share * 2**32), 2**32 - 1):08x}"
    chosen = "true" if share >= 1 else f"substr(md5(concat('{key}', v)), 1, 8) <= '{highest}'"
    return f"SELECT DISTINCT c, v FROM ({every}) WHERE v IS NOT NULL AND {chosen}"
