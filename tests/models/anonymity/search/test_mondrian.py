"""Mondrian's regions keep every criterion, cover every row, and say of it what is true."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from models.anonymity.errors import PolicyError
from models.anonymity.search.classes import count_rows
from models.anonymity.search.criteria import groups_of, kept_groups
from models.anonymity.search.find import Found, search
from models.anonymity.search.ladder import Ladder, make_ladder
from models.anonymity.search.mondrian import mondrian
from models.values.anonymity import Anonymity
from tests.models.anonymity.search.reference import Case, alone, beside, random_case
from tests.models.anonymity.search.test_lattice import made


def text_of(found: Found, column: int, owner: int) -> Any:
    region = found.regions[column]
    return region.texts[int(region.number[owner])]


def locally(case: Case) -> Found | None:
    """A case under Mondrian; None if not even the whole table keeps its criteria."""
    classes, ladders, wanted = made(case)
    local = wanted.model_copy(update={"search": "mondrian"})
    try:
        return search(classes, ladders, local)
    except PolicyError:
        rows = list(range(len(case.quasi)))
        assert not alone(case, rows, len(case.people)) or len(case.quasi) < case.criteria["k"]
        return None


def owners_of(case: Case, found: Found) -> list[int]:
    """The group of each row."""
    classes, _, _ = made(case)
    names = list(
        zip(
            *(np.asarray(v, dtype=object)[c] for v, c in zip(classes.values, classes.codes, strict=True)),
            strict=True,
        )
    )
    place = {tuple(name): number for number, name in enumerate(names)}
    return [int(found.owner[place[tuple(row)]]) for row in case.quasi]


@pytest.mark.parametrize("start", range(0, 150, 50))
def test_every_region_keeps_the_criteria_by_brute_force(start: int) -> None:
    for seed in range(start, start + 50):
        case = random_case(seed)
        found = locally(case) if "presence" not in case.criteria else None
        if found is None:
            continue
        owners = owners_of(case, found)
        for group in set(owners):
            rows = [i for i, owner in enumerate(owners) if owner == group]
            assert alone(case, rows, 0), seed
            assert beside(case, rows, case.sensitive), seed
            for column in range(len(case.paths)):
                holds({case.quasi[i][column] for i in rows}, text_of(found, column, group))


def holds(values: set[Any], text: str | None) -> None:
    """The text of a region says exactly which values it holds, or "*"."""
    if text == "*":
        return
    said = {None} if text is None else set(text.strip("{}").split(", "))
    assert {"missing" if value is None and len(values) > 1 else value for value in values} == said


def test_neighbours_are_joined_in_the_order_of_numbers() -> None:
    rows = [(n,) for n in (1, 2, 9, 10, 11, None) for _ in range(3)]
    classes = count_rows(["n"], rows)
    places = np.asarray([float("nan") if v is None else float(str(v)) for v in classes.values[0]])
    ladder = make_ladder("n", classes.values[0], [], places)
    found = search(classes, [ladder], Anonymity(k=6, search="mondrian"))
    texts = sorted({str(text_of(found, 0, int(owner))) for owner in found.owner})
    assert texts == ["*", "[1, 2]", "[9, 10]"]


def test_categories_stand_beside_those_that_a_level_merges_them_with() -> None:
    rows = [(c,) for c in "azby" for _ in range(2)]
    classes = count_rows(["c"], rows)
    ladder = make_ladder("c", classes.values[0], [("1", {"a": "x", "z": "x", "b": "y", "y": "y"}.get)])
    found = search(classes, [ladder], Anonymity(k=4, search="mondrian"))
    assert sorted(str(text_of(found, 0, group)) for group in range(2)) == ["{a, z}", "{b, y}"]


def test_a_table_too_small_for_k_is_refused() -> None:
    classes = count_rows(["c"], [("a",), ("b",)])
    with pytest.raises(PolicyError, match="one class"):
        search(classes, [make_ladder("c", classes.values[0], [])], Anonymity(k=3, search="mondrian"))


def test_a_heavy_column_keeps_its_detail() -> None:
    rng = random.Random(3)
    rows = [(rng.randrange(50), rng.randrange(50)) for _ in range(600)]
    classes = count_rows(["a", "b"], rows)
    ladders: list[Ladder] = [
        make_ladder(name, values, [], np.asarray(values, dtype=float))
        for name, values in zip("ab", classes.values, strict=True)
    ]
    found = search(classes, ladders, Anonymity(k=5, search="mondrian", weights={"a": 20.0}))
    assert found.by_column["a"] < found.by_column["b"] / 3


def test_a_long_tail_is_cut_within_few_rounds() -> None:
    values = tuple(float(2**n) for n in range(900))
    classes = count_rows(["n"], [(value,) for value in values for _ in range(2)])
    ladder = make_ladder("n", values, [], np.log2(np.asarray(values)) ** 8)
    wanted = Anonymity(k=4, search="mondrian")
    owner = mondrian(classes, [ladder], wanted, [1.0])
    assert kept_groups(groups_of(classes, owner, int(owner.max()) + 1), wanted).all()
