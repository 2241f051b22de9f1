"""Placing: a new model against the last front of its use case, and what follows where it left it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.values.balance import Constraint, Front, Point, Position
from models.values.evidence import Evidence
from models.values.scope import Measure
from models.values.spec import ShopSpec
from tasks.choosing import last_front, take
from tasks.ruling import packs_of, ruled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.balance.placing import Judge
    from models.values.balance import Number
    from tasks import resolve

_PUBLIC = ("upper_bits", "epsilon", "unmet")  # seconds tell how many customers there are


def placed(
    bench: resolve.Bench, shop: ShopSpec, evidence: Evidence, choices: Mapping[str, Number], seconds: float
) -> Evidence:
    """The evidence with the constraints that the model does not keep, and its place on the last front.

    Where the spec says `adjust: make`, what is proposed is what the next training takes.
    """
    point = _point(evidence, choices, seconds)
    bounds = shop.use_cases[evidence.use_case].balance.constraints
    evidence = evidence.model_copy(update={"unkept": _unkept(evidence, point, bounds)})
    found = last_front(bench.site, shop, evidence.use_case)
    if found is None:
        return evidence
    position = _position(bench, shop, evidence, point, *found)
    return evidence.model_copy(update={"position": position})


def _position(
    bench: resolve.Bench, shop: ShopSpec, evidence: Evidence, point: Point, name: str, front: Front
) -> Position:
    from models.balance.placing import place

    balance = shop.use_cases[evidence.use_case].balance
    if not front.data.startswith(f"released/{shop.shop}/"):
        point = _of_another_shop(point)
    position = place(
        point,
        front,
        balance.constraints,
        packs_of(shop),
        judge=_judge(bench, shop, evidence),
        weights=balance.weights,
    ).model_copy(update={"front": name})
    if position.proposal is None or balance.adjust == "propose":
        return position
    take(bench, shop, evidence.use_case, front.point(position.proposal).choices)
    return position.model_copy(update={"made": True})


def _judge(bench: resolve.Bench, shop: ShopSpec, evidence: Evidence) -> Judge:
    """What today's rules say of a point of the front, would it be trained on this release."""

    of = ruled(bench.site, shop, evidence.use_case, evidence.released)
    return lambda point: of(point.epsilon)


def _point(evidence: Evidence, choices: Mapping[str, Number], seconds: float) -> Point:
    """A model as a point; on private data the utility is the released one and the risk what the accountant bounds."""
    from models.privacy.bits import advantage_at_most, as_measure

    risk, public = evidence.risk, evidence.synthetic is not None
    measured = public and risk.leakages and risk.advantage is not None
    return Point(
        number=0,
        choices=dict(choices),
        utility=evidence.utility.exact if public else evidence.utility.released,
        risk=risk.leakages[-1].bits if measured else as_measure(risk.upper_bits),
        advantage=(measured and risk.advantage) or advantage_at_most(risk.upper_bits),
        upper_bits=risk.upper_bits,
        epsilon=evidence.claim.epsilon,
        unmet=evidence.compliance.unmet,
        broken=tuple(rule.rule for rule in evidence.compliance.broken),
        seconds=seconds if public else 0.0,
    )


def _of_another_shop(point: Point) -> Point:
    """The point against a front of other data, which says nothing of this shop's utility and measured leakage."""

    def anything(measure: Measure) -> Measure:
        most = max(1.0, point.upper_bits)
        return measure.model_copy(update={"low": min(0.0, measure.low), "high": max(most, measure.high)})

    return point.model_copy(update={"utility": anything(point.utility), "risk": anything(point.risk)})


def _unkept(evidence: Evidence, point: Point, constraints: tuple[Constraint, ...]) -> tuple[str, ...]:
    """The constraints that the model does not keep. On private data only those on public numbers decide."""
    from models.balance.objectives import violations

    shown = evidence.synthetic is not None
    decisive = [each for each in constraints if shown or each.what in _PUBLIC]
    return tuple(
        f"{each.what} at most {each.at_most:g}"
        if each.at_most is not None
        else f"{each.what} at least {each.at_least:g}"
        for each in decisive
        if violations(point.model_copy(update={"broken": ()}), [each])
    )
