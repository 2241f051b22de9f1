"""A claim: what was asked, what was measured, and whether it holds; one JSON line each."""

from __future__ import annotations

import json
from collections.abc import Iterable


def claim(text: str, *, asked: str, measured: object, holds: bool | None) -> dict[str, object]:
    """Print one claim as a JSON line and return it; `holds` is None where it could not be tried."""
    line: dict[str, object] = {"claim": text, "asked": asked, "measured": measured, "holds": holds}
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return line


def exit_code(claims: Iterable[dict[str, object]]) -> int:
    """1 if a claim fails, 2 if one could not be tried, else 0."""
    held = [line["holds"] for line in claims]
    return 1 if False in held else 2 if None in held else 0
