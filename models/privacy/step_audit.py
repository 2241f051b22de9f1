"""The audit of steps: does one customer show in a step more than the plan says?

The trainer itself runs on a single customer whose gradient is known and larger than the clipping norm C, present
in about half of the steps. Along that gradient a step's sum is N(0, (sigma C)^2) without and N(C, (sigma C)^2)
with the customer, so the distance of the two, in standard deviations, is 1 / sigma. Nasr et al. 2023, *Tight
Auditing of Differentially Private Machine Learning*, section 4, let the attacker see every step, as here. Much
less is seen of a whole training; so this is the check that finds a little noise missing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.trainer import Training

_WIDTH = 64
_LARGE = 1e3  # the customer's gradient is this long, in clipping norms


@dataclass(frozen=True, kw_only=True)
class StepAudit:
    """How far apart steps with and without the customer were, in standard deviations.

    `distance_low` is a lower bound at `confidence`; with the planned noise it is above `planned` with a chance of at
    most 1 - confidence.
    """

    planned: float
    distance: float
    distance_low: float
    confidence: float
    steps: int

    @property
    def flagged(self) -> bool:
        """Whether a step tells more of a customer than the plan's noise multiplier allows."""
        return self.distance_low > self.planned


def audit_steps(plan: PrivacyPlan, *, steps: int = 6_000, confidence: float = 0.9999) -> StepAudit:
    """Run `steps` steps of `plan`'s mechanism; 6,000 find a tenth of the noise missing if sigma is 0.3 to 0.5.

    The standard error of the distance d is sqrt(4 / steps + d^2 / (2 steps)): a plan with little noise is the better
    one to audit the engine with. Raises PrivacyError for a plan whose clipping norm is not fixed.
    """
    if plan.clipping == "adaptive":
        raise PrivacyError(
            "steps with an adaptive clipping norm differ from each other; audit a plan with a fixed one"
        )
    half = plan.model_copy(update={"sampling_rate": 0.5, "steps": steps})
    direction = np.full(_WIDTH, 1 / math.sqrt(_WIDTH))
    model = keras.Sequential([keras.layers.Input((_WIDTH,)), keras.layers.Dense(1, use_bias=False)])
    training = Training(
        half,
        model,
        _customer(direction, half),
        loss=lambda labels, outputs: -labels * outputs,
        optimizer=keras.optimizers.SGD(1.0),
    )
    seen = np.empty(steps)
    for step in range(steps):
        model.layers[-1].kernel.assign(np.zeros((_WIDTH, 1), np.float32))
        training.step()
        seen[step] = np.ravel(model.layers[-1].kernel) @ direction
    present = np.array([step.sampled == 1 for step in training.finish().log.steps])
    return _compared(seen[present], seen[~present], 1 / plan.noise_multiplier, confidence)


def _customer(direction: NDArray[np.float64], plan: PrivacyPlan) -> CustomerExamples:
    """One customer with one example, whose gradient points against `direction`: an update goes along it."""
    features = (_LARGE * plan.clipping_norm * direction).astype(np.float32).reshape(1, 1, _WIDTH)
    return CustomerExamples(
        features=features, labels=np.ones((1, 1), np.float32), mask=np.ones((1, 1), np.bool_)
    )


def _compared(
    present: NDArray[np.float64], absent: NDArray[np.float64], planned: float, confidence: float
) -> StepAudit:
    freedom = len(present) + len(absent) - 2
    pooled = math.sqrt((present.var() * len(present) + absent.var() * len(absent)) / freedom)
    distance = float(present.mean() - absent.mean()) / pooled
    error = math.sqrt(1 / len(present) + 1 / len(absent) + distance**2 / (2 * freedom))
    return StepAudit(
        planned=planned,
        distance=distance,
        distance_low=distance - float(norm.ppf(confidence)) * error,
        confidence=confidence,
        steps=len(present) + len(absent),
    )
