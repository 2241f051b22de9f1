"""The network of fraud detection: one hidden layer, so that what each feature adds to a log-odds is exact.

The rare class has a public weight, and of the other class a public share may be kept for training. Both move the
log-odds that a model learns by a known constant, which is taken off again without a look at data: probabilities need no
calibration of their own. (Clipping takes more of the gradients of customers with fraud than of others, so a private
model still says less rather than more than the truth; benchmarks/_fraud.py measures by how much.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.cases.case import Embedded, Facts, UseCase

if TYPE_CHECKING:
    import ibis.expr.types as ir

Rows = NDArray[Any]
_NEAR = 1e-6
_EMA = 0.98


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Which network a case trains, and on what part of the classes: all public.

    An example of fraud counts `weight` times, one of `thinning` honest examples is trained on.
    """

    features: int
    hidden: int = 16
    weight: float = 8.0
    thinning: float = 1.0

    def build(self) -> Any:
        """The network from features to one log-odds, newly initialised."""
        import keras

        return keras.Sequential(
            [
                keras.layers.Input((self.features,)),
                keras.layers.Dense(self.hidden, activation="tanh"),
                keras.layers.Dense(1),
            ]
        )

    def loss(self, labels: Any, outputs: Any) -> Any:
        """Cross-entropy per example, with the weight of the rare class."""
        import tensorflow as tf

        return tf.nn.weighted_cross_entropy_with_logits(labels, outputs, self.weight)

    @property
    def shift(self) -> float:
        """How much larger the learnt log-odds are than those of fraud among all events.

        Counting positives w times and keeping one negative in t multiplies the odds in the training data by w t,
        whatever the features (Elkan 2001, *The Foundations of Cost-Sensitive Learning*, theorem 2).
        """
        return math.log(self.weight * self.thinning)

    def probabilities(self, log_odds: Any) -> NDArray[np.float64]:
        """The probability of fraud (n,) from what the network says (n, ...)."""
        from scipy.special import expit

        return np.asarray(expit(np.asarray(log_odds, dtype=np.float64).reshape(-1) - self.shift))


def adam(learning_rate: float) -> Callable[[], Any]:
    """Makes Adam with a moving average of the weights; both only post-process noised gradients."""

    def made() -> Any:
        import keras

        return keras.optimizers.Adam(learning_rate, use_ema=True, ema_momentum=_EMA)

    return made


def hidden(case: UseCase, rows: ir.Table, part: str, model: Any, facts: Facts) -> Embedded:
    """What the hidden layer makes of each customer's first example."""
    customers = case.examples(rows, part, facts)
    given = np.asarray(customers.features)[customers.mask[:, 0], 0]
    into, bias = (np.asarray(held, dtype=np.float64) for held in model.get_weights()[:2])
    return Embedded(what="what is known of an event", vectors=np.tanh(given @ into + bias), given=given)


def contributions(model: Any, rows: Rows, usual: Rows) -> NDArray[np.float64]:
    """What each feature adds (n, d) to the log-odds of `rows` (n, d) over those of `usual` (n, d).

    Integrated gradients (Sundararajan et al. 2017), which for one hidden layer of tanh need no steps: on the straight
    way from `usual` to a row the mean slope of a unit is the difference of its two values by that of its two sums.
    They add up to the difference of the two log-odds.
    """
    into, bias, out = (np.asarray(held, dtype=np.float64) for held in model.get_weights()[:3])
    there, here = (np.asarray(held, dtype=np.float64) @ into + bias for held in (rows, usual))
    far = np.abs(there - here) > _NEAR
    slope = np.where(
        far,
        (np.tanh(there) - np.tanh(here)) / np.where(far, there - here, 1.0),
        1 - np.tanh((there + here) / 2) ** 2,
    )
    return np.asarray((rows - usual) * ((slope * out[:, 0]) @ into.T), dtype=np.float64)
