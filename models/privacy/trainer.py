"""The trainer: DP-SGD over customers, and its twin without privacy.

Abadi et al., *Deep Learning with Differential Privacy* (2016), algorithm 1, with customers as the unit. In
every step: Poisson-sample customers, sum their clipped gradients, add Gaussian noise once, divide by a
public constant, hand the result to the optimiser. What the optimiser does with it (momentum, Adam, moving
averages) is post-processing and costs nothing. All steps run and none is chosen by looking at data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from models.privacy.epsilon import running_epsilon
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import ClippedGradients, Loss, log_odds, masked_arrays, masked_mean
from models.privacy.layers import check_model
from models.privacy.noise import Entropy, GaussianNoise, KeyStream
from models.privacy.plan import PrivacyPlan
from models.privacy.query import CustomerSumQuery
from models.privacy.runlog import RunLog, StepLog
from models.privacy.sampler import PoissonSampler

OnStep = Callable[[int, int, float], None]
"""`on_step(step, steps, epsilon)`: public facts only; epsilon is an upper bound of what is spent so far."""

_MESSAGES = 40


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A finished training. `losses` holds the sampled customers' mean loss of every step: internal."""

    log: RunLog
    losses: tuple[float, ...] = field(repr=False)


def fit(  # each argument is one independent thing that a training needs
    plan: PrivacyPlan,
    model: Any,
    customers: CustomerExamples,
    *,
    loss: Loss,
    optimizer: Any,
    entropy: Entropy | None = None,
    on_step: OnStep | None = None,
) -> FitResult:
    """Train `model` in place under `plan`; the initial weights must not depend on private data.

    `entropy` is the operating system's keystream unless a test hands in another. Raises PrivacyError for a
    layer that is not allowed and for customers with more than the plan's `max_examples`.
    """
    check_model(model)
    if customers.max_examples > plan.max_examples:
        raise PrivacyError(
            f"customers have up to {customers.max_examples} examples, the plan allows {plan.max_examples}; "
            "cap them before sampling"
        )
    training = _Training(plan, model, customers, loss, optimizer, entropy or KeyStream())
    for step in range(1, plan.steps + 1):
        training.step()
        if on_step is not None and step % max(1, plan.steps // _MESSAGES) == 0:
            on_step(step, plan.steps, _spent(plan, step))
    return training.finish()


class _Training:
    """One training while it runs; it notes what each step really did."""

    def __init__(
        self,
        plan: PrivacyPlan,
        model: Any,
        customers: CustomerExamples,
        loss: Loss,
        optimizer: Any,
        entropy: Entropy,
    ) -> None:
        self._plan, self._customers, self._optimizer = plan, customers.customers, optimizer
        self._variables = model.trainable_variables
        self._sampler = PoissonSampler(plan.sampling_rate, entropy)
        self._noise = GaussianNoise(entropy)
        self._query = CustomerSumQuery(
            clipping_norm=plan.clipping_norm, stddev=plan.noise_stddev, noise=self._noise
        )
        self._state = self._query.initial_global_state()
        self._gradients = ClippedGradients(model, customers, loss=loss, query=self._query)
        self._divisor = plan.expected_batch
        self._apply = compiled_apply(optimizer, self._variables)
        self._steps: list[StepLog] = []
        self._losses: list[float] = []

    def step(self) -> None:
        """One step; an empty batch gets its noise and counts like any other."""
        chosen = self._sampler.sample(self._customers)
        total, mean_loss = self._gradients.sum(chosen)
        noised, self._state, _ = self._query.get_noised_result(total, self._state)
        self._apply([part / self._divisor for part in noised])
        self._note(len(chosen), mean_loss)

    def _note(self, sampled: int, mean_loss: float) -> None:
        stddevs = self._noise.taken()
        self._losses.append(mean_loss)
        self._steps.append(
            StepLog(
                sampled=sampled,
                noise_stddev=min(stddevs, default=0.0),
                noise_draws=len(stddevs),
                clipping_norm=float(self._state.l2_norm_clip),
                divisor=self._divisor,
            )
        )

    def finish(self) -> FitResult:
        """The frozen log of all steps; a moving average of the weights takes their place if asked for."""
        if self._optimizer.use_ema:
            self._optimizer.finalize_variable_values(self._variables)
        log = RunLog(
            plan_digest=self._plan.digest(),
            sampler=self._sampler.name,
            sampling_rate=self._sampler.rate,
            noise_source=self._noise.source,
            population=self._customers,
            variables=len(self._variables),
            steps=tuple(self._steps),
        )
        return FitResult(log=log, losses=tuple(self._losses))


def fit_twin(
    model: Any,
    customers: CustomerExamples,
    *,
    loss: Loss,
    optimizer: Any,
    steps: int,
    batch: int,
    seed: int,
) -> None:
    """Train `model` in place without privacy: the same loss and optimiser, no clipping, no noise.

    The twin shows what privacy costs. It is internal: neither registered nor served nor kept.
    """
    rng = np.random.default_rng(seed)
    data = masked_arrays(customers)
    apply = compiled_apply(optimizer, model.trainable_variables)

    def gradients(features: Any, labels: Any, mask: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = log_odds(model, features, training=True)
            mean = tf.reduce_mean(masked_mean(loss(labels, outputs), mask))
        return tape.gradient(mean, model.trainable_variables)

    compiled = tf.function(gradients, autograph=False)
    for _ in range(steps):
        chosen = rng.integers(customers.customers, size=batch)
        apply(compiled(*(tf.constant(array[chosen]) for array in data)))
    if optimizer.use_ema:
        optimizer.finalize_variable_values(model.trainable_variables)


def compiled_apply(optimizer: Any, variables: list[Any]) -> Any:
    """The optimiser's update of `variables` by given gradients, as one graph."""
    optimizer.build(variables)
    return tf.function(lambda gradients: optimizer.apply(gradients, variables), autograph=False)


def predict(model: Any, customers: CustomerExamples) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Probabilities (n, m) of the label 1; what stands where no example exists has no meaning."""
    outputs = [
        tf.sigmoid(log_odds(model, customers.features[start : start + 4096], training=False)).numpy()
        for start in range(0, customers.customers, 4096)
    ]
    empty = np.zeros((0, customers.max_examples))
    return np.concatenate([empty, *outputs]).astype(np.float64)


def _spent(plan: PrivacyPlan, step: int) -> float:
    return running_epsilon(
        sampling_rate=plan.sampling_rate,
        noise_multiplier=plan.noise_multiplier,
        steps=step,
        delta=plan.target.delta,
    )
