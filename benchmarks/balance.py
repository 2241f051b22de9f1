"""Measured risk and the balance: attacks against a reference, audits with their power, searches, fronts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import _attacks, _audits, _balance_search, _fronts
from benchmarks.claims import exit_code


def main() -> int:
    """All claims; those on real data look for it in PRIVET_BENCH_DATA."""
    return exit_code(list(_claims()))


def _claims() -> Iterator[dict[str, object]]:
    place = os.environ.get("PRIVET_BENCH_DATA")
    yield from _attacks.claims(None if place is None else Path(place))
    yield from _audits.claims()
    yield from _balance_search.claims()
    yield from _fronts.claims()


if __name__ == "__main__":
    sys.exit(main())
