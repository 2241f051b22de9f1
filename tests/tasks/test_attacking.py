"""Attacks on a model of every use case that Privet can train, each within its seconds."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.cases.catalog import CATALOG
from models.cases.support import support_case
from models.cases.support_model import Lora
from models.privacy.accounting import claim
from models.privacy.runlog import differences
from models.privacy.trainer import fit
from models.values.scope import Measure
from models.values.target import PrivacyTarget
from tasks import attacking
from tasks.attacking import Attacked, Ran, attacked, twin_of
from tasks.training import Restored, facts_of
from tests.tasks.small_tables import PARTS, tables_of

SECONDS = 120.0
CASES = {**CATALOG, "support, tuned": support_case(lora=Lora(rank=2))}
BY_REFERENCES = {"LiRA, online", "LiRA, offline", "RMIA, online", "RMIA, offline"}


@cache
def _trained(name: str) -> tuple[Restored, Ran, Any]:
    """A case after few private steps on small tables, what ran, and its rows."""
    import ibis

    whole = CASES[name]
    case = replace(whole, recipe=whole.recipe.model_copy(update={"steps": 10, "sampling_rate": 0.5}))
    tables = tables_of(case)
    rows = ibis.memtable(case.features(*tables).to_pyarrow())
    plan = case.plan(PrivacyTarget(epsilon=3, delta=1e-5, n_public=PARTS["train"]))
    facts, statistics = facts_of(case, plan, case.facts(*tables), rows)
    model = case.build_model(facts)
    customers = case.examples(rows, "train", facts)
    parts = {"loss": case.loss, "optimizer": case.optimizer(), "tables": case.embedding_tables(model)}
    log = fit(plan, model, customers, **parts).beside(statistics).log
    return Restored(case, model, facts), Ran(plan, log, claim(plan, log), not differences(plan, log)), rows


def _attacked(name: str, seconds: float) -> Attacked:
    made, ran, rows = _trained(name)
    sides = (made.case.examples(rows, part, made.facts) for part in ("train", "holdout"))
    return attacked(made, *sides, ran, rows, run="small", standing=(), seconds=seconds)


def _measures(part: Any) -> list[Measure]:
    if isinstance(part, Measure):
        return [part]
    parts = part if isinstance(part, tuple) else [getattr(part, name) for name in type(part).model_fields]
    return [
        found for each in parts if not isinstance(each, str | int | float | None) for found in _measures(each)
    ]


@pytest.mark.parametrize("name", CASES)
def test_every_case_has_small_tables_to_be_attacked_on(name: str) -> None:
    assert len(tables_of(CASES[name])) == len(CASES[name].tables)


@pytest.mark.prove
@pytest.mark.parametrize("name", CASES)
def test_a_model_of_every_case_is_attacked_in_every_way(name: str) -> None:
    """Nothing is left out for a case: who took part, each of its attributes, its vectors, and its mechanism."""
    made, ran, _ = _trained(name)
    assert ran.matches
    found = _attacked(name, SECONDS)
    risk = found.risk
    everybody = {each.attack: each for each in risk.memberships if each.group == "all"}
    assert set(everybody) == {"loss threshold"} | BY_REFERENCES
    assert all(each.members == each.others >= 20 for each in everybody.values())
    asked = [attribute.name for attribute in made.case.attributes(made.facts)]
    assert asked
    assert [each.attribute for each in risk.leakages] == [*asked, "membership", "all"]
    assert all(0 < each.upper < np.inf for each in risk.leakages)
    assert all(each.upper <= risk.upper_bits for each in risk.leakages)
    assert len(risk.others) == (0 if made.case.embedded is None else 2)
    assert {audit.kind for audit in risk.audits} == {"one run", "steps"}
    assert not any(audit.broken for audit in risk.audits)
    assert found.audit.epsilon_low <= ran.claim.epsilon

    numbers = [
        number for part in (risk.memberships, risk.leakages, risk.others) for number in _measures(part)
    ]
    assert all(number.scope == "internal" and number.how for number in numbers)
    assert all(np.isfinite([number.low, number.high]).all() for number in numbers)
    assert all(each.auc.low < each.auc.high for each in risk.memberships)
    assert all(each.bits.low < each.bits.high for each in risk.leakages)
    assert max(each.seconds for each in risk.memberships) <= SECONDS


@pytest.mark.prove
@pytest.mark.parametrize("name", CASES)
def test_a_budget_that_is_too_short_leaves_out_what_costs_trainings(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One training shows that there is no time for a pair; what costs none is tried with any budget."""
    trained: list[object] = []
    monkeypatch.setattr(
        attacking, "twin_of", lambda *given, seed: trained.append(seed) or twin_of(*given, seed=seed)
    )
    found = _attacked(name, 1e-3).risk
    assert len(trained) == 1
    assert {each.attack for each in found.memberships} == {"loss threshold"}
    assert [each.attribute for each in found.leakages][-2:] == ["membership", "all"]
