"""The stored fronts: of the embedded shop alone, under the rule packs that are shipped beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.compliance.packs import load
from infra.spec import read_spec
from models.balance.choice import choose
from models.balance.stored import stored_front

SHOP = read_spec(Path("models/shop/shop.yaml"))


@pytest.mark.parametrize("use_case", ["fraud", "recommender"])
def test_the_embedded_shop_has_a_front_that_holds_today(use_case: str) -> None:
    front = stored_front(SHOP, use_case)
    assert front is not None
    assert len(front.points) >= 30
    assert front.choice is not None
    assert front.choice.number in front.front
    assert front.packs == tuple(pack.name for pack in load(SHOP.regimes)), (
        "search again: python -m benchmarks._fronts models/balance/fronts"
    )


@pytest.mark.parametrize("use_case", ["fraud", "recommender"])
def test_its_choice_is_the_one_that_would_be_made_today(use_case: str) -> None:
    front = stored_front(SHOP, use_case)
    assert front is not None
    today = choose(
        front.points, front.constraints, twin=front.twin, twin_risk=front.twin_risk, metric=front.metric
    )
    assert front.choice == today, "search again: python -m benchmarks._fronts models/balance/fronts"


def test_no_other_shop_has_one() -> None:
    larger = SHOP.customers.model_copy(update={"public_bound": 60_000})
    assert stored_front(SHOP.model_copy(update={"customers": larger}), "fraud") is None
    assert stored_front(SHOP.model_copy(update={"synthetic": None}), "fraud") is None
    assert stored_front(SHOP.model_copy(update={"shop": "nordlicht"}), "fraud") is None
    assert stored_front(SHOP, "support") is None
