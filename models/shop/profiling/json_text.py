"""JSON text: whether a column's values are JSON, and what hides inside."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from models.shop.profiling.contents import content_kind, traces
from models.shop.profiling.headers import PERSONAL, Kind, kind_of

SOME = 0.01
_LOOKS = re.compile(r"\s*[\[{]")
_PLAIN = re.compile(r"[A-Za-z_一-鿿][A-Za-z0-9_一-鿿-]{0,30}(?:\.[A-Za-z_一-鿿][A-Za-z0-9_一-鿿-]{0,30})*")
_MOST_DEEP, _SHARED = 12, 0.1


def is_json(values: Sequence[str]) -> bool:
    """Whether more than a few of `values` are JSON objects or lists; a text that was cut short counts by its start."""
    return sum(_object(value) is not None for value in values) > SOME * len(values)


def hidden(values: Sequence[str]) -> dict[str, Kind]:
    """The fields, as details.city without the first name, that hold personal data, and its kind.

    Fields that few values have are named "": their names may themselves be data.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for value in values:
        for path, leaf in _leaves(_object(value), ""):
            found[path].append(leaf)
    kinds: dict[str, Kind] = {}
    for path, leaves in found.items():
        kind = _kind(path, leaves)
        shared = len(leaves) >= _SHARED * len(values) and _PLAIN.fullmatch(path)
        if kind is not None:
            kinds[path if shared else ""] = kind
    return kinds


def _kind(path: str, leaves: Sequence[str]) -> Kind | None:
    different = sorted(set(filter(None, leaves)))
    named = kind_of(path.rsplit(".", 1)[-1])
    content = content_kind(different)
    if content in PERSONAL:
        return content
    if named in PERSONAL and different:
        return named
    return "email" if traces(different) else None


def _object(value: str) -> Any:
    """The object or list in a text; {} for one that begins like it and was cut short; None for other text."""
    if not _LOOKS.match(value):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {} if len(value) >= 500 else None
    return found if isinstance(found, dict | list) else None


def _leaves(value: Any, path: str, deep: int = 0) -> Iterator[tuple[str, str]]:
    if deep > _MOST_DEEP:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key, deep + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path, deep + 1)
    elif value is not None:
        yield path, str(value)
