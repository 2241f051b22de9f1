"""What is known before a search's first trial: how bits follow epsilon, and seconds the work."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.balance.gaussian import GaussianProcess
from models.balance.space import Space, space_of
from models.balance.trends import following, lasting
from models.cases.fraud import FRAUD
from models.values.target import PrivacyTarget

SPACE = space_of(FRAUD, PrivacyTarget(epsilon=3.0, delta=1e-6, n_public=100_000))


def _at(**choices: Any) -> NDArray[np.float64]:
    wanted = {**SPACE.default, **choices}
    return np.array([[knob.place(float(wanted[knob.name])) for knob in SPACE.knobs]])


def test_bits_grow_with_the_square_of_epsilon() -> None:
    for what, power in (("upper_bits", 2), ("epsilon", 1), ("utility", 0), ("unmet", 0)):
        found = following(SPACE, what)(_at(epsilon=0.3)) - following(SPACE, what)(_at(epsilon=3.0))
        assert found == pytest.approx(power * math.log(0.1), abs=1e-9)


def test_half_of_the_seconds_grow_with_the_examples_looked_at() -> None:
    rate, steps = float(SPACE.default["sampling_rate"]), int(SPACE.default["steps"])
    found = [
        math.exp(float(lasting(SPACE)(_at(sampling_rate=by * rate, steps=more * steps))[0]))
        for by, more in ((1, 1), (4, 2), (0.5, 0.5))
    ]
    assert found == pytest.approx([2.0, 9.0, 1.25])


def test_a_space_without_these_knobs_has_no_trend() -> None:
    few = Space(
        knobs=tuple(knob for knob in SPACE.knobs if knob.name == "size"),
        default={"size": SPACE.default["size"]},
    )
    places = np.array([[0.0], [1.0]])
    for trend in (following(few, "upper_bits"), lasting(few)):
        assert np.ptp(trend(places)) == 0


def test_large_batches_are_known_to_be_dear_before_one_was_tried() -> None:
    """Without the trend the dearest corner is believed about as dear as what was tried."""
    rng = np.random.default_rng(1)
    places = rng.random((8, len(SPACE.knobs))) * 0.5  # none of them with large batches or many steps
    worked = np.exp(lasting(SPACE)(places))
    dear = _at(sampling_rate=0.2, steps=800)
    seconds = np.log(worked * np.exp(rng.normal(size=8) * 0.1))
    knowing = math.exp(float(GaussianProcess(places, seconds, lasting(SPACE)).at(dear).mean[0]))
    assert knowing == pytest.approx(9.0, rel=0.3)
    assert math.exp(float(GaussianProcess(places, seconds).at(dear).mean[0])) < knowing / 1.5
