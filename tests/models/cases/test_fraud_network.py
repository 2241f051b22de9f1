from __future__ import annotations

import numpy as np
import pytest

from models.cases.fraud_network import Detector, contributions
from models.cases.fraud_reasons import Reason, because, usual_of


def test_the_rare_class_has_its_public_weight() -> None:
    detector = Detector(features=3, weight=8.0)
    losses = detector.loss(np.array([1.0, 0.0], dtype=np.float32), np.zeros(2, dtype=np.float32)).numpy()
    assert losses[0] / losses[1] == pytest.approx(8.0)


@pytest.mark.parametrize(("weight", "thinning"), [(1.0, 1.0), (8.0, 1.0), (8.0, 16.0)])
def test_weight_and_thinning_are_taken_off_exactly(weight: float, thinning: float) -> None:
    """The log-odds with the least loss, among as many as are kept, give back the true share of fraud."""
    detector, share = Detector(features=1, weight=weight, thinning=thinning), 0.02
    grid = np.linspace(-12, 12, 240_001, dtype=np.float64)
    fraud, honest = (detector.loss(np.full_like(grid, label), grid).numpy() for label in (1.0, 0.0))
    best = grid[np.argmin(share * fraud + (1 - share) / thinning * honest)]
    assert detector.probabilities([best])[0] == pytest.approx(share, rel=1e-3)


def test_contributions_add_up_to_the_difference_of_log_odds() -> None:
    """And are those of the integral, here by 2,000 steps."""
    detector = Detector(features=5)
    model, rng = detector.build(), np.random.default_rng(1)
    rows, usual = rng.normal(size=(2, 7, 5))
    usual[0, :4] = rows[0, :4]
    model.set_weights([rng.normal(size=held.shape) for held in model.get_weights()])
    added = contributions(model, rows, usual)
    said = [np.asarray(model(held.astype(np.float32)))[:, 0] for held in (rows, usual)]
    np.testing.assert_allclose(added.sum(axis=1), said[0] - said[1], atol=1e-4)
    assert not added[0, :4].any()
    into, bias, out, _ = (np.asarray(held, dtype=np.float64) for held in model.get_weights())
    steps = (np.arange(2000) + 0.5) / 2000
    way = usual[:, None] + steps[:, None] * (rows - usual)[:, None]
    slope = (1 - np.tanh(way @ into + bias) ** 2) * out[:, 0]
    np.testing.assert_allclose(added, (rows - usual) * (slope @ into.T).mean(axis=1), atol=1e-5)


def test_usual_is_what_the_customers_other_events_are() -> None:
    rows = np.array([[2.0], [4.0], [6.0], [9.0]])
    assert usual_of(["a", "a", "a", "b"], rows).tolist() == [[10 / 3], [8 / 3], [2.0], [0.0]]
    assert usual_of([], np.zeros((0, 3))).shape == (0, 3)


def test_reasons_are_what_counts_and_is_true() -> None:
    """The weightiest first; nothing that lowers the odds, that is not above the usual, or whose number is unknown."""
    reasons = (
        Reason(features=("new",), english="New.", chinese="新。"),
        Reason(
            features=("times", "more"), english="{} times.", chinese="{} 倍。", number=lambda v: f"{v:.0f}"
        ),
    )
    model = Detector(features=3, hidden=1).build()
    model.set_weights([np.array([[0.01], [0.02], [0.01]]), np.zeros(1), np.array([[100.0]]), np.zeros(1)])
    rows = np.array([[1.0, 3.0, 0.0], [0.0, -3.0, 9.0], [-1.0, 0.0, 9.0], [0.1, 0.1, 0.0]])
    english, chinese = because(reasons, ("new", "times", "more"), model, rows, np.zeros(rows.shape))
    assert english == ["3 times. New.", "-3 times.", "", ""]
    assert chinese == ["3 倍。新。", "-3 倍。", "", ""]
