from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.balance.errors import BalanceError
from models.balance.front import bounds_of, history
from models.balance.record import LineFile, Memory
from models.balance.search import STARTS, Search
from models.balance.space import Choices, Knob, Space
from models.values.balance import Constraint, Point
from models.values.target import PrivacyTarget
from tests.models.balance.points import point

SPACE = Space(
    knobs=(
        Knob(name="epsilon", low=0.3, high=3.0),
        Knob(name="learning_rate", low=0.001, high=0.1),
        Knob(name="steps", low=10, high=1_000, whole=True),
    ),
    default={"epsilon": 3.0, "learning_rate": 0.01, "steps": 100},
)
BOUNDS = bounds_of(0.5, PrivacyTarget(epsilon=3.0, delta=1e-5, n_public=5_000))


def trained(number: int, choices: Choices, noise: float = 0.0) -> Point:
    """A stand-in of a training: utility falls with noise and away from a rate and a number of steps."""
    epsilon, rate, steps = (float(choices[name]) for name in ("epsilon", "learning_rate", "steps"))
    away = 0.02 * np.log(rate / 0.03) ** 2 + 0.01 * np.log(steps / 400) ** 2
    return point(
        number, 0.9 - 0.02 / epsilon - away + noise, 0.04 * epsilon**2, epsilon=epsilon, choices=choices
    )


def run(search: Search, trials: int) -> Search:
    while search.asked < trials or search.open:
        asked = search.ask()
        search.tell(asked.number, trained(*asked))
    return search


def test_trial_0_is_the_recipe_and_the_first_ones_are_the_spaces_own() -> None:
    asked = [Search(SPACE, BOUNDS, seed=1).ask()]
    assert asked == [(0, SPACE.default)]
    points = run(Search(SPACE, BOUNDS, seed=1), STARTS).points
    assert [each.choices["epsilon"] for each in points[:3]] == [3.0, 1.0, 0.3]
    assert len({json.dumps(each.choices) for each in points}) == STARTS


@pytest.mark.parametrize("sampler", ["hypervolume", "tpe", "nsga2"])
def test_the_same_seed_asks_the_same(sampler: Any) -> None:
    first, again, other = (
        run(Search(SPACE, BOUNDS, seed=seed, sampler=sampler), STARTS + 3).points for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_search_widens_the_front_more_than_points_spread_over_the_space() -> None:
    found = history(run(Search(SPACE, BOUNDS, seed=5), 12).points, BOUNDS)[-1]
    rng = np.random.default_rng(5)
    drawn = [{knob.name: knob.at(rng.random()) for knob in SPACE.knobs} for _ in range(12)]
    spread = history([trained(number, choices) for number, choices in enumerate(drawn)], BOUNDS)[-1]
    assert found > spread + 0.01


def test_of_trials_that_gain_alike_the_cheaper_ones_are_tried() -> None:
    """Steps cost seconds: where they do, fewer are asked for."""

    def steps(cost: float) -> float:
        search = Search(SPACE, BOUNDS, seed=4)
        while search.asked < 12:
            asked = search.ask()
            seconds = 1.0 + cost * float(asked.choices["steps"])
            search.tell(asked.number, trained(*asked).model_copy(update={"seconds": seconds}))
        return float(np.mean([float(each.choices["steps"]) for each in search.points[STARTS:]]))

    assert steps(cost=1.0) < 0.7 * steps(cost=0.0)


def test_constraints_are_searched_for() -> None:
    """So few bits that neither the recipe nor most of the space keep the bound."""
    bound = (Constraint(what="upper_bits", at_most=0.006), Constraint(what="utility", at_least=0.8))
    points = run(Search(SPACE, BOUNDS, seed=3, constraints=bound), 14).points
    late = [each.upper_bits <= 0.006 and each.utility.low >= 0.8 for each in points[STARTS + 2 :]]
    assert sum(late) >= 0.6 * len(late)


def test_unfinished_trials_are_asked_again_with_the_same_choices() -> None:
    record = Memory()
    search = run(Search(SPACE, BOUNDS, seed=1, record=record), STARTS)
    open_ = [search.ask() for _ in range(3)]
    search.tell(open_[1].number, trained(*open_[1]))
    search.fail(open_[2].number, "out of memory")
    resumed = Search(SPACE, BOUNDS, seed=1, record=record)
    assert resumed.open == (open_[0].number,)
    assert resumed.points == search.points
    assert resumed.ask() == open_[0]
    assert resumed.ask().number == STARTS + 3


def test_a_search_that_was_cut_asks_what_an_uncut_one_asks() -> None:
    record, whole = Memory(), run(Search(SPACE, BOUNDS, seed=1), STARTS + 3)
    for trials in (2, STARTS + 1, STARTS + 3):
        run(Search(SPACE, BOUNDS, seed=1, record=record), trials)
    assert Search(SPACE, BOUNDS, seed=1, record=record).points == whole.points


def test_repeats_are_pooled_also_after_a_kill() -> None:
    record = Memory()
    search = run(Search(SPACE, BOUNDS, seed=1, record=record), 2)
    for noise in (0.01, -0.01):
        told = search.tell(1, trained(1, search.points[1].choices, noise))
    assert (told.repeats, told.utility.value) == (3, pytest.approx(trained(1, told.choices).utility.value))
    assert Search(SPACE, BOUNDS, seed=1, record=record).points[1] == told


def test_a_lucky_first_training_does_not_count_once_there_are_more() -> None:
    search = run(Search(SPACE, BOUNDS, seed=1), 2)
    choices = search.points[1].choices
    search.tell(1, trained(1, choices, -0.02))
    told = search.tell(1, trained(1, choices, -0.01))
    assert told.utility.value == pytest.approx(trained(1, choices, -0.015).utility.value)
    assert told.repeats == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 2},
        {"sampler": "tpe"},
        {"bounds": {**BOUNDS, "upper_bits": (0.0, 1.0)}},
        {"space": Space(knobs=SPACE.knobs[:1], default={"epsilon": 3.0})},
    ],
)
def test_the_record_of_another_search_is_refused(changed: dict[str, Any]) -> None:
    record = Memory()
    same: dict[str, Any] = {"space": SPACE, "bounds": BOUNDS, "seed": 1, "record": record}
    Search(**same).ask()
    with pytest.raises(BalanceError, match="other bounds"):
        Search(**same | changed)


def test_what_was_not_asked_is_not_told() -> None:
    search = Search(SPACE, BOUNDS, seed=1)
    with pytest.raises(BalanceError, match="trial 0 was not asked for"):
        search.tell(0, trained(0, SPACE.default))
    search.ask()
    with pytest.raises(BalanceError, match="another trial"):
        search.tell(0, trained(0, {**SPACE.default, "steps": 101}))


def test_a_line_cut_short_is_dropped_and_a_spoiled_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "search"
    run(Search(SPACE, BOUNDS, seed=1, record=LineFile(file)), 2)
    whole = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(whole[:-7])
    cut = Search(SPACE, BOUNDS, seed=1, record=LineFile(file))
    assert (len(cut.points), cut.open) == (1, (1,))
    file.write_bytes(whole.replace(b'"number"', b'"nummer"', 1))
    with pytest.raises(BalanceError, match="cannot be read"):
        Search(SPACE, BOUNDS, seed=1, record=LineFile(file))


def test_optuna_says_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        run(Search(SPACE, BOUNDS, seed=1), STARTS + 1)
    assert [record for record in caplog.records if record.name.startswith("optuna")] == []
    assert capfd.readouterr().err == ""


CHILD = """
import sys, time
from pathlib import Path
from models.balance.record import LineFile
from models.balance.search import Search
from tests.models.balance.test_search import BOUNDS, SPACE, trained
search = Search(SPACE, BOUNDS, seed=1, record=LineFile(Path(sys.argv[1])))
while search.asked < 12 or search.open:
    asked = search.ask()
    print(asked.number, flush=True)
    time.sleep(0.05)
    search.tell(asked.number, trained(*asked))
"""


@pytest.mark.prove
def test_a_search_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Killed three times at no chosen moment, it ends with the trials of a search that was never killed."""
    file = tmp_path / "search"
    for lines in (2, 4, 3):
        command = [sys.executable, "-c", CHILD, str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(lines):
                assert child.stdout.readline()
            time.sleep(0.02)
            child.send_signal(signal.SIGKILL)
    resumed = run(Search(SPACE, BOUNDS, seed=1, record=LineFile(file)), 12)
    assert resumed.points == run(Search(SPACE, BOUNDS, seed=1), 12).points
