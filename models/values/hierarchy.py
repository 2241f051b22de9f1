"""Hierarchies: categories made coarser by a table of the shop's own, or by a country's divisions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from models.values.base import Value

Paths = tuple[tuple[str, ...], ...]
MOST_PATHS = 20_000
DIGITS = {"county": 6, "city": 4, "province": 2}


class Hierarchy(Value):
    """A value generalised by a table as ARX writes it: `value;level 1;...;*`, one line a value, no header.

    `file` lies beside the spec, and what it says becomes `rows` and so part of the spec's digest. `level` is the
    column that is shown, 0 the value itself. A value that the table does not name becomes "*".
    """

    kind: Literal["hierarchy"] = "hierarchy"
    file: str | None = Field(default=None, max_length=1000)
    rows: Paths = Field(default=(), repr=False)
    level: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _hangs_together(self) -> Hierarchy:
        problem = problem_of_rows(self.rows)
        if problem is not None:
            raise ValueError(f"the hierarchy {problem}")
        if self.level >= len(self.rows[0]):
            raise ValueError(f"level {self.level} is above the hierarchy's highest, {len(self.rows[0]) - 1}")
        return self

    def labels(self, level: int) -> dict[str, str]:
        """What each value of the table is called at `level`."""
        return {path[0]: path[level] for path in self.rows}


class Division(Value):
    """A code of China's administrative divisions (GB/T 2260), six digits, as its county, city or province.

    Codes of 9, 12 or 18 characters that begin with it (towns, villages, resident ids) are cut; anything else
    becomes "*".
    """

    kind: Literal["division"] = "division"
    level: Literal["county", "city", "province"] = "city"


def parse_paths(text: str) -> Paths:
    """The rows of a hierarchy's file: fields between semicolons, quotes where a field holds one."""
    import csv

    try:
        lines = list(csv.reader(text.splitlines(), delimiter=";"))
    except csv.Error:
        raise ValueError("no table of fields between semicolons") from None
    return tuple(tuple(field.strip() for field in line) for line in lines if line)


def problem_of_rows(rows: Paths) -> str | None:
    """What is wrong with a hierarchy's rows; None if every level is a true coarsening of the one below."""
    if not rows or len(rows[0]) < 2:
        return "has no rows of a value and its levels; name a file of lines such as Berlin;Germany;*"
    if len(rows) > MOST_PATHS:
        return f"has more than {MOST_PATHS} values; begin it at a coarser level"
    if len({len(row) for row in rows}) > 1:
        return "has lines of different length; fill every line up to the top"
    if len({row[0] for row in rows}) < len(rows):
        return "names a value twice; keep one of its lines"
    for level in range(len(rows[0]) - 1):
        if len({row[level : level + 2] for row in rows}) > len({row[level] for row in rows}):
            return f"splits on level {level + 1} what level {level} has merged; labels must nest"
    return None
