from __future__ import annotations

import numpy as np
import pytest

from models.balance.front import volume
from models.balance.gaussian import Belief, GaussianProcess
from models.balance.improvement import expected_improvement


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_expected_improvement_is_the_mean_gain(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    front, mean, stddev = rng.random((4, dimensions)), rng.random((3, dimensions)), 0.2
    beliefs = [Belief(mean[:, axis], np.full(3, stddev)) for axis in range(dimensions)]
    found = expected_improvement(front, beliefs)
    for place in range(3):
        drawn = mean[place] + stddev * rng.normal(size=(1_500, dimensions))
        # Below 0 a loss is better than the best there can be; the improvement counts it, the box does not.
        gains = [_volume(np.vstack([front, each])) - _volume(front) for each in drawn]
        assert found[place] == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / np.sqrt(1_500) + 1e-3)


def _volume(rows: np.ndarray) -> float:
    """The volume below 1, of rows that may lie below 0: in a box from -3 on, large enough for all of it."""
    return volume((rows + 3) / 4) * 4 ** rows.shape[1]


def test_nothing_is_expected_where_the_front_surely_is() -> None:
    front = np.array([[0.2, 0.2]])
    beliefs = [Belief(np.array([0.5, 0.1]), np.full(2, 1e-9)) for _ in range(2)]
    assert expected_improvement(front, beliefs) == pytest.approx([0.0, 0.9**2 - 0.8**2])


def test_a_process_finds_a_smooth_function_and_knows_where_it_knows_nothing() -> None:
    rng = np.random.default_rng(3)
    places = rng.random((25, 2)) * [1.0, 0.5]
    values = np.sin(4 * places[:, 0]) + places[:, 1] + rng.normal(size=25) * 0.01
    process = GaussianProcess(places, values)
    near, far = process.at(np.array([[0.5, 0.25]])), process.at(np.array([[0.5, 1.0]]))
    assert near.mean[0] == pytest.approx(np.sin(2) + 0.25, abs=0.03)
    assert far.stddev[0] > 2 * near.stddev[0]


def test_a_trial_that_runs_makes_its_place_known_and_moves_no_mean() -> None:
    rng = np.random.default_rng(4)
    process = GaussianProcess(rng.random((8, 1)) / 2, rng.random(8))
    place = np.array([[0.9]])
    beside = process.beside(place)
    assert beside.at(place).mean[0] == pytest.approx(process.at(place).mean[0], abs=1e-3)
    assert beside.at(place).stddev[0] < 0.8 * process.at(place).stddev[0]
