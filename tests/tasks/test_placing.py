"""Placing: what left the front is said and, where the spec allows, answered by the next training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from models.values.balance import Choice, Front, Point, Position
from models.values.evidence import Evidence
from models.values.scope import Measure
from models.values.spec import ShopSpec
from tasks import choosing, resolve
from tasks.placing import placed
from tasks.ruling import packs_of
from tests.infra.report import evidence_sample as sample
from tests.tasks.conftest import Place

CHOICES = {"epsilon": 3.0, "steps": 400}
BOUND = {"what": "upper_bits", "at_most": 0.3}


def _measure(value: float, spread: float = 0.01) -> Measure:
    return Measure(
        name="m", value=value, low=value - spread, high=value + spread, scope="internal", how="by hand"
    )


def _point(number: int, epsilon: float, utility: float, upper: float, **more: Any) -> Point:
    return Point(
        number=number,
        choices={"epsilon": epsilon, "steps": 400},
        utility=_measure(utility),
        risk=_measure(upper / 4, upper / 8),
        advantage=_measure(0.0),
        upper_bits=upper,
        epsilon=epsilon,
        unmet=0.0,
        seconds=4.0,
        **more,
    )


def _front(shop: ShopSpec, **changes: Any) -> Front:
    """Three trials that all keep an upper side of 0.3 bits; the one that the sample's model is like is chosen."""
    points = (_point(0, 3.0, 0.72, 0.25), _point(1, 1.0, 0.70, 0.05), _point(2, 0.3, 0.60, 0.005))
    fields: dict[str, Any] = {
        "shop": shop.shop,
        "use_case": "fraud",
        "metric": "AUC",
        "created_at": datetime(2026, 11, 22, tzinfo=UTC),
        "data": f"released/{shop.shop}/v1",
        "charged": 0.0,
        "constraints": (),
        "packs": packs_of(shop),
        "points": points,
        "front": (0, 1, 2),
        "knee": 1,
        "choice": Choice(number=0, reason={"en": "by hand"}),
        "twin": _measure(0.74),
        "hypervolume": (0.1, 0.2, 0.3),
        "seconds": 12.0,
    }
    return Front(**(fields | changes))


def _placed(place: Place, *, front: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    """The sample's evidence of the tiny shop's newest release, against a front of three trials."""
    from infra.manifests import latest

    shop, site = resolve.spec(place.pin()), resolve.site()
    evidence = sample.evidence(
        **{"shop": shop.shop, "released": latest(site.store, "released", shop.shop), "synthetic": "made"}
        | changes
    )
    with resolve.bench("placing", 1) as bench:
        choosing.keep_front(bench, shop, "fraud", _front(shop, **(front or {})))
        return placed(bench, shop, evidence, CHOICES, 4.0)


def _position(found: Evidence) -> Position:
    assert found.position is not None
    return found.position


def test_a_model_like_its_trial_stays(place: Place) -> None:
    position = _position(_placed(place))
    assert (position.nearest, position.chosen) == (0, 0)
    assert (position.drifted, position.proposal, position.made) == ((), None, False)


def test_drifted_data_is_said_and_answered_by_a_proposal(place: Place) -> None:
    utility = sample.utility(exact=_measure(0.55))
    position = _position(_placed(place, utility=utility))
    assert len(position.drifted) == 1
    assert "AUC is 0.550" in position.drifted[0]
    assert position.proposal == 1
    assert not position.made


def test_raised_risk_is_said(place: Place) -> None:
    position = _position(_placed(place, risk=sample.risk(upper_bits=0.4)))
    assert "the accountant's bound is 0.40 bits" in position.drifted[0]


def test_another_rule_pack_is_said(place: Place) -> None:
    position = _position(_placed(place, front={"packs": ("gdpr 0 (000000000000)",)}))
    assert any("pack" in why for why in position.drifted)


def test_a_broken_constraint_objects_and_is_answered(place: Place) -> None:
    place.change_spec(lambda spec: spec["use_cases"]["fraud"].update(balance={"constraints": [BOUND]}))
    found = _placed(place, risk=sample.risk(upper_bits=0.4))
    assert "a constraint of the spec is not kept: upper_bits at most 0.3" in found.objections()
    assert _position(found).proposal in (1, 2)


@pytest.mark.parametrize("adjust", ["propose", "make"])
def test_the_next_training_takes_the_choice_only_where_the_spec_lets_it(place: Place, adjust: str) -> None:
    place.change_spec(lambda spec: spec["use_cases"]["fraud"].update(balance={"adjust": adjust}))
    position = _position(_placed(place, utility=sample.utility(exact=_measure(0.55))))
    shop = resolve.spec(place.pin())
    taken = choosing.taken(resolve.site(), shop, "fraud")
    assert position.made == (adjust == "make")
    assert taken.target.epsilon == (1.0 if adjust == "make" else 3.0)
    assert taken.choices == ({"steps": 400} if adjust == "make" else {})


def test_a_front_of_other_data_says_nothing_of_utility(place: Place) -> None:
    utility = sample.utility(exact=_measure(0.55))
    stand_in = {"data": "released/another-shop/v1"}
    assert _position(_placed(place, front=stand_in, utility=utility)).drifted == ()
    risen = _position(_placed(place, front=stand_in, risk=sample.risk(upper_bits=0.4)))
    assert "bound" in risen.drifted[0]


def test_on_private_data_only_public_numbers_decide(place: Place) -> None:
    bound = {"what": "utility", "at_least": 0.99}
    place.change_spec(lambda spec: spec["use_cases"]["fraud"].update(balance={"constraints": [bound]}))
    assert _placed(place).unkept == ("utility at least 0.99",)
    assert _placed(place, synthetic=None).unkept == ()
