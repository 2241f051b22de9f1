"""Noise: the stated distribution on a public grid, anew for each key and each row, and nothing of what was missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from infra.engine import Engine, open_engine
from models.anonymity.noise import noised, row_name, scale
from models.anonymity.pseudonyms import HmacKey
from models.values.secret import SecretBytes
from models.values.transform import Noise
from tests.models.anonymity.test_discrete import FALSE_ALARM, normal

ROWS = 40_000
MECHANISMS = [
    Noise(mechanism="laplace", epsilon=1, low=0, high=20, step=0.5),
    Noise(mechanism="geometric", epsilon=2, low=0, high=10),
    Noise(mechanism="gaussian", epsilon=1, delta=1e-5, low=-5, high=5, step=1),
    Noise(mechanism="discrete_gaussian", epsilon=4, delta=1e-5, low=0, high=8, step=2),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def key(engine: Engine, name: str) -> HmacKey:
    return engine.secret(SecretBytes(name.encode() * 8), name)


def released(engine: Engine, values: Any, transform: Noise, using: HmacKey) -> Any:
    table = ibis.memtable(pa.table({"n": np.arange(len(values)), "v": values}))
    made = table.select("n", r=noised(table.v, row_name(table, ["n"]), transform, using)).order_by("n")
    return engine.ibis.to_pyarrow(made)["r"].to_numpy()


@pytest.mark.parametrize("transform", MECHANISMS, ids=lambda transform: transform.mechanism)
def test_noise_has_the_distribution_of_its_mechanism(engine: Engine, transform: Noise) -> None:
    middle = (transform.low + transform.high) / 2
    found = released(engine, np.full(ROWS, middle), transform, key(engine, "one"))
    steps = (found - middle) / transform.step
    assert np.array_equal(steps, np.round(steps))
    width = scale(transform)
    law = {
        "laplace": stats.laplace(scale=width),
        "geometric": stats.dlaplace(1 / width),
        "gaussian": stats.norm(scale=width),
        "discrete_gaussian": stats.rv_discrete(values=normal(width**2)),
    }[transform.mechanism]
    half = 0.0 if transform.mechanism in ("geometric", "discrete_gaussian") else 0.5
    edges = np.arange(-3 * math.ceil(width), 3 * math.ceil(width) + 1)
    below = np.concatenate([[0.0], law.cdf(edges + half), [1.0]])
    counts = np.bincount(np.searchsorted(edges, steps), minlength=len(edges) + 1)
    expected = np.diff(below) * ROWS
    enough = expected >= 5
    chi = ((counts - expected)[enough] ** 2 / expected[enough]).sum()
    assert stats.chi2(int(enough.sum()) - 1).sf(chi) > FALSE_ALARM


def test_epsilon_is_shared_by_a_customers_rows() -> None:
    """Planted bug: every row spends the whole epsilon."""
    one = Noise(mechanism="laplace", epsilon=1, low=0, high=20)
    many = one.model_copy(update={"rows": 10})
    assert scale(one) == 20
    assert scale(many) == 200
    gauss = Noise(mechanism="gaussian", epsilon=1, delta=1e-5, low=0, high=20)
    assert scale(gauss.model_copy(update={"rows": 16})) == pytest.approx(4 * scale(gauss))


def test_another_preparation_draws_anew_and_rows_draw_for_themselves(engine: Engine) -> None:
    values, transform = np.full(2000, 10.0), MECHANISMS[0]
    one, again, other = (
        released(engine, values, transform, key(engine, name)) for name in ("one", "one", "two")
    )
    assert np.array_equal(one, again)
    assert np.mean(one == other) < 0.1
    lag = np.corrcoef(one[:-1], one[1:])[0, 1]
    assert abs(lag) < 4 / math.sqrt(len(one))
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(len(one))


def test_what_is_outside_or_missing_looks_like_the_rest(engine: Engine) -> None:
    transform = Noise(mechanism="laplace", epsilon=1e-3, low=0, high=20)
    values = pa.array([1e9, None, float("nan"), 10.0] * 500, pa.float64())
    found = released(engine, values, transform, key(engine, "one")).reshape(-1, 4)
    assert not np.isnan(found.astype(float)).any()
    for column in range(3):
        assert stats.ks_2samp(found[:, column], found[:, 3]).pvalue > FALSE_ALARM


@pytest.mark.parametrize(
    "transform", [MECHANISMS[1], MECHANISMS[3]], ids=lambda transform: transform.mechanism
)
def test_whole_numbers_stay_whole(engine: Engine, transform: Noise) -> None:
    found = released(engine, np.arange(100), transform, key(engine, "one"))
    assert found.dtype == np.int64


def test_rows_of_two_columns_are_not_mixed_up(engine: Engine) -> None:
    table = ibis.memtable({"a": ["1", "11"], "b": ["11", "1"]})
    names = [row["r"] for row in engine.rows(table.select(r=row_name(table, ["a", "b"])))]
    assert names == ["1:12:11", "2:111:1"]
