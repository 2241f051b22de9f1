"""A second, slow and simple implementation: plain Python over rows, written from the papers and not from the code."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """Rows of quasi-identifiers and sensitive values, each column's levels (value -> labels), and the criteria."""

    quasi: list[Row]
    sensitive: list[Any]
    paths: list[dict[Any, tuple[Any, ...]]]
    criteria: dict[str, Any]
    weights: list[float]
    people: list[Row] = field(default_factory=list)

    @property
    def heights(self) -> list[int]:
        return [len(path[None]) + 2 for path in self.paths]


def random_case(seed: int) -> Case:
    """A small table, half of them with nulls, under random nested levels and random criteria."""
    rng = random.Random(seed)
    missing = 0.15 if rng.random() < 0.5 else 0.0
    columns = rng.randint(1, 3)
    paths = [_random_paths(rng) for _ in range(columns)]
    rows, values = rng.randint(1, 14), rng.choice([["a", "b"], ["a", "b", "c"], [1, 2, 3, 4]])

    def some(path: dict[Any, tuple[Any, ...]]) -> Any:
        return None if rng.random() < missing else rng.choice([value for value in path if value is not None])

    quasi = [tuple(some(path) for path in paths) for _ in range(rows)]
    sensitive = [None if rng.random() < missing else rng.choice(values) for _ in range(rows)]
    people = [tuple(some(path) for path in paths) for _ in range(rng.randint(0, 10))] + quasi
    criteria = _random_criteria(rng)
    return Case(quasi, sensitive, paths, criteria, [rng.choice([1.0, 1.0, 2.5]) for _ in paths], people)


def _random_paths(rng: random.Random) -> dict[Any, tuple[Any, ...]]:
    """value -> its label at each level above 0 and below "*"; every level is made of the labels below it."""
    values = [f"v{n}" for n in range(rng.randint(1, 5))]
    below = {value: value for value in values}
    levels: list[dict[str, str]] = []
    for height in range(rng.randint(0, 2)):
        merged = {label: f"L{height}_{rng.randint(0, 2)}" for label in sorted(set(below.values()))}
        below = {value: merged[label] for value, label in below.items()}
        levels.append(below)
    found: dict[Any, tuple[Any, ...]] = {value: tuple(level[value] for level in levels) for value in values}
    found[None] = tuple(None for _ in levels)
    return found


def _random_criteria(rng: random.Random) -> dict[str, Any]:
    criteria: dict[str, Any] = {"k": rng.randint(2, 4), "suppression_limit": rng.choice([0.0, 0.2, 0.5, 1.0])}
    kind = rng.choice(["k", "distinct", "entropy", "recursive", "t", "ordered", "beta", "presence", "many"])
    if kind in ("distinct", "entropy", "recursive", "many"):
        criteria |= {"l": 2, "diversity": kind if kind in ("entropy", "recursive") else "distinct"}
    if kind == "recursive":
        criteria["c"] = rng.choice([0.8, 1.5, 3.0])
    if kind in ("t", "ordered", "many"):
        criteria |= {
            "t": rng.choice([0.15, 0.3, 0.6]),
            "distance": "ordered" if kind == "ordered" else "equal",
        }
    if kind in ("beta", "many"):
        criteria["beta"] = rng.choice([0.3, 1.0, 2.0])
    if kind == "presence":
        criteria |= {
            "presence": (rng.choice([0.0, 0.0, 0.3]), rng.choice([0.6, 0.9, 1.0])),
            "population": "p",
        }
    return criteria


def shown(case: Case, levels: tuple[int, ...], row: Row) -> Row:
    """A row's quasi-identifiers at a node."""
    return tuple(
        value if level == 0 else "*" if level == height - 1 else path[value][level - 1]
        for value, level, path, height in zip(row, levels, case.paths, case.heights, strict=True)
    )


def released(case: Case, levels: tuple[int, ...]) -> list[int] | None:
    """The numbers of the rows that a node releases; None if it is infeasible."""
    classes: dict[Row, list[int]] = defaultdict(list)
    for number, row in enumerate(case.quasi):
        classes[shown(case, levels, row)].append(number)
    people = Counter(shown(case, levels, row) for row in case.people)
    kept = {key: rows for key, rows in classes.items() if alone(case, rows, people[key])}
    while True:
        table = [case.sensitive[i] for rows in kept.values() for i in rows]
        still = {key: rows for key, rows in kept.items() if beside(case, rows, table)}
        if len(still) == len(kept):
            break
        kept = still
    numbers = sorted(i for rows in kept.values() for i in rows)
    lost = len(case.quasi) - len(numbers)
    low = case.criteria.get("presence", (0.0, 1.0))[0]
    if low > 0 and set(people) - set(kept):
        return None
    return (
        numbers if numbers and lost <= case.criteria["suppression_limit"] * len(case.quasi) + 1e-12 else None
    )


def alone(case: Case, rows: list[int], people: int) -> bool:
    """k, l and presence of one class."""
    wanted, counts = case.criteria, Counter(case.sensitive[i] for i in rows)
    size, l = len(rows), wanted.get("l", 1)  # noqa: E741  # the paper's letter
    if size < wanted["k"] or len(counts) < l:
        return False
    falling = sorted(counts.values(), reverse=True)
    match wanted.get("diversity", "distinct"):
        case "entropy" if -sum(n / size * math.log(n / size) for n in falling) < math.log(l) - 1e-9:
            return False
        case "recursive" if falling[0] >= wanted["c"] * sum(falling[l - 1 :]):
            return False
    if "presence" not in wanted:
        return True
    low, high = wanted["presence"]
    return people > 0 and low - 1e-9 <= size / people <= high + 1e-9


def beside(case: Case, rows: list[int], table: list[Any]) -> bool:
    """t and beta of one class beside all rows that are released."""
    counts, whole = Counter(case.sensitive[i] for i in rows), Counter(table)
    values = sorted(
        (value for value in whole if value is not None), key=lambda value: (str(type(value)), value)
    )
    values += [None] if None in whole else []
    here = {value: counts[value] / len(rows) for value in values}
    there = {value: whole[value] / len(table) for value in values}
    t, beta = case.criteria.get("t"), case.criteria.get("beta")
    if t is not None and _distance(case, [(here[v], there[v]) for v in values]) > t + 1e-9:
        return False
    if beta is None:
        return True
    return all((here[v] - there[v]) / there[v] <= min(beta, -math.log(there[v])) + 1e-9 for v in values)


def _distance(case: Case, pairs: list[tuple[float, float]]) -> float:
    if case.criteria["distance"] == "equal":
        return sum(abs(p - q) for p, q in pairs) / 2
    if len(pairs) < 2:
        return 0.0
    steps = [sum(p - q for p, q in pairs[: i + 1]) for i in range(len(pairs))]
    return sum(abs(step) for step in steps) / (len(pairs) - 1)


def loss(case: Case, levels: tuple[int, ...], kept: list[int], measure: str) -> float:
    """The loss of a node by its definition, row by row."""
    if measure == "discernibility":
        sizes = Counter(shown(case, levels, case.quasi[i]) for i in kept)
        total = len(case.quasi)
        return (sum(n * n for n in sizes.values()) + total * (total - len(kept))) / total**2
    found = 0.0
    for column, weight in enumerate(case.weights):
        each = [_cost(case, column, levels[column], row[column], measure) for row in case.quasi]
        most = [_cost(case, column, case.heights[column] - 1, row[column], measure) for row in case.quasi]
        lost = sum(each[i] if i in set(kept) else most[i] for i in range(len(each)))
        every = len(each) if measure == "ncp" else sum(most)
        found += weight / sum(case.weights) * (lost / every if every else 0.0)
    return found


def _cost(case: Case, column: int, level: int, value: Any, measure: str) -> float:
    known = [*case.quasi, *(case.people if "presence" in case.criteria and measure == "ncp" else ())]
    held = [row[column] for row in known]
    if level == case.heights[column] - 1:
        same = held
        if measure == "ncp":
            return 1.0
    else:
        path = case.paths[column]
        same = [v for v in held if (path[v][level - 1] == path[value][level - 1] if level else v == value)]
    if measure == "entropy":
        return math.log2(len(same) / held.count(value))
    return 0.0 if len(set(same)) <= 1 else len(set(same)) / len(set(held))


def optimum(case: Case, measure: str) -> float | None:
    """The least loss over all nodes; None if none is feasible."""
    losses = []
    for levels in product(*(range(height) for height in case.heights)):
        kept = released(case, levels)
        if kept is not None:
            losses.append(loss(case, levels, kept, measure))
    return min(losses, default=None)
