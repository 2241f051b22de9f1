"""A file held open: what was looked at is what is read, whatever its name leads to afterwards."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from infra.engine_errors import SourceError


class Held(NamedTuple):
    """An open file: its name for messages, and a path under which only this very file is read."""

    name: str
    path: Path


@contextmanager
def held(path: Path, within: Sequence[Path] | None = None) -> Iterator[Held]:
    """Hold the file at `path` open; links are followed, and where they end must lie in a folder of `within`, if given.

    Raises:
        SourceError: it lies elsewhere, is no regular file (a pipe never ends), or changed while it was held.
        OSError: it cannot be opened.
    """
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(number)
        if not stat.S_ISREG(before.st_mode):
            raise SourceError(f"{path.name}: is no regular file; name a file in the spec")
        opened = Path(f"/proc/self/fd/{number}")
        if within is not None and not _lies_in(opened.readlink(), within):
            raise SourceError(
                f"{path.name}: lies outside the spec's folder (or is a link that leads there); "
                "put the file into it, or name the file's real folder under roots"
            )
        yield Held(path.name, opened)
        after = os.fstat(number)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise SourceError(f"{path.name}: was changed while it was read; run again when it is complete")
    finally:
        os.close(number)


def folders(home: Path, roots: Sequence[str]) -> tuple[Path, ...]:
    """The folders in which sources may lie: that of the spec and its `roots`, without links."""
    return tuple((home / root).resolve() for root in (".", *roots))


def _lies_in(real: Path, within: Sequence[Path]) -> bool:
    return any(real.is_relative_to(folder) for folder in within)
