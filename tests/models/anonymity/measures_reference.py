"""The measures once more, slow and simple, in plain Python: the reference that the engine must agree with."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

Row = dict[str, Any]


def plain(value: Any) -> Any:
    """A value that equals itself; and whose order is: values, NaN, missing."""
    return "NaN" if value != value else value


def place(value: Any, order: Sequence[str] | None) -> tuple[Any, ...]:
    """Where a value stands in the order of its column."""
    if value is None:
        return (2,)
    at = () if order is None else (order.index(value) if value in order else len(order),)
    if value == "NaN":
        return (1, *at, math.inf, 1)
    return (1, *at, value.timestamp() if isinstance(value, datetime) else value)


def grouped(rows: list[Row], quasi: Sequence[str]) -> list[list[Row]]:
    """The rows by class."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(plain(row[name]) for name in quasi)].append(row)
    return list(found.values())


def column(
    rows: list[Row], quasi: Sequence[str], name: str, least: int, order: Sequence[str] | None
) -> dict[str, Any]:
    """The worst class by each measure of one sensitive column."""
    whole = Counter(plain(row[name]) for row in rows)
    share = {value: many / len(rows) for value, many in whole.items()}
    values = sorted(whole, key=lambda value: place(value, order))
    found: dict[str, list[float]] = defaultdict(list)
    for members in grouped(rows, quasi):
        here = Counter(plain(row[name]) for row in members)
        p = {value: here[value] / len(members) for value in values}
        falling = sorted(here.values(), reverse=True)
        tail = sum(falling[least - 1 :])
        upto = [sum(p[v] - share[v] for v in values[: i + 1]) for i in range(len(values))]
        found["l"].append(len(here))
        found["entropy_l"].append(math.exp(-sum(x * math.log(x) for x in p.values() if x)))
        found["c"].append(falling[0] / tail if tail else math.inf)
        found["equal"].append(sum(abs(p[v] - share[v]) for v in values) / 2)
        found["ordered"].append(sum(map(abs, upto)) / max(len(values) - 1, 1))
        found["beta"].append(max(p[v] / share[v] - 1 for v in values))
        found["excess"].append(max(p[v] / share[v] - 1 + math.log(share[v]) for v in here))
    least, most = {"l", "entropy_l"}, max
    worst = {key: (min if key in least else most)(numbers) for key, numbers in found.items()}
    return worst | {"c": None if worst["c"] == math.inf else worst["c"]}


def sizes(rows: list[Row], quasi: Sequence[str], unit: str | None = None) -> dict[int, int]:
    """Class size -> classes of it."""
    return dict(Counter(len({m[unit] for m in c}) if unit else len(c) for c in grouped(rows, quasi)))
