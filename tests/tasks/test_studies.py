"""Studies: which point of a search is trained again."""

from __future__ import annotations

from typing import Any

from models.balance.front import bounds_of
from models.balance.search import Search
from models.balance.space import space_of
from models.cases.fraud import FRAUD
from models.values.balance import Point
from models.values.spec import BalanceSpec
from models.values.target import PrivacyTarget
from tasks.studies import AFRESH, Study
from tests.models.balance.points import point

TARGET = PrivacyTarget(epsilon=3.0, delta=1e-6, n_public=100_000)
FOUND = ((0.87, 0.10), (0.86, 0.01), (0.85, 0.009))  # utility and bits; the second is the bargain


def _study(**balance: Any) -> Study:
    bounds, space = bounds_of(0.5, TARGET), space_of(FRAUD, TARGET)
    search = Search(space, bounds, seed=1)
    for utility, bits in FOUND:
        asked = search.ask()
        search.tell(asked.number, point(asked.number, utility, bits, choices=asked.choices, wide=0.02))
    return Study(search, bounds, BalanceSpec(**balance), {}, "AUC")


def _again(study: Study, utility: float) -> int:
    """Train what is asked for again, with that outcome."""
    asked = study.doubtful(6)
    assert isinstance(asked, Point)
    bits = FOUND[asked.number][1]
    study.tell(asked.number, point(asked.number, utility, bits, choices=asked.choices, wide=0.02))
    return asked.number


def test_the_bargain_is_trained_again_until_it_is_sure() -> None:
    study = _study()
    assert [_again(study, 0.86) for _ in range(AFRESH)] == [1] * AFRESH
    assert _again(study, 0.87) != 1


def test_a_bargain_that_was_luck_leaves_its_place_to_the_next() -> None:
    study = _study()
    assert _again(study, 0.70) == 1
    assert [_again(study, 0.85) for _ in range(AFRESH)] == [2] * AFRESH


def test_with_weights_it_is_what_they_would_choose() -> None:
    study = _study(weights={"upper_bits": 1.0})
    assert [_again(study, 0.85) for _ in range(AFRESH)] == [2] * AFRESH
    assert study.doubtful(AFRESH) is None, "no more than allowed"
