"""What a spec may ask of a published table, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from models.values.anonymity import Anonymity
from models.values.spec import Column, ShopSpec


@pytest.mark.parametrize(
    ("wrong", "fragment"),
    [
        ({"diversity": "recursive", "l": 2}, "needs c"),
        ({"c": 2.0}, "needs c"),
        ({"diversity": "entropy"}, "l of 2"),
        ({"distance": "ordered"}, "give t"),
        ({"t": 0}, "greater than 0"),
        ({"t": 1.5}, "less than or equal to 1"),
        ({"beta": float("inf")}, "finite"),
        ({"presence": (0.1, 0.5)}, "name both"),
        ({"population": "people"}, "name both"),
        ({"presence": (0.5, 0.1), "population": "people"}, "low <= high"),
        ({"presence": (0.1, 0.5), "population": "people", "search": "mondrian"}, "search: lattice"),
        ({"weights": {"age": 2}}, "guide a search"),
        ({"weights": {"age": 0}, "search": "lattice"}, "greater than 0"),
        ({"search": "datafly"}, "lattice"),
    ],
)
def test_what_does_not_hang_together_is_refused(wrong: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment):
        Anonymity(**wrong)


def quasi(**column: Any) -> dict[str, Any]:
    transform = {"kind": "band", "width": 10, "low": 20, "high": 80}
    return {"role": "quasi_identifier", "type": "integer", "transform": transform, **column}


@pytest.mark.parametrize(
    ("anonymity", "fragment"),
    [
        ({"weights": {"part": 2.0}, "search": "lattice"}, "weights: 'part' is no quasi"),
        ({"t": 0.2}, "t: is measured on a sensitive column"),
        ({"beta": 1.0}, "beta: is measured on a sensitive column"),
        ({"l": 2, "diversity": "entropy"}, "diversity: is measured on a sensitive column"),
        (
            {"presence": (0.0, 0.5), "population": "orders"},
            "population: 'orders' must be a table with public",
        ),
        ({"presence": (0.0, 0.5), "population": "towns"}, "population: 'towns' must be a table with public"),
    ],
)
def test_criteria_name_what_the_release_has(
    spec_with: Callable[..., dict[str, Any]], anonymity: dict[str, Any], fragment: str
) -> None:
    spec = spec_with("releases.people.anonymity", anonymity)
    spec["tables"]["customers"]["columns"]["age"] = quasi()
    spec["tables"]["towns"] = {
        "source": "t.csv",
        "key": ["town"],
        "public": True,
        "columns": {"town": {"role": "key"}},
    }
    spec["releases"]["people"]["columns"] = ["part", "age"]
    with pytest.raises(ValueError, match=fragment):
        ShopSpec.model_validate(spec)


@pytest.mark.parametrize(
    ("column", "fragment"),
    [
        (quasi(levels=[{"kind": "band", "width": 15, "low": 20, "high": 80}]), "level 1 does not only merge"),
        (quasi(levels=[{"kind": "prefix", "length": 1}]), "level 1 does not only merge"),
        ({"role": "attribute", "levels": [{"kind": "suppress"}]}, "quasi_identifier with a transform"),
    ],
)
def test_levels_are_true_coarsenings_of_a_quasi_identifier(column: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ValueError, match=fragment):
        Column.model_validate(column)
    assert Column.model_validate(quasi(levels=[{"kind": "band", "width": 30, "low": 20, "high": 80}])).levels
