"""Trends: what is known of a search's values before its first trial, so that only the rest has to be learnt."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.balance.gaussian import Trend, flat
from models.balance.objectives import Objective
from models.balance.space import Name, Space

Floats = NDArray[np.float64]
_POWERS: Final[dict[Objective, int]] = {"upper_bits": 2, "epsilon": 1}  # of epsilon, as these grow
_WORK: Final[tuple[Name, ...]] = ("sampling_rate", "steps")  # their product: the examples a training looks at


def following(space: Space, what: Objective) -> Trend:
    """How the logarithm of an objective follows epsilon's: bits grow about with its square; flat for the others."""
    power = _POWERS.get(what)
    return flat if power is None else partial(_grown, space, ("epsilon",), power)


def lasting(space: Space) -> Trend:
    """The logarithm of a training's seconds: at the space's default, half of them grow with the examples looked at."""

    def trend(places: Floats) -> Floats:
        return np.log1p(np.exp(_grown(space, _WORK, 1, places)))

    return trend


def _grown(space: Space, names: tuple[Name, ...], power: int, places: Floats) -> Floats:
    """The logarithm of the product of some knobs at `places` (n, d), against that of their defaults, to a power."""
    found = np.zeros(len(places))
    for axis, knob in enumerate(space.knobs):
        if knob.name in names and knob.log:
            own = knob.place(float(space.default[knob.name]))
            found += power * math.log(knob.high / knob.low) * (places[:, axis] - own)
    return found
