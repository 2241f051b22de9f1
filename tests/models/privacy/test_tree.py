from __future__ import annotations

from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any

import dp_accounting
import numpy as np
import pytest
import tensorflow as tf
from dp_accounting.rdp import RdpAccountant

from models.privacy.epsilon import pld_epsilon
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.noise import GaussianNoise, KeyStream
from models.privacy.tree import Participations, TreePlan, TreeSumQuery
from models.privacy.tree_sensitivity import squared_sensitivity

LAYOUTS = [(1, 0), (13, 0), (11, 3)]


def _plan(steps: int, restart_every: int = 0, **other: Any) -> TreePlan:
    given = {"clipping_norm": 1.0, "noise_multiplier": 1.0} | other
    return TreePlan(steps=steps, restart_every=restart_every, **given)


class OneByOne:
    """The i-th node's noise is the i-th unit vector."""

    def __init__(self) -> None:
        self.nodes = 0

    def vector(self, count: int, *, stddev: float) -> Any:
        self.nodes += 1
        return stddev * np.eye(1, count, k=self.nodes - 1, dtype=np.float32)[0]


def _released(plan: TreePlan, noise: Any, spec: Any, *, value: float = 0.0, **kind: bool) -> Any:
    """What every step releases when each step's sum is `value` everywhere."""
    query = TreeSumQuery(plan, [spec], noise, **kind)
    state, steps = query.initial_global_state(), []
    for _ in range(plan.steps):
        noised, state, _ = query.get_noised_result([tf.fill(spec.shape, value)], state)
        steps.append(np.ravel(noised[0]))
    return np.array(steps, dtype=np.float64)


def _nodes(trees: tuple[int, ...], efficient: bool) -> Any:
    """(nodes, steps): which steps lie below each node, in the order in which the nodes are drawn."""
    rows, first, total = [], 0, sum(trees)
    for steps in trees:
        for leaf in range(steps + 1):  # one leaf is drawn ahead and never used
            largest = ((leaf + 1) & -(leaf + 1)).bit_length() - 1
            for height in range(largest + 1) if efficient else [largest]:
                below = np.zeros(total)
                below[first + leaf + 1 - 2**height : first + leaf + 1] = leaf < steps
                rows.append(below)
        first += steps
    return np.array(rows)


@lru_cache
def _prefix_noise(steps: int, restart: int, efficient: bool) -> Any:
    """(steps, nodes): how much of each node's noise is in the sum of the first steps."""
    spec = tf.TensorSpec((40,))
    return np.cumsum(_released(_plan(steps, restart), OneByOne(), spec, efficient=efficient), axis=0)


@pytest.mark.parametrize(("steps", "restart"), LAYOUTS)
@pytest.mark.parametrize("efficient", [True, False])
def test_releases_are_computed_from_noised_nodes(steps: int, restart: int, efficient: bool) -> None:
    """Prefix noise M and node sums C satisfy M C = lower triangle: all released is M (C x + noise)."""
    nodes = _nodes(_plan(steps, restart).trees, efficient)
    matrix = _prefix_noise(steps, restart, efficient)
    assert not matrix[:, len(nodes) :].any()
    np.testing.assert_allclose(matrix[:, : len(nodes)] @ nodes, np.tril(np.ones((steps, steps))), atol=1e-5)


@pytest.mark.parametrize(("steps", "restart"), LAYOUTS)
@pytest.mark.parametrize("efficient", [True, False])
def test_noise_of_a_prefix_has_the_variance_of_its_binary_digits(
    steps: int, restart: int, efficient: bool
) -> None:
    """Without Honaker's weights one per digit 1; with them 1 / (2 - 2^-height) (Honaker 2015)."""

    def of_tree(done: int) -> float:
        heights = [height for height in range(20) if done >> height & 1]
        return sum(1 / (2 - 2.0**-height) if efficient else 1.0 for height in heights)

    each = restart or steps
    expected = [of_tree(each) * (done // each) + of_tree(done % each) for done in range(1, steps + 1)]
    np.testing.assert_allclose(
        np.sum(_prefix_noise(steps, restart, efficient) ** 2, axis=1), expected, rtol=1e-5
    )


@pytest.mark.parametrize("cumulative", [True, False])
def test_noise_has_the_planned_size_and_the_sum_is_in_it(cumulative: bool) -> None:
    """100,000 coordinates: 2 % are 9 standard errors of a standard deviation."""
    plan = _plan(5, 3, clipping_norm=0.5, noise_multiplier=4.0)
    noise = GaussianNoise(KeyStream())
    spec = tf.TensorSpec((100_000,))
    released = _released(plan, noise, spec, value=3.0, cumulative=cumulative, efficient=False)
    sums = released if cumulative else np.cumsum(released, axis=0)
    for step, variance in enumerate([1, 1, 2, 3, 3], start=1):
        assert np.std(sums[step - 1]) == pytest.approx(2.0 * variance**0.5, rel=0.02)
        assert np.mean(sums[step - 1]) == pytest.approx(3.0 * step, abs=0.06)
    assert set(noise.taken()) == {2.0}


def test_every_variable_has_noise_of_its_own() -> None:
    specs = {"a": tf.TensorSpec((2, 3)), "b": [tf.TensorSpec(()), tf.TensorSpec((4,))]}
    query = TreeSumQuery(_plan(1), specs, GaussianNoise(KeyStream()))
    zeros = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape), specs)
    noised, _, _ = query.get_noised_result(zeros, query.initial_global_state())
    assert tf.nest.map_structure(lambda part: part.shape, noised) == {"a": (2, 3), "b": [(), (4,)]}
    assert len({float(number) for part in tf.nest.flatten(noised) for number in np.ravel(part)}) == 11


def _worst(trees: tuple[int, ...], participations: int, separation: int) -> float:
    """By trying every way to take part."""
    nodes, steps = _nodes(trees, True), sum(trees)
    best = 0.0
    for count in range(1, participations + 1):
        for when in combinations(range(steps), count):
            if all(later - before >= separation for before, later in pairwise(when)):
                best = max(best, float(np.sum(nodes[:, when].sum(axis=1) ** 2)))
    return best


@pytest.mark.parametrize("trees", [(1,), (8,), (9,), (7,), (4, 4), (3, 3, 2), (5, 5), (1, 1, 1)])
@pytest.mark.parametrize("separation", [1, 2, 3, 4, 7])
def test_sensitivity_is_never_below_the_worst_customer(trees: tuple[int, ...], separation: int) -> None:
    for participations in (1, 2, 3, 4):
        bound = squared_sensitivity(trees, participations, separation)
        worst = _worst(trees, participations, separation)
        assert worst <= bound
        if separation == 1 or participations == 1:
            assert worst == bound


@pytest.mark.parametrize(("steps", "restart"), [(1, 0), (7, 0), (8, 0), (1000, 0), (1000, 128)])
def test_one_participation_costs_what_the_library_says(steps: int, restart: int) -> None:
    plan = _plan(steps, restart, noise_multiplier=5.0)
    library = dp_accounting.SingleEpochTreeAggregationDpEvent(5.0, list(plan.trees))
    special = dp_accounting.NeighboringRelation.REPLACE_SPECIAL
    expected = RdpAccountant(neighboring_relation=special).compose(library).get_epsilon(1e-6)
    assert RdpAccountant().compose(plan.event).get_epsilon(1e-6) == pytest.approx(expected)


def test_one_participation_per_tree_composes_over_trees() -> None:
    plan = _plan(60, 20, max_participations=3, min_separation=20, noise_multiplier=5.0)
    library = dp_accounting.SelfComposedDpEvent(dp_accounting.SingleEpochTreeAggregationDpEvent(5.0, 20), 3)
    special = dp_accounting.NeighboringRelation.REPLACE_SPECIAL
    expected = RdpAccountant(neighboring_relation=special).compose(library).get_epsilon(1e-6)
    assert RdpAccountant().compose(plan.event).get_epsilon(1e-6) == pytest.approx(expected)


def test_the_event_is_one_gaussian_without_amplification() -> None:
    plan = _plan(8, max_participations=2, min_separation=8 - 1, clipping_norm=7.0, noise_multiplier=6.0)
    assert plan.event == dp_accounting.GaussianDpEvent(6.0 / np.sqrt(3 * 2 + 4))
    assert plan.epsilon(1e-6) == pld_epsilon(plan.event, 1e-6)


def test_a_single_step_is_never_free() -> None:
    query = TreeSumQuery(_plan(2), [tf.TensorSpec((2,))], GaussianNoise(KeyStream()))
    _, _, event = query.get_noised_result([tf.zeros((2,))], query.initial_global_state())
    with pytest.raises(PrivacyError, match="knows no bound"):
        pld_epsilon(event, 1e-6)


def test_more_steps_than_planned_are_refused() -> None:
    query = TreeSumQuery(_plan(2), [tf.TensorSpec((2,))], GaussianNoise(KeyStream()))
    state = query.initial_global_state()
    for _ in range(2):
        _, state, _ = query.get_noised_result([tf.zeros((2,))], state)
    with pytest.raises(PlanViolation, match="2 steps"):
        query.get_noised_result([tf.zeros((2,))], state)


@pytest.mark.parametrize(("value", "norm"), [(3.0, 0.5), (1e-3, 2e-3), (np.nan, 0.0), (np.inf, 0.0)])
def test_contributions_are_clipped(value: float, norm: float) -> None:
    query = TreeSumQuery(_plan(2, clipping_norm=0.5), [tf.TensorSpec((4,))], GaussianNoise(KeyStream()))
    params = query.derive_sample_params(query.initial_global_state())
    (part,) = query.preprocess_record(params, [tf.fill((4,), value)])
    assert np.linalg.norm(part) == pytest.approx(norm, rel=1e-5)


def test_participations_beyond_the_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 3 do"):
        _plan(9, max_participations=4, min_separation=4)


def test_customers_take_part_as_planned() -> None:
    seen = Participations(_plan(9, max_participations=2, min_separation=3), 3)
    for chosen in ([0, 1], [], [2], [0]):
        seen.take_part(np.array(chosen, dtype=np.int64))
    np.testing.assert_array_equal(seen.eligible(), [False, True, False])


@pytest.mark.parametrize("again", [[0], [1, 0], [1, 1]])
@pytest.mark.parametrize("before", [[[0], []], [[0], [], [], [0], [], []]])
def test_a_customer_too_often_or_too_early_is_refused(before: Any, again: Any) -> None:
    seen = Participations(_plan(9, max_participations=2, min_separation=3), 3)
    for chosen in before:
        seen.take_part(np.array(chosen, dtype=np.int64))
    with pytest.raises(PlanViolation, match="eligible"):
        seen.take_part(np.array(again))
