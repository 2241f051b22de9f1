"""The summary: what a program is told of a run on private customers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from models.values.dataset import RuleCount
from models.values.stage import Prepared, RegisteredModel, ShopReport, StageReport, Trained
from tasks.summary import as_object
from tests.infra.report import evidence_sample as sample


def _report(evidence, *, rows=12_345, lost=7):
    stage = StageReport(
        stage="contract",
        rows_in={"orders": rows},
        rows_out={"orders": rows - lost},
        rejected=(RuleCount(table="orders", rule="amount: not a number", rows=lost),),
        seconds=1.0,
    )
    prepared = Prepared(
        released=evidence.released, stages=(stage,), gate=evidence.gate, gate_page="gate.html"
    )
    trained = Trained(
        model=RegisteredModel(name="m", version=1, champion=True),
        evidence=evidence,
        objections=evidence.objections(),
        dossier="dossier.html",
        seconds=1.0,
    )
    return ShopReport(
        shop="s",
        synthetic=evidence.synthetic,
        prepared=prepared,
        trained=(trained,),
        prefect_run="r",
        seconds=2,
    )


def _shown(evidence, **counts):
    public = evidence.synthetic is not None
    shop = SimpleNamespace(minimum_count=10, public_data=public)
    return as_object(_report(evidence, **counts), shop, "page")


def test_no_internal_number_of_a_private_shop_is_shown():
    text = json.dumps(_shown(sample.evidence()), ensure_ascii=False)
    assert [taint for taint in (*sample.LONG_TAINT, *sample.TAINT_MORE) if taint in text] == []


def test_a_world_with_other_internal_numbers_reads_the_same():
    assert _shown(sample.evidence()) == _shown(sample.evidence(**sample.other_world()))


def test_public_and_released_numbers_of_a_private_shop_are_shown():
    (model,) = _shown(sample.evidence())["models"]
    assert model["privacy"]["epsilon"] == 2.8731
    assert model["privacy"]["unit"] == "customer"
    assert model["utility"]["released"]["value"] == 0.692
    assert model["utility"]["exact"] == model["utility"]["twin"] == {"scope": "internal"}
    assert model["audit"]["epsilon_low"] == "internal"


@pytest.mark.parametrize(("rows", "lost", "shown"), [(12_345, 7, "<10"), (12_345, 25, "~20")])
def test_counts_of_a_private_shop_are_disclosed_by_its_minimum(rows, lost, shown):
    (stage,) = _shown(sample.evidence(), rows=rows, lost=lost)["stages"]
    assert stage["rows_in"] == {"orders": "~12340"}
    assert stage["rejected"] == [{"table": "orders", "rule": "amount: not a number", "rows": shown}]


def test_everything_of_a_public_shop_is_shown_and_labelled():
    shown = _shown(sample.evidence(synthetic=sample.LABEL))
    assert shown["synthetic"] == sample.LABEL
    assert shown["stages"][0]["rejected"][0]["rows"] == 7
    assert shown["models"][0]["audit"]["epsilon_low"] == 0.41731
    assert shown["models"][0]["utility"]["twin"]["value"] == 0.73191


def test_it_is_plain_data():
    shown = _shown(sample.evidence())
    assert json.loads(json.dumps(shown)) == shown
