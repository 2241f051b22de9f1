"""A wide table: customers with eight quasi-identifiers and a sensitive column, of any size, the same every time."""

from __future__ import annotations

from pathlib import Path

# Column -> how many different values; small numbers are more frequent (u^1.5), as in real tables.
QUASI = {
    "age": 16,
    "sex": 2,
    "district": 300,
    "marital": 7,
    "education": 16,
    "occupation": 14,
    "household": 6,
    "joined": 20,
}
SENSITIVE = "tier"
# A sensitive column of 200 values, drawn from the row's others.
WARD = "ward"
WARD_SQL = f"(hash({', '.join(QUASI)}, {SENSITIVE}) % 200)::INTEGER AS {WARD}"
# Column -> how many values its steps merge.
STEPS = {
    "age": (2, 4),
    "sex": (),
    "district": (10, 50),
    "marital": (3,),
    "education": (4, 8),
    "occupation": (5,),
    "household": (3,),
    "joined": (4, 12),
}


def write_customers(path: Path, rows: int) -> None:
    """`rows` customers as Parquet; half of a customer's values go with the age, the others stand alone."""
    import duckdb

    columns = []
    for place, (name, values) in enumerate(QUASI.items()):
        # the age's draw, shifted a little, for every second column: correlated as education and marriage are
        own = f"hash(i * 16 + {place}) / 18446744073709551616.0"
        u = f"(0.7 * age_u + 0.3 * ({own}))" if place and place % 2 == 0 else f"({own})"
        u = "age_u" if not place else u
        columns.append(f"least({values - 1}, floor({values} * pow({u}, 1.5)))::INTEGER AS {name}")
    tier = f"(hash(i * 16 + 15) % 4)::INTEGER AS {SENSITIVE}"
    drawn = f"SELECT i, hash(i * 16) / 18446744073709551616.0 AS age_u FROM range({rows}) AS t(i)"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {', '.join([*columns, tier])} FROM ({drawn})) TO '{path}' (FORMAT parquet)"
        )
