"""Dirt: the contract counts what was added, and what passes is the clean shop."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from models.shop.dirt import FAULTS
from models.shop.generate import Kind, make_shop
from models.shop.purchases import Purchases
from models.values.spec import ShopSpec

CUSTOMERS = 600
DIRTY = Kind(dirty=0.2, chinese_files=True)


@dataclass(frozen=True)
class Checked:
    """A dirty shop and what the tasks `land` and `curate` said of it."""

    folder: Path
    contract: Any

    @property
    def faults(self) -> dict[tuple[str, str], int]:
        told = json.loads((self.folder / "faults.json").read_text(encoding="utf-8"))
        return {(table, rule): rows for table, rules in told.items() for rule, rows in rules.items()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clean") / "shop"
    make_shop(out, customers=CUSTOMERS, seed=9, purchases=Purchases.sample(), chunk=250)
    return out


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    from tasks import curation, intake, landing

    folder = tmp_path_factory.mktemp("dirty")
    make_shop(
        folder / "shop", customers=CUSTOMERS, seed=9, purchases=Purchases.sample(), chunk=250, kind=DIRTY
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRIVET_HOME", str(folder / "home"))
        patch.setenv("PRIVET_THREADS", "2")
        pinned = intake.pin.fn(str(folder / "shop" / "shop.yaml"))
        contract = curation.curate.fn(pinned, landing.land.fn(pinned)).contract
        yield Checked(folder=folder / "shop", contract=contract)


def test_the_contract_counts_every_fault_under_its_rule(dirty: Checked) -> None:
    found = {(count.table, count.rule): count.rows for count in dirty.contract.rejected}
    assert found == dirty.faults


def test_every_fault_of_the_list_was_added(dirty: Checked) -> None:
    assert set(dirty.faults) == {(table, fault.rule) for table, faults in FAULTS.items() for fault in faults}


def _rows(folder: Path, name: str) -> int:
    path = next(folder.glob(f"{name}.*"))
    if path.suffix == ".parquet":
        return int(duckdb.read_parquet(str(path)).aggregate("count(*)").fetchone()[0])
    return path.read_bytes().count(b"\n") - 1


@pytest.mark.parametrize(
    "name", ["customers", "orders", "order_lines", "products", "consents", "campaign_contacts"]
)
def test_what_passes_is_the_clean_shop(clean: Path, dirty: Checked, name: str) -> None:
    assert dirty.contract.rows_out[name] == _rows(clean, name)
    clean_rows, dirty_rows = (_set(next(folder.glob(f"{name}.*"))) for folder in (clean, dirty.folder))
    assert clean_rows <= dirty_rows


def _set(path: Path) -> set[tuple[Any, ...]]:
    if path.suffix == ".parquet":
        return set(duckdb.read_parquet(str(path)).fetchall())
    with path.open(encoding="utf-8", newline="") as file:
        return {tuple(row) for row in csv.reader(file)}


def test_tickets_of_chinese_customers_lie_in_gb18030(clean: Path, dirty: Checked) -> None:
    own = (dirty.folder / "tickets_cn.csv").read_bytes()
    assert "您好" in own.decode("gb18030")
    with pytest.raises(UnicodeDecodeError):
        own.decode("utf-8")
    western = (dirty.folder / "tickets.csv").read_bytes().decode("utf-8")
    assert "您好" not in western
    accepted = dirty.contract.rows_out
    assert accepted["tickets"] + accepted["tickets_cn"] == _rows(clean, "tickets")
    assert accepted["tickets_cn"] > 30


def test_the_spec_describes_both_files(dirty: Checked) -> None:
    spec = ShopSpec.model_validate(yaml.safe_load((dirty.folder / "shop.yaml").read_text(encoding="utf-8")))
    assert (spec.tables["tickets"].encoding, spec.tables["tickets_cn"].encoding) == ("utf-8", "gb18030")
    assert spec.tables["tickets"].columns == spec.tables["tickets_cn"].columns
    assert spec.releases["support_tickets_cn"].table == "tickets_cn"


def test_a_clean_shop_has_no_list_of_faults(clean: Path) -> None:
    assert not (clean / "faults.json").exists()
    assert not (clean / "tickets_cn.csv").exists()
