"""The stored fronts: those of the embedded shop, written by `python -m benchmarks._fronts`.

A first run places its models on them without a search of its own.
"""

from __future__ import annotations

from pathlib import Path

from models.values.balance import Front
from models.values.spec import ShopSpec

EMBEDDED = 50_000  # customers
_FOLDER = Path(__file__).with_name("fronts")


def stored_front(shop: ShopSpec, use_case: str) -> Front | None:
    """The shipped front of a use case of the embedded shop; None for any other shop, or one of another size."""
    path = _FOLDER / f"{use_case}.json"
    if not shop.public_data or shop.customers.public_bound != EMBEDDED or not path.is_file():
        return None
    front = Front.model_validate_json(path.read_text(encoding="utf-8"))
    return front if front.shop == shop.shop else None
