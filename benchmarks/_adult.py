"""Adult (UCI; ARX's form and hierarchies), tables like it of any size, and NCP measured on what a tool released."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

QUASI = ("sex", "age", "race", "marital-status", "education", "workclass")
EIGHT = (*QUASI, "native-country", "occupation")
SENSITIVE = "salary-class"
STAR = "*"
Levels = list[list[str]]


def adult(folder: Path, quasi: Sequence[str] = QUASI) -> pd.DataFrame:
    """The 30,162 rows: quasi-identifiers and the sensitive column."""
    return pd.read_parquet(folder / "adult_arx" / "adult.parquet", columns=[*quasi, SENSITIVE])


def hierarchy(folder: Path, column: str) -> Levels:
    """Level by level the value of every leaf, from the leaves themselves up to "*"."""
    file = folder / "adult_arx" / "hierarchies" / f"adult_hierarchy_{column}.csv"
    with file.open(newline="") as stream:
        rows = list(csv.reader(stream, delimiter=";"))
    return [list(level) for level in zip(*rows, strict=True)]


def like_adult(table: pd.DataFrame, rows: int, *, seed: int = 1) -> pd.DataFrame:
    """`rows` customers like those of `table`: a third of all values from elsewhere, ages up to 3 off.

    So that a larger table is not the small one many times over, in which every class would be large.
    """
    rng = np.random.default_rng(seed)
    drawn: dict[str, Any] = {}
    base = rng.integers(len(table), size=rows)
    for name in table.columns:
        other = rng.integers(len(table), size=rows)
        codes, values = pd.factorize(table[name])
        codes = codes[np.where(rng.random(rows) < 1 / 3, other, base)].astype(np.int8)
        drawn[name] = pd.Categorical.from_codes(codes, values)
    ages = drawn["age"].categories.to_numpy()[drawn["age"].codes]
    drawn["age"] = np.clip(ages + rng.integers(-3, 4, size=rows), 17, 90)
    return pd.DataFrame(drawn)


def ncp(
    before: pd.DataFrame, released: Mapping[str, Sequence[Any]], folder: Path, counts: Any = None
) -> float:
    """The mean normalized certainty penalty (Xu et al. 2006) of all rows and columns, in [0, 1].

    Of a number: the width of what is released through the width of all. Of a category: the share of all leaves that
    what is released stands for, 0 if it is one. A row that is not released costs 1. `counts` is how many rows each
    released one stands for.
    """
    weights = np.ones(len(released[QUASI[0]])) if counts is None else np.asarray(counts, float)
    gone = len(before) - weights.sum()
    lost = 0.0
    for name in QUASI:
        costs = _Costs(before[name], hierarchy(folder, name))
        found = pd.Series(released[name]).astype(str)
        cost = {value: costs.of(value) for value in found.unique()}
        lost += float(np.sum(found.map(cost).to_numpy(float) * weights)) + gone
    return lost / (len(before) * len(QUASI))


class _Costs:
    """What a released value of one column costs: a leaf, a node of the hierarchy, a range or a list of leaves."""

    def __init__(self, values: pd.Series, levels: Levels) -> None:
        self._leaves = len(set(values.astype(str)))
        self._held: dict[str, set[str]] = {}
        present = set(values.astype(str))
        for leaf, *above in zip(*levels, strict=True):
            for node in {leaf, *above}:
                self._held.setdefault(node, set()).update({leaf} & present)
        self._range = None
        if pd.api.types.is_numeric_dtype(values):
            self._range = float(values.max() - values.min())
            self._low, self._high = float(values.min()), float(values.max())

    def of(self, value: str) -> float:
        if value == STAR:
            return 1.0
        if self._range is not None:
            return self._width(value) / self._range
        leaves = self._held.get(value)
        covered = len(leaves) if leaves is not None else len(set(value.strip("{}").split(",")))
        return 0.0 if covered <= 1 else covered / self._leaves

    def _width(self, value: str) -> float:
        """The width of "a-b" or "[a, b]", cut to what occurs, or 0 of a single number."""
        ends = [float(end) for end in re.findall(r"[0-9.]+", value)]
        return max(0.0, min(ends[-1], self._high) - max(ends[0], self._low))
