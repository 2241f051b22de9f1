"""The audit of steps: does one customer show in a step more than the plan says?

The trainer itself runs on a single customer whose gradient is known and larger than the clipping norm C, present
in about half of the steps. Along that gradient a step's sum is N(0, (sigma C)^2) without and N(C, (sigma C)^2)
with the customer, so the distance of the two, in standard deviations, is 1 / sigma. Nasr et al. 2023, *Tight
Auditing of Differentially Private Machine Learning*, section 4, let the attacker see every step, as here. Much
less is seen of a whole training; so this is the check that finds a little noise missing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.mechanism import Mechanism
from models.privacy.plan import PrivacyPlan
from models.privacy.trainer import Training
from models.values.risk import EpsilonAudit

_WIDTH = 64
FALSE_ALARM = 1e-4
_POWER = 0.9
_LITTLE_NOISE = 0.3  # where a tenth of it missing shows best
_LEAST_NOISE = 0.1
_MOST_TIMES = 64
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
    def noise_found(self) -> float:
        """The share of the planned noise below which a run of so many steps is flagged with a chance of 0.9.

        Where d - (z_confidence + z_power) sqrt(4 / n + d^2 / (2 n)) is the planned distance.
        """
        reach = (float(norm.ppf(self.confidence)) + float(norm.ppf(_POWER))) ** 2 / self.steps
        # (d - planned)^2 = reach (4 + d^2 / 2)
        square, line = 1 - reach / 2, -2 * self.planned
        rest = self.planned**2 - 4 * reach
        return self.planned * 2 * square / (-line + math.sqrt(line**2 - 4 * square * rest))

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


def audit_epsilon(
    plan: PrivacyPlan, *, audited: str, claimed: float, audits: int = 1, steps: int = 6_000
) -> EpsilonAudit:
    """The same as an audit of a claim, epsilon `claimed` at the target's delta, by steps with little noise.

    With d_low the distance at least shown and sigma' the noise multiplier of those steps, the noise is at most
    1 / (sigma' d_low) of what it should be; the bound is the epsilon of `plan` with that share of its noise. A
    correct engine is called broken with a chance of FALSE_ALARM / `audits`. Raises PrivacyError as `audit_steps`.
    """
    started, confidence = time.monotonic(), 1 - FALSE_ALARM / audits
    little = plan.model_copy(update={"noise_multiplier": min(_LITTLE_NOISE, plan.noise_multiplier)})
    found = audit_steps(little, steps=steps, confidence=confidence)
    share = found.planned / max(found.distance_low, found.planned / _MOST_TIMES)
    mechanism = Mechanism.of(plan)
    ran = mechanism._replace(noise=max(share * mechanism.noise, _LEAST_NOISE))
    broken = f"a step showed a customer {found.distance / found.planned:.2f} times as far as the planned noise allows"
    return EpsilonAudit(
        kind="steps",
        audited=audited,
        claimed=claimed,
        epsilon_low=ran.epsilon_low(plan.target.delta),
        confidence=confidence,
        audits=audits,
        canaries=1,
        guesses=0,
        correct=0,
        contradictions=(broken,) if found.flagged else (),
        power=f"a noise multiplier below {found.noise_found:.2f} of the planned one, or a customer who counts for more "
        f"than {1 / found.noise_found:.2f} times the clipping norm, would have been found with a chance of {_POWER:g}, "
        f"in {steps:,} steps with noise multiplier {little.noise_multiplier:g}",
        seconds=round(time.monotonic() - started, 2),
        scope="public",
    )


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
