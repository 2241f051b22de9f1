"""Points for tests: a few numbers, the rest plain."""

from __future__ import annotations

from typing import Any

from models.values.balance import Front, Number, Point
from models.values.scope import Measure


def measure(value: float, wide: float = 0.0, *, name: str = "AUC", scope: Any = "internal") -> Measure:
    return Measure(name=name, value=value, low=value - wide, high=value + wide, scope=scope, how="for a test")


def point(
    number: int,
    utility: float,
    bits: float,
    *,
    wide: float = 0.0,
    unmet: float = 0.0,
    epsilon: float | None = None,
    risk: float = 0.0,
    choices: dict[str, Number] | None = None,
    broken: tuple[str, ...] = (),
    seconds: float = 1.0,
) -> Point:
    return Point(
        number=number,
        choices={"epsilon": 1.0} if choices is None else choices,
        utility=measure(utility, wide),
        risk=measure(risk, wide, name="bits"),
        advantage=measure(0.0, name="advantage"),
        upper_bits=bits,
        epsilon=bits * 10 if epsilon is None else epsilon,
        unmet=unmet,
        seconds=seconds,
        broken=broken,
    )


def front_of(points: list[Point], **changes: Any) -> Front:
    from datetime import UTC, datetime

    from models.balance.choice import choose
    from models.balance.front import front, knee

    constraints = changes.get("constraints", ())
    shown = front(points, constraints)
    twin = measure(0.9, 0.005)
    held = {
        "shop": "small-shop",
        "use_case": "fraud",
        "metric": "AUC",
        "created_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "data": "the small shop",
        "charged": 0.0,
        "constraints": (),
        "packs": ("gdpr 1 (0)",),
        "points": tuple(points),
        "front": tuple(each.number for each in shown),
        "knee": knee(shown),
        "choice": choose(points, constraints, twin=twin, twin_risk=measure(0.21), metric="AUC"),
        "twin": twin,
        "twin_risk": measure(0.21),
        "hypervolume": (0.5, 0.6),
        "seconds": 12.0,
    }
    return Front.model_validate(held | changes)
