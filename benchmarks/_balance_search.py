"""The search against a grid of equal cost: which front is wider, on the fraud case of the embedded shop.

Both get the same trainings at most and the same seconds of CPU, what a search thinks for counted with them; a search
that used up the grid's seconds stops, however few trials it made. The space, its reference and the data are the same,
and the features of each level of coarseness are computed before. A front picks the luckiest of noisy trainings, so the
points of both are trained again, afresh, and it is these that are compared.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import ibis
from scipy.stats import t

from benchmarks._fraud import shop_rows
from benchmarks.claims import claim
from models.balance.front import bounds_of, front, hypervolume
from models.balance.objectives import pooled
from models.balance.search import Sampler, Search
from models.balance.space import COARSEST, Choices, aimed, space_of, variant
from models.cases.fraud import FRAUD
from models.privacy.bits import as_measure, upper_bits_planned
from models.privacy.trainer import fit
from models.privacy.twin import outputs
from models.shop.generate import make_shop
from models.shop.specification import PUBLIC_BOUND
from models.values.balance import Point
from models.values.target import PrivacyTarget

SEED = 20_260_101  # of intervals
TRIALS, SEEDS, OTHERS, AFRESH = 30, 5, 2, 2
TARGET = PrivacyTarget(epsilon=3.0, delta=PrivacyTarget.default_delta(PUBLIC_BOUND), n_public=PUBLIC_BOUND)
SPACE = space_of(FRAUD, TARGET)
BOUNDS = bounds_of(0.5, TARGET)


class _Ran(NamedTuple):
    """A search: its hypervolume as it was found and when measured again, its trials, the seconds of CPU it took."""

    found: float
    volume: float
    trials: int
    seconds: float


def claims() -> Iterator[dict[str, object]]:
    """The claims on the search."""
    for level in range(COARSEST + 1):  # what is computed or compiled once is nobody's cost
        _train({**SPACE.default, "coarseness": level}, level)
    pairs = []
    for seed in range(SEEDS):
        grid = _grid()
        pairs.append((grid, _search(seed, "hypervolume", grid)))
    gains = [ours.volume - grid.volume for grid, ours in pairs]
    wide = float(t.ppf(0.975, SEEDS - 1)) * stdev(gains) / math.sqrt(SEEDS)
    yield claim(
        f"hypervolume of a search over a grid of equal cost, fraud, embedded shop, {SEEDS} seeds, measured again",
        asked="more on average, beyond the 95 % interval of the seeds",
        measured={
            "gain": [round(number, 4) for number in (fmean(gains), fmean(gains) - wide, fmean(gains) + wide)],
            "grid, search": [(round(grid.volume, 4), round(ours.volume, 4)) for grid, ours in pairs],
            "as found": [(round(grid.found, 4), round(ours.found, 4)) for grid, ours in pairs],
            "seeds won": sum(gain > 0 for gain in gains),
            "trials": [(grid.trials, ours.trials) for grid, ours in pairs],
            "seconds": [(round(grid.seconds, 1), round(ours.seconds, 1)) for grid, ours in pairs],
        },
        holds=fmean(gains) > wide,
    )
    tried = [_search(seed, "tpe", pairs[seed][0]) for seed in range(OTHERS)]
    own = [round(ours.volume, 4) for _, ours in pairs[:OTHERS]]
    yield claim(
        "the same searches with Optuna's tree-structured Parzen estimator",
        asked="reported; the search's own sampler is not behind on average",
        measured={"tpe": [round(ran.volume, 4) for ran in tried], "own": own},
        holds=fmean(own) >= fmean(ran.volume for ran in tried),
    )


def _grid() -> _Ran:
    started = time.process_time()
    return _ended((_train(choices, number) for number, choices in enumerate(SPACE.grid(TRIALS))), started)


def _search(seed: int, sampler: Sampler, grid: _Ran) -> _Ran:
    started = time.process_time()

    def points() -> Iterator[Point]:
        search = Search(SPACE, BOUNDS, seed=seed, sampler=sampler)
        while search.asked < grid.trials and time.process_time() - started < grid.seconds:
            asked = search.ask()
            yield search.tell(asked.number, _train(asked.choices, asked.number))

    return _ended(points(), started)


def _ended(points: Iterable[Point], started: float) -> _Ran:
    made = tuple(points)
    seconds = time.process_time() - started
    again = [_again(point) for point in front(made)]
    return _Ran(hypervolume(made, BOUNDS), hypervolume(again, BOUNDS), len(made), seconds)


def _again(point: Point) -> Point:
    """The mean of trainings of the same choices that did not decide whether the point is on a front."""
    return pooled([_train(point.choices, point.number) for _ in range(AFRESH)])


def _train(choices: Choices, number: int) -> Point:
    """One training and its point; no attack, since the front is of the accountant's bound."""
    started, case = time.process_time(), variant(FRAUD, choices)
    plan = case.plan(aimed(TARGET, choices))
    train, test = (_examples(int(choices["coarseness"]), part) for part in ("train", "test"))
    model = case.build_model({})
    fit(plan, model, train, loss=case.loss, optimizer=case.optimizer())
    bits = upper_bits_planned(plan)
    bound = as_measure(bits)
    return Point(
        number=number,
        choices=choices,
        utility=case.metrics[0].exact(outputs(model, test), test, seed=SEED),
        risk=bound,
        advantage=bound,
        upper_bits=bits,
        epsilon=plan.epsilon,
        unmet=0.0,
        seconds=time.process_time() - started,
    )


@cache
def _examples(level: int, part: str) -> Any:
    return variant(FRAUD, {"coarseness": level}).examples(_rows(), part, {})


@cache
def _rows() -> Any:
    """The features of the embedded shop, computed once."""
    with tempfile.TemporaryDirectory() as folder:
        make_shop(Path(folder) / "shop")
        engine = ibis.duckdb.connect()
        return engine.create_table("rows", shop_rows(engine, Path(folder) / "shop"))
