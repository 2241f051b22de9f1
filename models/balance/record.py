"""The record of a search: what was asked and what came of it, line by line, so that a search can go on after a kill."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from models.balance.errors import BalanceError
from models.balance.space import Choices
from models.values.balance import Point
from models.values.base import Value


class Entry(Value):
    """One trial as far as it is known: its choices, and the points of its trainings once they ended.

    `failed` says why a trial that ended has none.
    """

    number: int
    choices: Choices
    points: tuple[Point, ...] = ()
    failed: str | None = None

    @property
    def ended(self) -> bool:
        """Whether anything came of it, be it a failure."""
        return bool(self.points) or self.failed is not None


class Record(Protocol):
    """Where lines are kept. A search on private data gives one whose lines are sealed."""

    def lines(self) -> Iterable[str]:
        """All lines that were appended, in their order."""

    def append(self, line: str) -> None:
        """Keep a line; it is there for good when this returns."""


class Memory:
    """A record that ends with its process."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def lines(self) -> Iterable[str]:
        """See Record."""
        return tuple(self._held)

    def append(self, line: str) -> None:
        """See Record."""
        self._held.append(line)


class LineFile:
    """A record in a file that its owner alone can read, for public data. One process writes at a time.

    A line that a kill cut short is dropped when the file is opened again: it was never acknowledged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(handle, "r+b") as file:
            held = file.read()
            file.truncate(held.rfind(b"\n") + 1)

    def lines(self) -> Iterable[str]:
        """See Record."""
        return self._path.read_text(encoding="utf-8").splitlines()

    def append(self, line: str) -> None:
        """See Record."""
        with self._path.open("ab") as file:
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())


def entries(record: Record, space: str) -> dict[int, Entry]:
    """The trials of a record by number, each as its last line has it; `space` is the digest of what is searched.

    Raises BalanceError for a record of another space and for one that cannot be read.
    """
    found: dict[int, Entry] = {}
    for place, line in enumerate(record.lines()):
        try:
            held = json.loads(line)
            entry = None if place == 0 else Entry.model_validate(held)
        except ValueError as error:
            raise BalanceError(
                f"line {place + 1} of the search's record cannot be read; start a new search"
            ) from error
        if entry is not None:
            found[entry.number] = entry
        elif held != {"space": space}:
            raise BalanceError(
                "the record is of a search with other bounds or another seed; start a new search"
            )
    return found
