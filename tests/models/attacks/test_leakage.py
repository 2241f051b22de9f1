"""Leakage of a case: every attribute, the presence and all together, each between its two sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from models.attacks.leakage import _told, leakages, presence
from models.values.risk import Leakage, Membership
from models.values.scope import Measure
from tests.models.attacks.overfitted import Overfitted

Found = dict[str, Leakage]


def _asked(over: Overfitted, members: Any, **given: Any) -> Found:
    wanted = {"facts": {}, "upper": 3.0, "seed": 1} | given
    found = leakages(over.case, over.model, members, over.others, **wanted)
    assert [each.attribute for each in found][-2:] == ["membership", "all"]
    return {each.attribute: each for each in found}


@pytest.fixture(scope="module")
def found(overfitted: Overfitted) -> Found:
    return _asked(overfitted, overfitted.members)


@pytest.fixture(scope="module")
def bare(overfitted: Overfitted) -> Overfitted:
    """The same without attributes to ask of."""
    return overfitted._replace(case=replace(overfitted.case, attributes=lambda _: ()))


def test_a_model_that_knows_its_customers_by_heart_leaks(found: Found) -> None:
    assert len(found) == 6
    assert all(each.bits.low > 0 for each in found.values())
    assert found["membership"].bits.value > 0.5
    assert found["all"].bits.value == max(each.bits.value for each in found.values())
    assert found["all"].values == 2 * 5 * 2 * 4 * 2


def test_a_model_of_other_customers_does_not(overfitted: Overfitted) -> None:
    """Within three half-widths of an interval, six standard errors: the training ends elsewhere on another processor.

    How often the intervals themselves exclude 0 is asked by the proofs, over many customers.
    """
    for each in _asked(overfitted, overfitted.further).values():
        bits = each.bits
        assert abs(bits.value) < 3 * max(bits.value - bits.low, bits.high - bits.value), each.attribute


def test_the_choice_of_the_best_attack_widens_its_interval(found: Found) -> None:
    best = next(each for each in found.values() if each.bits.value == found["all"].bits.value)
    assert found["all"].bits.low < best.bits.low
    assert found["all"].bits.confidence == pytest.approx(0.99)


def test_the_upper_side_is_the_accountants_or_what_there_is_to_tell(found: Found, bare: Overfitted) -> None:
    for each in found.values():
        assert each.upper == pytest.approx(
            min(3 / (1 + (each.attribute == "membership")), np.log2(each.values))
        )
    assert _asked(bare, bare.members, upper=0.1)["membership"].upper == 0.05
    assert _asked(bare, bare.members, upper=float("inf"))["all"].upper == 1.0


def test_an_attribute_that_is_known_of_few_is_left_out(overfitted: Overfitted) -> None:
    asked = overfitted.case.attributes({})[0]
    few = replace(asked, truth=lambda customers: np.where(np.arange(customers.customers) < 19, 0, -1))
    case = replace(overfitted.case, attributes=lambda _: (few,))
    assert set(_asked(overfitted._replace(case=case), overfitted.members)) == {"membership", "all"}


def _rates(true: float, false: float, members: int = 2000) -> Membership:
    def rate(value: float) -> Measure:
        return Measure(name="rate", value=value, low=value, high=value, scope="internal", how="")

    return Membership(
        attack="LiRA",
        members=members,
        others=members,
        auc=rate(0.5),
        tpr_at_01_percent=rate(0.0),
        tpr_at_1_percent=rate(true),
        seconds=0,
    )


def test_the_best_attack_on_membership_counts(bare: Overfitted) -> None:
    """The loss says nothing of these customers, another attack finds 40 of 100 at 1 % false positives."""
    found = _asked(bare, bare.further, memberships=[_rates(0.4, 0.01)])["membership"]
    assert found.how.startswith("LiRA")
    assert found.bits.value == pytest.approx(_told(0.4, 0.01))
    assert 0.1 < found.bits.low < found.bits.value < found.bits.high
    slices = [_rates(0.4, 0.01).model_copy(update={"group": "heavy customers"})]
    assert _asked(bare, bare.further, memberships=slices)["membership"].bits.low <= 0


def test_bits_of_rates() -> None:
    assert _told(1.0, 0.0) == pytest.approx(1.0)
    assert _told(0.3, 0.3) == _told(0.1, 0.2) == 0.0
    assert _told(0.9, 0.1) == pytest.approx(0.531, abs=1e-3)


def test_presence_that_everything_tells_is_one_bit() -> None:
    rng = np.random.default_rng(1)
    both = (np.arange(300), np.arange(300))
    told = presence(rng.random(300) / 100, 10 + rng.random(300), groups=both, seed=1)
    found = told.leakage("membership", 2, upper=5, how="")
    assert found.bits.low > 0.95
    assert found.advantage.value == pytest.approx(0.5)


@pytest.mark.prove
def test_presence_raises_false_alarms_more_rarely_than_stated() -> None:
    alarms, both = 0, (np.arange(200), np.arange(200))
    for seed in range(100):
        rng = np.random.default_rng(seed)
        told = presence(rng.gamma(2, size=200), rng.gamma(2, size=200), groups=both, seed=seed)
        alarms += told.leakage("membership", 2, upper=9, how="").bits.low > 0
    assert alarms <= binom.ppf(0.999, 100, 0.05)
