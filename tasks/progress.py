"""Progress: what the person at the terminal sees while a run works. It goes to standard error only."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol


class Advance(Protocol):
    """Tells a bar how far its work is."""

    def __call__(self, done: int, note: str = "") -> None:
        """`done` of the bar's total; `note` is shown beside it."""


def say(line: str) -> None:
    """One line for the person at the terminal. If nobody listens any more, the work goes on all the same."""
    with suppress(BrokenPipeError):
        print(line, file=sys.stderr, flush=True)


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """A progress bar on a terminal; elsewhere one line when the work is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    started = time.monotonic()
    if not console.is_terminal:
        yield lambda done, note="": None
        say(f"{title}: done in {time.monotonic() - started:.1f} s")
        return
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as shown:
        row = shown.add_task(title, total=total, note="")

        def advance(done: int, note: str = "") -> None:
            shown.update(row, completed=done, note=note)

        yield advance
        shown.update(row, completed=total)
