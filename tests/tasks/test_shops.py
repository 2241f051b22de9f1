"""Shops on request: the command makes one, and refuses what it cannot make in one message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows import cli
from models.shop.purchases import Purchases


@pytest.fixture(autouse=True)
def _sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Purchases, "find", Purchases.sample)


def test_a_shop_is_made_and_the_next_step_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my shop"
    options = ["--customers", "300", "--seed", "2", "--out", str(out), "--dirty", "0.1", "--chinese-files"]
    assert cli.main(["shop", "make", *options]) == 0
    said = capsys.readouterr()
    assert f"privet run {out / 'shop.yaml'}" in said.out
    assert "faults.json" in said.err
    assert sum(json.loads((out / "faults.json").read_text())["customers"].values()) == 30
    assert (out / "tickets_cn.csv").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--customers", "99"], "has 100 to 8,000,000 customers, 99 asked"),
        (["--dirty", "0.5"], "dirty by a share of 0 to 0.2, 0.5 asked"),
        (["--seed", "-1"], "a seed is a whole number from 0, -1 asked"),
        (["--customers", str(10**13)], "needs 15,000,000.0 GB of disk"),
    ],
)
def test_what_cannot_be_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert cli.main(["shop", "make", "--out", str(tmp_path / "shop"), *options]) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
