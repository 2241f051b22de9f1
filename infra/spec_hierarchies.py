"""Hierarchies of a spec: the files that its transforms name are read into it, and so are part of its digest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.values.hierarchy import parse_paths

Where = tuple[str | int, ...]
_MOST_BYTES = 4_000_000


def read_hierarchies(raw: Any, folder: Path) -> list[tuple[Where, str]]:
    """Put the rows of each file that a transform of `raw` names beside its name; returns what went wrong, and where.

    Files lie in the spec's folder. Levels of a column that name no file use that of its transform.
    """
    problems: list[tuple[Where, str]] = []
    for where, transform, beside in _hierarchies(raw):
        file = transform.get("file")
        if "rows" in transform and file is not None:
            problems.append(((*where, "rows"), "stands beside a file; keep one of them"))
        elif isinstance(file, str):
            rows, problem = _rows(folder, file)
            if problem is not None:
                problems.append(((*where, "file"), problem))
            transform["rows"] = rows
        elif "rows" not in transform and beside is not None:
            transform |= {key: beside[key] for key in ("file", "rows") if key in beside}
    return problems


def _hierarchies(raw: Any) -> Iterator[tuple[Where, dict[str, Any], dict[str, Any] | None]]:
    """Each hierarchy of the spec, where it stands, and the transform whose file it may share."""
    for table, entry in _items(raw, "tables"):
        for name, column in _items(entry, "columns"):
            where = ("tables", table, "columns", name)
            transform = column.get("transform") if isinstance(column, dict) else None
            own = transform if _is_hierarchy(transform) else None
            if own is not None:
                yield (*where, "transform"), own, None
            levels = column.get("levels") if isinstance(column, dict) else None
            for number, level in enumerate(levels if isinstance(levels, list) else ()):
                if _is_hierarchy(level):
                    yield (*where, "levels", number), level, own


def _items(raw: Any, key: str) -> list[tuple[str, Any]]:
    inner = raw.get(key) if isinstance(raw, dict) else None
    return list(inner.items()) if isinstance(inner, dict) else []


def _is_hierarchy(transform: Any) -> bool:
    return isinstance(transform, dict) and transform.get("kind") == "hierarchy"


def _rows(folder: Path, file: str) -> tuple[tuple[tuple[str, ...], ...], str | None]:
    home = folder.resolve()
    path = (home / file).resolve()
    if not path.is_relative_to(home):
        return (), "leads outside the spec's folder; put the file into it"
    try:
        if not path.is_file():
            return (), "there is no such file in the spec's folder; correct the name"
        with path.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            return (), "is larger than 4 MB; begin the hierarchy at a coarser level"
        return parse_paths(content.decode("utf-8-sig")), None
    except UnicodeDecodeError:
        return (), "is not UTF-8 text; save it as UTF-8"
    except ValueError:
        return (), "is no table of fields between semicolons; export it again"
    except OSError:
        return (), "cannot be read; check its rights"
