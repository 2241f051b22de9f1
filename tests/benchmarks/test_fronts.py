"""What the benchmark of fronts calls kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _fronts
from models.values.balance import Constraint

SHIPPED = Path(__file__).resolve().parents[2] / "models/balance/fronts/fraud.json"


def _front(*constraints: Constraint) -> dict[str, Any]:
    front: dict[str, Any] = json.loads(SHIPPED.read_text())
    return {**front, "constraints": [each.model_dump(mode="json") for each in constraints]}


def test_a_choice_within_its_bounds_keeps_them() -> None:
    assert _fronts._unkept(_front(*_fronts.FIRST), _fronts.FIRST) == []


@pytest.mark.parametrize("side", ["low", "high"])
def test_the_worse_side_of_what_was_measured_decides(side: str) -> None:
    """The mean would keep each of these bounds."""
    front = _front()
    chosen = _fronts._point(front, front["choice"]["number"])
    if side == "low":
        asked = Constraint(what="utility", at_least=chosen["utility"]["value"])
    else:
        asked = Constraint(what="risk", at_most=chosen["risk"]["value"])
    (why,) = _fronts._unkept(_front(*_fronts.FIRST, asked), _fronts.FIRST)
    assert why.startswith(asked.what)


def test_a_front_without_the_constraints_does_not_keep_them() -> None:
    assert _fronts._unkept(_front(), _fronts.FIRST) == [
        "the front lacks the constraint on upper_bits",
        "the front lacks the constraint on unmet",
    ]


def test_no_choice_keeps_nothing() -> None:
    assert _fronts._unkept({**_front(*_fronts.FIRST), "choice": None}, _fronts.FIRST) == [
        "nothing was chosen"
    ]
