"""RMIA: by its formula, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from models.attacks.rmia import SCALE, best_scale, offline, online


def _known(references: int, customers: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    halves = [rng.permutation(customers) < customers // 2 for _ in range(references // 2)]
    trained = np.array([mask for half in halves for mask in (half, ~half)])
    hard = rng.gamma(2, size=customers)
    return hard * np.where(trained, 0.3, 1.0) * rng.uniform(0.5, 1.5, trained.shape), trained


def _by_pairs(target, mean):
    """Pr over z of Lambda(x) / Lambda(z) >= 1."""
    ratio = np.exp(-target) / mean
    return (ratio[:, None] / ratio[None, :] >= 1).mean(axis=1)


@pytest.mark.parametrize("references", [2, 4, 8])
def test_scores_are_those_of_the_formula(references: int):
    losses, trained = _known(references)
    target = _known(2, seed=5)[0][0]
    likelihood = np.exp(-losses)
    out = np.array([likelihood[~had, place].mean() for place, had in enumerate(trained.T)])
    both = (out + np.array([likelihood[had, place].mean() for place, had in enumerate(trained.T)])) / 2
    assert online(target, losses, trained) == pytest.approx(_by_pairs(target, both), abs=0.006)
    for scale in (0.0, 0.3, 1.0):
        mean = ((1 + scale) * out + (1 - scale)) / 2
        assert offline(target, losses, trained, scale) == pytest.approx(_by_pairs(target, mean), abs=0.006)


def test_the_offline_attack_reads_no_model_that_was_trained_on_the_customer():
    losses, trained = _known(6)
    changed = np.where(trained, 9.0, losses)
    assert (offline(losses[0], changed, trained, 0.3) == offline(losses[0], losses, trained, 0.3)).all()


def test_a_customer_who_is_likely_under_any_model_is_not_called_a_member():
    """The loss threshold would say that the easy one is."""
    losses, trained = np.array([[0.01, 3.0], [0.01, 3.0]]), np.eye(2, dtype=bool)
    scores = online(np.array([0.01, 0.5]), losses, trained)
    assert scores[1] > scores[0]


def test_the_scale_is_chosen_where_references_are_enough():
    losses, trained = _known(6)
    assert 0.5 < best_scale(losses, trained) < 1
    assert best_scale(losses[:2], trained[:2]) == SCALE
    # where OUT is known exactly, all that matters is how far IN is above it
    exact = np.random.default_rng(1).gamma(2, size=200) * np.where(trained, 0.3, 1.0)
    assert best_scale(exact, trained) >= 0.9


@pytest.mark.parametrize("seed", range(3))
def test_the_scale_is_that_of_the_best_attack_on_references_by_the_other_pairs(seed: int):
    losses, trained = _known(6, seed=seed)

    def gap(scale: float) -> float:
        gaps = []
        for target in range(6):
            rest = [place for place in range(6) if place // 2 != target // 2]
            scores = offline(losses[target], losses[rest], trained[rest], scale)
            gaps.append(scores[trained[target]].mean() - scores[~trained[target]].mean())
        return float(np.mean(gaps))

    assert best_scale(losses, trained) == pytest.approx(max(np.linspace(0, 1, 11), key=gap))


def test_losses_beyond_single_precision_are_ranked():
    losses, trained = (
        np.array([[900.0, 2000.0, 1.0], [950.0, 2000.0, 1.0]]),
        np.array([[1, 0, 1], [0, 1, 0]], bool),
    )
    assert np.isfinite(online(np.array([800.0, 10.0, 2.0]), losses, trained)).all()
