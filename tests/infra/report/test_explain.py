"""The explanation: what it may show, in both languages, and what it keeps inside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from infra.report.explain import as_json, render, view
from infra.report.texts import catalogue
from models.anonymity.cuts import forms
from models.anonymity.policy import PlannedColumn, ReleasePlan
from models.values.dataset import DatasetRef, GateCheck, GateResult, Manifest, TableEntry
from models.values.measures import ColumnMeasures, Measures, Risk
from models.values.scope import Measure
from models.values.spec import Role
from models.values.transform import Band, Keep, Transform

PLAN = ReleasePlan(
    release="people",
    table="customers",
    columns=(
        PlannedColumn(name="age", role="quasi_identifier", transform=Band(width=10, low=20, high=80)),
        PlannedColumn(name="tier", role="sensitive", transform=Keep()),
    ),
    anonymity=None,
)


def measures(k: int) -> Measures:
    found = Risk(highest=1 / k, average=0.0717, above_threshold=0)
    return Measures(
        rows=7177,
        classes=717,
        k=k,
        singled_out=0,
        sizes=((k, 3), (77, 9)),
        columns=(ColumnMeasures(column="tier", l=3, entropy_l=2.717, c=0.7172, equal=0.717, beta=1.71),),
        prosecutor=found,
        journalist=found,
        marketer=0.0717,
        population=50_000,
        population_unique=0.0717,
    )


def manifest(synthetic: str | None) -> Manifest:
    facts: dict[str, Any] = {
        **forms(PLAN),
        "protection": "k-anonymous",
        "suppressed": 717,
        "minimum_count": 10,
        "asked_k": 5,
        "loss_age": 0.717,
    }
    attack = Measure(
        name="inference of tier", value=0.0717, low=0.0617, high=0.0817, scope="internal", how="x"
    )
    people = TableEntry(
        name="people", product="attributes", columns={}, rows=7177, facts=facts, before=measures(1), after=measures(7),
        attacks=(attack,),
    )  # fmt: skip
    events = TableEntry(
        name="events", product="events", columns={}, rows=717, facts={"protection": "pseudonymous"}
    )
    return Manifest(
        ref=DatasetRef(zone="released", name="shop", version="v1"),
        shop="shop",
        synthetic=synthetic,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
        policy_hash="0",
        tables=(people, events),
        files=(),
        gate=GateResult(checks=(GateCheck(table="people", rule="k-anonymity: x", passed=True),)),
    )


def test_of_private_tables_nothing_measured_is_shared() -> None:
    for text in (render(manifest(None), internal=False), as_json(manifest(None), internal=False)):
        assert not re.search(r"717[27]|\b717\b|0\.0?[678]17|7\.17", text)
        assert "~710" in text
    assert "privet explain --internal" in render(manifest(None), internal=False)


@pytest.mark.parametrize(("synthetic", "internal"), [(None, True), ("synthetic: invented", False)])
def test_the_officer_and_readers_of_public_data_see_all(synthetic: str | None, internal: bool) -> None:
    page = render(manifest(synthetic), internal=internal)
    for number in ("7177", "717", "7.17 %", "[0.062, 0.082]", "k ≥ 5"):
        assert number in page, number
    assert ("synthetic: invented" in page) is (synthetic is not None)
    assert ("Internal copy" in page) is internal


def test_events_are_called_personal_data_in_both_languages() -> None:
    page = render(manifest(None), internal=False)
    assert "still personal data" in page
    assert "并非匿名数据" in page


def test_the_page_asks_nobody_and_escapes() -> None:
    page = render(manifest("<b>&x"), internal=False)
    assert "&lt;b&gt;&amp;x" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)
    assert "<script" not in page


def test_the_catalogues_say_the_same_things() -> None:
    english, chinese = catalogue("explain", "en"), catalogue("explain", "zh")
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", chinese[key])), key
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(Transform)[0])}
    assert {f"transform.{kind}" for kind in kinds} <= english.keys()
    assert {f"role.{role}" for role in get_args(Role)} <= english.keys()


def test_rows_are_counted_by_the_size_of_their_class() -> None:
    table = view(manifest("synthetic"), internal=False)["tables"][0]
    assert table["after"]["rows_by_size"] == [0, 0, 21, 0, 0, 693, 0, 0]
