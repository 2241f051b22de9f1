"""The use cases: what each reaches privately and without privacy, and the flow that predicts with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import _fraud, _recommender, _scoring, _support
from benchmarks.claims import exit_code


def main() -> int:
    """All claims; those on real data look for it in PRIVET_BENCH_DATA."""
    return exit_code(list(_claims()))


def _claims() -> Iterator[dict[str, object]]:
    place = os.environ.get("PRIVET_BENCH_DATA")
    data = None if place is None else Path(place)
    yield from _fraud.claims(data)
    yield from _recommender.claims(data)
    yield from _support.claims(data)
    yield from _scoring.claims()


if __name__ == "__main__":
    sys.exit(main())
