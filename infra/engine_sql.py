"""Names and literals as they stand in the engine's statements."""

from __future__ import annotations

import re
from pathlib import Path

from infra.engine_errors import EngineError

# Level 1 makes files of Privet's tables hardly larger than the default 3, for an eighth less time.
PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def checked_name(name: str) -> str:
    """`name` if it needs no quotes in a statement; EngineError otherwise."""
    if not _NAME.fullmatch(name):
        raise EngineError("a name in the engine uses a-z, 0-9 and _ only; choose a plain one")
    return name


def quoted(name: str) -> str:
    """A column's name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """The path as a literal in a reading function, with the engine's wildcards taken as they are."""
    return literal("".join(f"[{mark}]" if mark in "*?[" else mark for mark in str(path)))
