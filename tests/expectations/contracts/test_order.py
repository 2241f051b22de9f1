"""The order of contracts: what is referred to comes first, stated or implied, and circles are refused."""

from __future__ import annotations

from typing import Any

import pytest

from expectations.contracts.order import contract_order, references_of
from expectations.errors import ContractError
from models.values.spec import ShopSpec


def with_tables(spec: ShopSpec, **tables: Any) -> ShopSpec:
    altered = spec.model_dump(mode="json")
    altered["tables"] |= tables
    return ShopSpec.model_validate(altered)


def lines(**product: Any) -> dict[str, Any]:
    return {
        "source": "lines.csv",
        "key": ["order_id", "product_id"],
        "customer_via": "orders.order_id",
        "columns": {"order_id": {"role": "key"}, "product_id": {"role": "key", **product}},
    }


def products(**column: Any) -> dict[str, Any]:
    columns = {"product_id": {"role": "key", **column}}
    return {"source": "p.csv", "key": ["product_id"], "public": True, "columns": columns}


def test_references_are_stated_or_follow_from_the_customer(spec: ShopSpec) -> None:
    shop = with_tables(spec, lines=lines(references="products.product_id"), products=products())
    assert references_of(shop, "lines") == {
        "order_id": "orders.order_id",
        "product_id": "products.product_id",
    }
    order = contract_order(shop)
    assert order.index("customers") < order.index("orders") < order.index("lines")
    assert order.index("products") < order.index("lines")


def test_circle_is_refused(spec: ShopSpec) -> None:
    shop = with_tables(
        spec, lines=lines(references="products.product_id"), products=products(references="lines.product_id")
    )
    with pytest.raises(ContractError, match=r"in a circle: .*products"):
        contract_order(shop)
