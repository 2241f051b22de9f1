"""The Adult census under ARX's hierarchies: the optimum is that of looking at every node."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import ibis
import pytest

from models.anonymity.search.aggregate import aggregate
from models.anonymity.search.classes import Classes
from models.anonymity.search.find import search
from models.anonymity.search.hierarchy import hierarchy_ladder
from models.anonymity.search.ladder import Ladder
from models.anonymity.search.lattice import enumerated, lattice, verify
from models.anonymity.search.loss import Measure, costs
from models.anonymity.search.node import Question
from models.values.anonymity import Anonymity

QUASI = ["age", "education", "marital-status", "race", "sex", "native-country"]
FOLDER = Path(os.environ.get("PRIVET_BENCH_DATA", "/nowhere")) / "adult_arx"
needs_adult = pytest.mark.skipif(not FOLDER.is_dir(), reason="PRIVET_BENCH_DATA has no adult_arx")


@pytest.fixture(scope="module")
def adult() -> tuple[Classes, list[Ladder]]:
    engine = ibis.duckdb.connect()
    table = engine.read_parquet(FOLDER / "adult.parquet")
    table = table.mutate(age=table.age.cast("string"))
    classes = aggregate(table, QUASI, ["salary-class"])
    ladders = []
    for name, values in zip(QUASI, classes.values, strict=True):
        text = (FOLDER / "hierarchies" / f"adult_hierarchy_{name}.csv").read_text()
        paths = [tuple(line) for line in csv.reader(text.splitlines(), delimiter=";")]
        ladders.append(hierarchy_ladder(name, values, paths))
    return classes, ladders


@needs_adult
@pytest.mark.prove
@pytest.mark.parametrize("measure", ["ncp", "entropy", "discernibility"])
@pytest.mark.parametrize("l", [1, 2])
@pytest.mark.parametrize("k", [5, 10, 50])
def test_the_optimum_is_proven_by_looking_at_every_node(
    adult: tuple[Classes, list[Ladder]],
    k: int,
    l: int,  # noqa: E741  # the paper's letter
    measure: Measure,
) -> None:
    classes, ladders = adult
    wanted = Anonymity(k=k, l=l, search="lattice", suppression_limit=0.1)
    table = None if measure == "discernibility" else costs(classes, ladders, measure, {})
    question = Question(classes=classes, ladders=tuple(ladders), anonymity=wanted, costs=table)
    node, proof = lattice(question)
    every = enumerated(question)
    assert every is not None
    assert (node.levels, node.loss) == (every.levels, pytest.approx(every.loss))
    assert verify(question, node, proof) == ()
    assert len(proof.evaluated) < proof.nodes / 3


@needs_adult
@pytest.mark.prove
def test_classes_of_their_own_lose_less_than_any_node(adult: tuple[Classes, list[Ladder]]) -> None:
    classes, ladders = adult
    best = search(classes, ladders, Anonymity(k=10, search="lattice"))
    local = search(classes, ladders, Anonymity(k=10, search="mondrian"))
    assert local.loss < 0.03 < best.loss
