"""A distinct table: the different customers of a file of orders, each once."""

import ibis
import pytest

from expectations.contracts.compiled import columns_of, dropped_columns
from models.values.spec import ShopSpec

HOME = {
    "source": "o.csv", "distinct": True, "key": ["who"], "customer": "who", "columns": {"who": {"role": "key"}},
}  # fmt: skip
ORDERS = {
    "source": "o.csv", "key": ["no"], "customer": "who",
    "columns": {"no": {"role": "key"}, "who": {"role": "key"}},
}  # fmt: skip


@pytest.fixture
def spec():
    return ShopSpec.model_validate(
        {
            "shop": "s", "regimes": ["gdpr"], "customers": {"table": "people", "public_bound": 100},
            "purposes": {"p": {"basis": {"gdpr": "contract"}, "reason": "to send what was ordered"}},
            "budget": {"epsilon": 1, "delta": 1e-6}, "tables": {"people": HOME, "orders": ORDERS}, "releases": {},
        }
    )  # fmt: skip


def test_each_different_row_once_and_nothing_dropped_twice(spec):
    raw = ibis.memtable({"no": ["1", "2", "3"], "who": ["a", "a", "b"], "note": ["x", "y", "z"]})
    assert sorted(columns_of(spec, "people", raw).to_pyarrow()["who"].to_pylist()) == ["a", "b"]
    assert columns_of(spec, "orders", raw).count().to_pyarrow().as_py() == 3
    assert dropped_columns(spec, "people", raw) == ("note",)
