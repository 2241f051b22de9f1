"""Rows by stage: the way's counts, disclosed as the spec's minimum allows."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from models.values.dataset import RuleCount
from models.values.stage import StageReport
from tasks.publishing import rows_by_stage

LABEL = "synthetic: invented"


def _shop(*, private):
    return SimpleNamespace(minimum_count=10, public_data=not private, synthetic=None if private else LABEL)


def _stage(into, out, lost=()):
    rejected = tuple(
        RuleCount(table="orders", rule=f"rule {number}", rows=n) for number, n in enumerate(lost)
    )
    return StageReport(
        stage="contract", rows_in={"orders": into}, rows_out={"orders": out}, rejected=rejected, seconds=1.5
    )


def _cells(shop, stage):
    *_, line = rows_by_stage(shop, (stage,)).strip().splitlines()
    return [cell.strip() for cell in line.strip("|").split("|")]


PRIVATE = [
    (_stage(12_345, 12_341, [1, 3]), ["contract", "~12340", "~12340", "<10", "1.5"]),
    (_stage(12_345, 12_345), ["contract", "~12340", "~12340", "<10", "1.5"]),
    (_stage(9, 0, [9]), ["contract", "<10", "<10", "<10", "1.5"]),
    (_stage(57, 20, [30, 7]), ["contract", "~50", "~20", "~30", "1.5"]),
]


@pytest.mark.parametrize(("stage", "cells"), PRIVATE)
def test_a_private_shop_shows_no_exact_and_no_small_count(stage, cells):
    assert _cells(_shop(private=True), stage) == cells


def test_one_rejected_customer_more_is_not_seen():
    worlds = [_cells(_shop(private=True), _stage(105, 105 - lost, [lost] if lost else [])) for lost in (0, 1)]
    assert worlds[0] == worlds[1]


def test_a_private_page_is_not_called_synthetic():
    text = rows_by_stage(_shop(private=True), (_stage(12_345, 12_341, [4]),))
    assert "synthetic" not in text
    assert not re.search(r"1234[1-9]|\b4\b", text)


def test_a_public_shop_shows_all_and_says_why():
    text = rows_by_stage(_shop(private=False), (_stage(12_345, 12_341, [1, 3]),))
    assert LABEL in text
    assert "| contract | 12345 | 12341 | 4 | 1.5 |" in text


def test_tables_are_summed():
    stage = StageReport(stage="land", rows_in={"a": 40, "b": 60}, rows_out={"a": 40, "b": 61}, seconds=0)
    assert _cells(_shop(private=False), stage)[1:3] == ["100", "101"]
