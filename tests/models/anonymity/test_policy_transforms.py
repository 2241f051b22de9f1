"""The transforms that look beyond one value, through the policy: a customer's dates, shared values, noise, means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from infra.engine import Engine, open_engine
from models.anonymity.beside import most_rows
from models.anonymity.errors import PolicyError
from models.anonymity.policy import deidentify, noise_key, plan_release, required_domains
from models.anonymity.pseudonyms import HmacKey
from models.values.secret import SecretBytes
from models.values.spec import ShopSpec

TRANSFORMS: dict[str, dict[str, Any]] = {
    "phone": {"kind": "pseudonym", "domain": "contact", "values": "phone"},
    "card": {"kind": "token", "domain": "partner", "length": 16},
    "city": {"kind": "hash_bucket", "domain": "city", "buckets": 8},
    "at": {"kind": "date_shift", "days": 20, "unit": "day"},
    "paid": {"kind": "date_shift", "days": 20, "unit": "month"},
    "note": {"kind": "suppress"},
    "amount": {"kind": "round", "step": 10, "low": 0},
    "spent": {"kind": "noise", "mechanism": "geometric", "epsilon": 1, "low": 0, "high": 10, "rows": 2},
    "income": {"kind": "micro_aggregate", "k": 2},
}
ROLES = {"phone": "identifier", "card": "identifier", "city": "quasi_identifier", "at": "time", "paid": "time",
         "note": "free_text", "amount": "attribute", "spent": "attribute", "income": "attribute"}  # fmt: skip
TYPES = {"at": "date", "paid": "date", "amount": "number", "spent": "integer", "income": "number"}


def spec(product: str, key: str, columns: list[str]) -> ShopSpec:
    described = {
        name: {"role": ROLES[name], "type": TYPES.get(name, "string"), "transform": transform}
        for name, transform in TRANSFORMS.items()
    }
    release = {"product": product, "table": "rows", "purpose": "care", "columns": columns}
    return ShopSpec.model_validate(
        {
            "shop": "test",
            "regimes": ["gdpr"],
            "pseudonyms": {"region": "CN"},
            "customers": {"table": "rows", "public_bound": 1000},
            "purposes": {"care": {"basis": {"gdpr": "contract"}, "reason": "to answer questions"}},
            "budget": {"epsilon": 3, "delta": 1e-5},
            "tables": {
                "rows": {
                    "source": "r.csv",
                    "key": [key],
                    "customer": "who",
                    "columns": {"who": {"role": "key"}, "n": {"role": "key"}, **described},
                }
            },
            "releases": {"out": release | ({"anonymity": {"k": 2}} if product == "attributes" else {})},
        }
    )


def row(who: str, n: int, **changes: Any) -> dict[str, Any]:
    return {
        "who": who,
        "n": str(n),
        "phone": "138 1234 5678",
        "card": "6222020000000001",
        "city": "Hamburg",
        "at": date(2026, 3, n),
        "paid": date(2026, 3, n),
        "note": "Canaria Quokka",
        "amount": 8.0 + n * n,
        "spent": 5,
        "income": 1000.0 * n,
        **changes,
    }


ROWS = [row("A", 1), row("A", 9), row("B", 2, phone="+8613812345678", card="none"), row("C", 3, city=None)]
EVENTS = spec("events", "n", [name for name in TRANSFORMS if name != "income"])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def keys(engine: Engine, shop: ShopSpec) -> dict[str, HmacKey]:
    names = (*required_domains(shop, "out"), noise_key("spent"))
    return {
        name: engine.secret(SecretBytes(bytes([place]) * 32), f"key_{place}")
        for place, name in enumerate(names)
    }


def released(engine: Engine, shop: ShopSpec, raw: list[dict[str, Any]] = ROWS) -> list[dict[str, Any]]:
    table = ibis.memtable(pa.Table.from_pylist(raw))
    made = deidentify(shop, "out", engine.materialise(table, "raw_rows"), keys(engine, shop), bucket_key=None)
    return engine.rows(made)


def test_every_transform_through_the_policy(engine: Engine) -> None:
    rows = released(engine, EVENTS)
    assert len(rows) == 4
    assert {value["note"] for value in rows} == {"*"}
    assert len({value["phone"] for value in rows}) == 1
    assert sorted(str(value["card"]) == "None" for value in rows) == [False, False, False, True]
    assert all(len(value["card"]) == 16 for value in rows if value["card"])
    assert len({value["card"] for value in rows}) == 2
    assert {value["city"] for value in rows} - {None} <= set(range(8))
    assert all(value["paid"].day == 1 for value in rows)
    assert "Quokka" not in str(rows)


def test_a_customers_rows_are_the_same_without_the_others(engine: Engine) -> None:
    """docs/privacy.md, rule 1, two worlds: nothing on the way to training is fitted on other customers' rows."""
    whole = sorted(map(str, released(engine, EVENTS)))
    for who in "ABC":
        alone = sorted(map(str, released(engine, EVENTS, [row for row in ROWS if row["who"] == who])))
        rest = sorted(map(str, released(engine, EVENTS, [row for row in ROWS if row["who"] != who])))
        assert sorted(alone + rest) == whole


def test_one_customers_dates_keep_their_gaps(engine: Engine) -> None:
    days = sorted(value["at"] for value in released(engine, EVENTS))
    gaps = {later - earlier for earlier in days for later in days if later > earlier}
    assert timedelta(days=8) in gaps


def test_means_for_published_tables(engine: Engine) -> None:
    shop = spec("attributes", "who", ["income", "note"])
    assert sorted(value["income"] for value in released(engine, shop)) == [1500.0, 1500.0, 6000.0, 6000.0]


def test_phones_are_of_the_shops_region() -> None:
    (phone, *_) = plan_release(EVENTS, "out").columns
    assert phone.transform.region == "CN"  # type: ignore[union-attr]


def test_noise_without_a_key_is_refused(engine: Engine) -> None:
    known = {name: key for name, key in keys(engine, EVENTS).items() if not name.startswith("noise")}
    with pytest.raises(PolicyError, match="draw one"):
        deidentify(EVENTS, "out", ibis.memtable(pa.Table.from_pylist(ROWS)), known)


def test_rows_of_the_customer_with_most(engine: Engine) -> None:
    table = ibis.memtable(pa.Table.from_pylist([*ROWS, row("A", 4)]))
    assert engine.row(most_rows(table, "who")) == {"most": 3}
