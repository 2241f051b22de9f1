from __future__ import annotations

import pytest

from models.cases.case import CaseError
from models.cases.catalog import CATALOG
from models.values.target import PrivacyTarget


@pytest.mark.parametrize("name", CATALOG)
def test_a_case_hangs_together(name: str) -> None:
    case = CATALOG[name]
    assert case.name == name
    assert case.baseline is not None or case.metrics[0].chance is not None
    assert case.optimizer() is not case.optimizer()
    assert len({statistic.name for statistic in case.statistics}) == len(case.statistics)


@pytest.mark.parametrize("name", CATALOG)
@pytest.mark.parametrize("n_public", [100, 50_000])
def test_a_recipe_keeps_any_target(name: str, n_public: int) -> None:
    target = PrivacyTarget(epsilon=1.0, delta=PrivacyTarget.default_delta(n_public), n_public=n_public)
    plan = CATALOG[name].plan(target)
    assert plan.epsilon <= 1.0
    assert plan.max_examples == CATALOG[name].recipe.max_examples


@pytest.mark.parametrize("name", CATALOG)
def test_no_case_is_trained_under_an_exception(name: str) -> None:
    target = PrivacyTarget(delta=1e-5, n_public=50_000, delta_exception="published at this delta")
    with pytest.raises(CaseError, match=r"takes no exception from delta <= 1/\(10 N\); lower delta"):
        CATALOG[name].plan(target)
