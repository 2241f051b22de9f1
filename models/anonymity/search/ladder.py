"""A ladder: the values of one quasi-identifier, and what each becomes level by level, up to "*".

Level 0 is what the spec's transform released. Every level is a function of the one below it, so that going up
only ever merges classes: what the search's bounds rest on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from models.anonymity.errors import PolicyError

STAR = "*"
AS_WRITTEN = "as the spec says"
Codes = npt.NDArray[np.int32]
Label = Callable[[object], object]


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level: its `name`, `codes` (finest code -> code here), `labels` (code here -> what is written)."""

    name: str
    codes: Codes
    labels: tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """A column's finest `values` (missing is None, and last), its `levels`, and where a value stands.

    `places`: numbers in the order of the values if distances mean something, else None. `leaves`: how many
    values of the domain a finest value stands for and how many there are, where the domain is known
    (hierarchies); else each value that occurs counts one. `joined` writes neighbouring values, the first and the last
    of them, as one; without it they are written as a set. Errors: PolicyError if a level splits what the level
    below it has merged.
    """

    column: str
    values: tuple[object, ...]
    levels: tuple[Level, ...]
    places: npt.NDArray[np.float64] | None = None
    leaves: tuple[npt.NDArray[np.float64], ...] | None = None
    joined: Label | None = None

    def __post_init__(self) -> None:
        for below, above in zip(self.levels, self.levels[1:], strict=False):
            pairs = np.unique(np.stack([below.codes, above.codes]), axis=1).shape[1]
            if pairs > len(below.labels):
                raise PolicyError(
                    f"a level of column {self.column!r} splits what the one below it merges; make each level coarser"
                )

    @property
    def cards(self) -> tuple[int, ...]:
        """How many different values each level has."""
        return tuple(len(level.labels) for level in self.levels)


def ordered(values: Sequence[object]) -> tuple[object, ...]:
    """The different values in their order; NaN, then what is missing, come last."""
    present = [value for value in values if value is not None and value == value]
    odd = [value for value in values if value is not None and value != value][:1]
    gap = [None] if any(value is None for value in values) else []
    return (*sorted(set(present)), *odd, *gap)  # type: ignore[type-var]


def level_of(name: str, values: Sequence[object], label: Label) -> Level:
    """The level `name`, at which each of `values` is written as `label` says; labels are numbered as they come."""
    known: dict[Hashable, int] = {}
    codes = [known.setdefault(_key(label(value)), len(known)) for value in values]
    labels: list[object] = [None] * len(known)
    for value, code in zip(values, codes, strict=True):
        labels[code] = label(value)
    return Level(name=name, codes=np.asarray(codes, dtype=np.int32), labels=tuple(labels))


def make_ladder(
    column: str,
    values: Sequence[object],
    coarser: Sequence[tuple[str, Label]],
    places: npt.NDArray[np.float64] | None = None,
    joined: Label | None = None,
) -> Ladder:
    """The ladder of `values` under named functions of the level-0 value, each coarser than the one before.

    A level that merges nothing is left out; what is missing stays missing below "*", which is always last.
    """
    finest = ordered(values)
    levels = [level_of(AS_WRITTEN, finest, lambda value: value)]
    for name, label in coarser:
        level = level_of(name, finest, partial(unless_missing, label))
        if 1 < len(level.labels) < len(levels[-1].labels):
            levels.append(level)
    levels.append(level_of(STAR, finest, lambda _: STAR))
    return Ladder(column=column, values=finest, levels=tuple(levels), places=places, joined=joined)


def unless_missing(label: Label, value: object) -> object:
    """What a value becomes; what is missing stays missing."""
    return None if value is None else label(value)


def _key(label: object) -> Hashable:
    return (type(label).__name__, str(label)) if label != label else (type(label).__name__, label)
