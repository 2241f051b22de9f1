"""De-identification: searches, measures, text and the stages at size, each against what is asked and its rivals."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import _measures, _searches, _stage, _texts
from benchmarks.claims import exit_code


def main() -> int:
    """All claims; those on real data look for it in PRIVET_BENCH_DATA."""
    return exit_code(list(_claims()))


def _claims() -> Iterator[dict[str, object]]:
    place = os.environ.get("PRIVET_BENCH_DATA")
    data = None if place is None else Path(place)
    yield from _searches.claims(data)
    yield from _measures.claims(data)
    yield from _texts.claims(data)
    yield from _stage.claims()


if __name__ == "__main__":
    sys.exit(main())
