"""The lattice finds what a brute-force reference finds, and its proof is checked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import pytest

from models.anonymity.errors import PolicyError
from models.anonymity.search.classes import Classes, count_rows
from models.anonymity.search.find import search
from models.anonymity.search.hubs import Hubs, bounds_from
from models.anonymity.search.ladder import Ladder, make_ladder
from models.anonymity.search.lattice import enumerated, lattice, verify
from models.anonymity.search.loss import Measure, costs
from models.anonymity.search.node import Question, size_bounds
from models.values.anonymity import Anonymity
from tests.models.anonymity.search.reference import Case, loss, optimum, random_case, released

MEASURES: tuple[Measure, ...] = ("ncp", "entropy", "discernibility")


def made(case: Case) -> tuple[Classes, list[Ladder], Anonymity]:
    """A case as the search takes it."""
    names = [f"q{n}" for n in range(len(case.paths))]
    people = case.people if "presence" in case.criteria else None
    classes = count_rows(names, case.quasi, [("s", case.sensitive)], people)
    ladders = []
    for name, values, path, height in zip(names, classes.values, case.paths, case.heights, strict=True):
        labels = [(str(level), partial(label_at, path, level)) for level in range(1, height - 1)]
        ladders.append(make_ladder(name, values, labels))
    weights = dict(zip(names, case.weights, strict=True))
    return classes, ladders, Anonymity(**case.criteria, search="lattice", weights=weights)


def label_at(path: dict[Any, tuple[Any, ...]], level: int, value: Any) -> Any:
    return path[value][level - 1]


def level_of(case: Case, ladder: Ladder, column: int, level: int) -> int:
    """The case's number of a ladder's level, from its name."""
    name = ladder.levels[level].name
    return 0 if level == 0 else case.heights[column] - 1 if name == "*" else int(name)


def agrees(seed: int) -> None:
    """One random table: loss, rows and feasibility are those of the reference, and the proof holds."""
    case = random_case(seed)
    classes, ladders, wanted = made(case)
    for measure in MEASURES[seed % 3 : seed % 3 + 1]:
        best = optimum(case, measure)
        if best is None:
            with pytest.raises(PolicyError, match="suppression_limit"):
                search(classes, ladders, wanted, measure)
            continue
        found = search(classes, ladders, wanted, measure)
        assert found.loss == pytest.approx(best, abs=1e-9), seed
        assert found.levels is not None
        levels = tuple(level_of(case, ladders[n], n, level) for n, level in enumerate(found.levels))
        kept = released(case, levels)
        assert kept is not None, seed
        assert found.suppressed == pytest.approx(1 - len(kept) / len(case.quasi)), seed
        assert loss(case, levels, kept, measure) == pytest.approx(best, abs=1e-9), seed
        question = asked(classes, ladders, wanted, measure)
        node, proof = lattice(question)
        assert verify(question, node, proof) == (), seed


def asked(classes: Classes, ladders: list[Ladder], wanted: Anonymity, measure: Measure) -> Question:
    table = None if measure == "discernibility" else costs(classes, ladders, measure, wanted.weights)
    return Question(classes=classes, ladders=tuple(ladders), anonymity=wanted, costs=table)


@pytest.fixture(params=["from below", "from above"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are looked at from below and class by class only, unless steps and hubs are as small as they are."""
    if request.param == "from above":
        monkeypatch.setattr("models.anonymity.search.lattice._STEPS", (1, 2, 4, 8, 16))
        monkeypatch.setattr("models.anonymity.search.hubs.TIERS", (64, 16))
        monkeypatch.setattr("models.anonymity.search.hubs._FROM", 1)
        for module in ("classes", "criteria"):
            monkeypatch.setattr(f"models.anonymity.search.{module}.DENSE", 0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("start", [0, 100])
def test_the_optimum_is_that_of_brute_force(start: int) -> None:
    for seed in range(start, start + 100):
        agrees(seed)


@pytest.mark.prove
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("start", range(1000, 11_000, 1000))
def test_the_optimum_is_that_of_brute_force_on_many_tables(start: int) -> None:
    for seed in range(start, start + 1000):
        agrees(seed)


def test_the_bounds_counted_from_a_hub_are_those_of_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.anonymity.search.hubs.TIERS", (64, 16))
    monkeypatch.setattr("models.anonymity.search.hubs._FROM", 1)
    made_any = False
    for seed in range(0, 200, 20):
        for measure in MEASURES:
            question = some_question(seed, measure)
            hubs = Hubs(question)
            for levels in product(*(range(len(ladder.levels)) for ladder in question.ladders)):
                hub = hubs.near(levels)
                made_any |= hub is not hubs.root
                near, far = bounds_from(hub, levels), size_bounds(question, levels)
                assert (near.surely, near.excess) == (pytest.approx(far.surely), pytest.approx(far.excess))
    assert made_any


def test_a_coarser_node_that_loses_by_entropy_rules_out_no_finer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A good class that takes in a bad one is lost with it: only k and distinct l may be used from above."""
    monkeypatch.setattr("models.anonymity.search.lattice._STEPS", (1, 2, 3))
    rows = [(value,) for value in "aaaabbbbcccc"]
    classes = count_rows(["q"], rows, [("s", list("ppqq" + "pppq" + "ppqq"))])
    ladder = make_ladder("q", classes.values[0], [("1", {"a": "x", "b": "x", "c": "y"}.get)])
    wanted = Anonymity(k=2, l=2, diversity="entropy", search="lattice", suppression_limit=0.4)
    found = search(classes, [ladder], wanted)
    assert (found.levels, found.suppressed) == ((0,), pytest.approx(1 / 3))


def test_t_is_measured_again_without_what_was_suppressed() -> None:
    """What goes changes the table that the rest is compared with: one pass would release a class that is too far."""
    rows = [(value,) for value in "a" * 3 + "b" * 10 + "c" * 12]
    sensitive = list("xxx" + "xxxxxxxxxy" + "xyyyyyyyyyyy")
    classes = count_rows(["q"], rows, [("s", sensitive)])
    wanted = Anonymity(k=2, t=0.44, search="none", suppression_limit=1.0)
    found = search(classes, [make_ladder("q", classes.values[0], [])], wanted)
    # shares of x: a 1, b 0.9, c 1/12; the table 0.52, without a 0.4545, of which b is 0.4455 away
    assert found.owner.tolist() == [-1, -1, 0]


def some_question(seed: int = 5, measure: Measure = "ncp") -> Question:
    for number in range(seed, seed + 1000):
        case = random_case(number)
        classes, ladders, wanted = made(case)
        if len(ladders) == 3 and optimum(case, measure) is not None:
            return asked(classes, ladders, wanted, measure)
    raise AssertionError("no feasible case")


@pytest.mark.parametrize("measure", MEASURES)
def test_a_proof_that_leaves_out_a_node_or_names_another_is_refused(measure: Measure) -> None:
    question = some_question(measure=measure)
    node, proof = lattice(question)
    assert verify(question, node, proof) == ()
    short = replace(proof, evaluated=tuple(one for one in proof.evaluated if one.levels != node.levels))
    assert verify(question, node, short)
    worse = next(one for one in proof.evaluated if one.loss is not None)
    for other in proof.evaluated:
        if other.loss is not None and node.loss is not None and other.loss > node.loss + 1e-6:
            worse = other
    assert worse.levels == node.levels or verify(question, worse, proof)
    lied = replace(proof, evaluated=tuple(replace(one, loss=0.0, suppressed=0.0) for one in proof.evaluated))
    assert verify(question, node, lied)


def test_looking_at_every_node_finds_the_same() -> None:
    for seed in range(0, 400, 40):
        question = some_question(seed)
        best, every = lattice(question)[0], enumerated(question)
        assert every is not None
        assert best.loss == pytest.approx(every.loss)


def test_a_table_of_nobody_is_refused() -> None:
    classes, wanted = count_rows(["q"], []), Anonymity(search="lattice")
    with pytest.raises(PolicyError, match="no rows"):
        search(classes, [make_ladder("q", (), [])], wanted)


def test_a_null_is_a_value_that_forms_classes() -> None:
    """THREATS 45: rows that miss the value are counted, in a class of their own or merged at the top."""
    rows = [(None,)] * 2 + [("a",)] * 3
    classes = count_rows(["q"], rows)
    ladder = make_ladder("q", classes.values[0], [])
    found = search(classes, [ladder], Anonymity(k=3, search="lattice", suppression_limit=0.0))
    assert found.levels == (1,)
    lost = search(classes, [ladder], Anonymity(k=3, search="lattice", suppression_limit=0.5))
    assert (lost.levels, lost.suppressed) == ((0,), 0.4)


def test_suppressed_rows_are_no_class() -> None:
    """THREATS 46: what is suppressed is neither counted as a class nor released."""
    rows = [("a",)] * 4 + [("b",)]
    classes = count_rows(["q"], rows)
    found = search(
        classes,
        [make_ladder("q", classes.values[0], [])],
        Anonymity(k=2, search="lattice", suppression_limit=0.3),
    )
    assert found.groups == 1
    assert sorted(found.owner.tolist()) == [-1, 0]


def test_a_uniform_sensitive_value_needs_l() -> None:
    """THREATS 47: a class whose sensitive value is the same for all is generalised or goes."""
    rows, sensitive = [("a",)] * 3 + [("b",)] * 3, ["x"] * 3 + ["x", "y", "y"]
    classes = count_rows(["q"], rows, [("s", sensitive)])
    ladder = make_ladder("q", classes.values[0], [])
    found = search(classes, [ladder], Anonymity(k=2, l=2, search="lattice", suppression_limit=0.0))
    assert found.levels == (1,)


def test_a_level_that_splits_what_is_merged_is_refused() -> None:
    first = {"a": "x", "b": "x", "c": "y", "d": "z"}
    second = {"a": "1", "b": "2", "c": "2", "d": "2"}
    with pytest.raises(PolicyError, match="splits"):
        make_ladder("q", list("abcd"), [("1", first.get), ("2", second.get)])


def test_criteria_that_cannot_be_measured_are_refused() -> None:
    classes = count_rows(["q"], [("a",)] * 3)
    ladder = make_ladder("q", classes.values[0], [])
    for wanted in ({"t": 0.2}, {"beta": 1.0}, {"presence": (0.0, 0.5), "population": "p"}):
        with pytest.raises(PolicyError, match="need"):
            search(classes, [ladder], Anonymity(k=2, search="lattice", **wanted))
