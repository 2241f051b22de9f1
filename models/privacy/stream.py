"""DP-FTRL: training on a stream, where nobody can be sampled.

Kairouz et al. 2021, *Practical and Private (Deep) Learning without Sampling or Shuffling*. Customers come in
the order in which they come, e.g. by the day of their orders or in federated rounds. Nothing is amplified by
chance, so nothing is claimed of it: the noise of a tree over the steps does the work (`tree`). A customer may
come again, as often and as soon as the plan allows.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import dp_accounting
import numpy as np
import tensorflow as tf
from dp_accounting.pld.pld_privacy_accountant import PLDAccountant
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.privacy.accounting import KNOWN_LIMITS
from models.privacy.epsilon import COARSE, rdp_epsilon
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import ClippedGradients, Loss
from models.privacy.noise import Entropy, GaussianNoise, source
from models.privacy.query import CustomerSumQuery
from models.privacy.tree import Participations, TreePlan, TreeSumQuery
from models.privacy.tree_sensitivity import squared_sensitivity
from models.values.base import Value
from models.values.evidence import PrivacyClaim
from models.values.target import PrivacyTarget

Arrival = Literal["in order of arrival, without amplification"]
_GRID = 10_000
_RELATIVE = 1e-6


class StreamPlan(Value):
    """What one training on a stream will do; a plan above its target cannot be made.

    `tree` holds steps, participations, clipping and noise. Each step's sum is divided by `expected_batch`, a
    public number. Neighbours differ by one customer whose contributions are replaced by zeros.
    """

    target: PrivacyTarget
    tree: TreePlan
    max_examples: int = Field(ge=1)
    expected_batch: float = Field(gt=0, allow_inf_nan=False)
    sampler: Arrival = "in order of arrival, without amplification"

    @model_validator(mode="after")
    def _keeps_its_target(self) -> Self:
        spent = self.tree.epsilon(self.target.delta)
        if spent > self.target.epsilon:
            raise ValueError(
                f"the plan costs epsilon {spent:.4g}, its target is {self.target.epsilon:g}; make it with calibrate"
            )
        return self

    @classmethod
    def calibrate(
        cls,
        target: PrivacyTarget,
        *,
        steps: int,
        expected_batch: float,
        max_examples: int = 1,
        clipping_norm: float = 1.0,
        max_participations: int = 1,
        min_separation: int = 1,
        restart_every: int = 0,
    ) -> StreamPlan:
        """The plan with the least noise that keeps `target`, from public numbers alone."""
        shape: dict[str, Any] = {
            "steps": steps,
            "restart_every": restart_every,
            "max_participations": max_participations,
            "min_separation": min_separation,
            "clipping_norm": clipping_norm,
        }
        trees = TreePlan(**shape, noise_multiplier=1.0).trees
        moved = math.sqrt(squared_sensitivity(trees, max_participations, min_separation))
        sigma = moved * _gaussian(target)
        tree = TreePlan(**shape, noise_multiplier=math.ceil(sigma * _GRID) / _GRID)
        return cls(target=target, tree=tree, max_examples=max_examples, expected_batch=expected_batch)


class StreamStep(Value):
    """One step: how many customers came, the noise of the tree's nodes drawn for it, clipping and divisor."""

    customers: int = Field(ge=0)
    noise_stddev: float = Field(ge=0)
    nodes: int = Field(ge=0)
    clipping_norm: float = Field(gt=0)
    divisor: float = Field(gt=0)


class StreamLog(Value):
    """What ran. It holds exact private numbers, so its scope is internal."""

    plan_digest: str
    noise_source: str
    steps: tuple[StreamStep, ...]


class StreamTraining:
    """One training on a stream while it runs: trains `model` in place, a step for every batch that arrives.

    `customers` is how many there are, known by the numbers 0 to customers - 1; `example` is a batch of the shapes
    and types to come, of which nothing is read. Raises PrivacyError for a model or loss that mixes customers.
    """

    def __init__(
        self,
        plan: StreamPlan,
        model: Any,
        example: CustomerExamples,
        *,
        customers: int,
        loss: Loss,
        optimizer: Any,
        entropy: Entropy | None = None,
    ) -> None:
        self._plan, self._model, self._optimizer = plan, model, optimizer
        self._variables = model.trainable_variables
        optimizer.build(self._variables)
        self._noise = GaussianNoise(entropy or source(plan.tree.noise_source))
        specs = [tf.TensorSpec(variable.shape, tf.float32) for variable in self._variables]
        self._query = TreeSumQuery(plan.tree, specs, self._noise)
        self._state = self._query.initial_global_state()
        clipping = CustomerSumQuery(clipping_norm=plan.tree.clipping_norm, stddev=0.0, noise=self._noise)
        nobody = example.take(np.arange(0))
        self._gradients = ClippedGradients(model, nobody, loss=loss, query=clipping)
        self._participations = Participations(plan.tree, customers)
        self._steps: list[StreamStep] = []

    def eligible(self) -> NDArray[Any]:
        """(customers,) bool: who may take part in the coming step; who may not is left out by the caller."""
        return self._participations.eligible()

    def step(self, numbers: NDArray[Any], batch: CustomerExamples) -> None:
        """One step with the customers `numbers` (n,) and their examples; nobody is a step too.

        Raises PlanViolation if one of them may not take part or after the last step, and PrivacyError if numbers and
        batch do not fit each other or the plan; then nothing of the batch was used.
        """
        if batch.max_examples != self._plan.max_examples or batch.customers != len(numbers):
            raise PrivacyError(
                f"{len(numbers)} numbers came with the examples of {batch.customers} customers, {batch.max_examples} "
                f"places each, and the plan has {self._plan.max_examples}; give each customer one row of so many places"
            )
        self._participations.take_part(numbers)
        total = self._gradients.sum_of(batch)
        noised, self._state, _ = self._query.get_noised_result(total, self._state)
        self._optimizer.apply([part / self._plan.expected_batch for part in noised], self._variables)
        stddevs = self._noise.taken()
        self._steps.append(
            StreamStep(
                customers=batch.customers,
                noise_stddev=min(stddevs, default=0.0),
                nodes=len(stddevs),
                clipping_norm=float(self._query.derive_sample_params(self._state)),
                divisor=self._plan.expected_batch,
            )
        )

    def log(self) -> StreamLog:
        """The log of the steps so far."""
        return StreamLog(
            plan_digest=self._plan.digest(), noise_source=self._noise.source, steps=tuple(self._steps)
        )


def stream_differences(plan: StreamPlan, log: StreamLog) -> tuple[str, ...]:
    """Why `log` is not a run of `plan`, each in a sentence without private numbers; empty if it is one.

    A stream may end early: the steps that did not run released nothing.
    """
    tree = plan.tree
    near = {"rel_tol": _RELATIVE}
    rules = {
        "the log belongs to another plan": log.plan_digest == plan.digest(),
        f"the noise did not come from {tree.noise_source}": log.noise_source == tree.noise_source,
        f"more than {tree.steps} steps ran": len(log.steps) <= tree.steps,
        "a step drew no noise": all(step.nodes >= 1 for step in log.steps),
        "a step's noise was not the planned one": all(
            math.isclose(step.noise_stddev, tree.noise_stddev, **near) for step in log.steps
        ),
        "a step's clipping norm was not the planned one": all(
            math.isclose(step.clipping_norm, tree.clipping_norm, **near) for step in log.steps
        ),
        "a step was not divided by the public expected batch": all(
            math.isclose(step.divisor, plan.expected_batch, **near) for step in log.steps
        ),
    }
    return tuple(reason for reason, holds in rules.items() if not holds)


def stream_claim(plan: StreamPlan, log: StreamLog) -> PrivacyClaim:
    """The epsilon of the run in `log`. Raises PlanViolation if the log differs from the plan."""
    if reasons := stream_differences(plan, log):
        raise PlanViolation(f"no epsilon can be claimed: {'; '.join(reasons)}; train again under one plan")
    tree, delta = plan.tree, plan.target.delta
    epsilon = tree.epsilon(delta)
    return PrivacyClaim(
        epsilon=epsilon,
        epsilon_rdp=rdp_epsilon(tree.event, delta),
        epsilon_unamplified=epsilon,
        delta=delta,
        unit=plan.target.unit,
        neighbouring=tree.neighbouring,
        sampler=plan.sampler,
        noise_source=log.noise_source,
        steps=len(log.steps),
        sampling_rate=1.0,
        noise_multiplier=tree.noise_multiplier,
        clipping_norm=tree.clipping_norm,
        known_limits=KNOWN_LIMITS,
        participations=tree.max_participations,
        delta_exception=plan.target.delta_exception,
    )


def _gaussian(target: PrivacyTarget) -> float:
    """The noise multiplier of one Gaussian mechanism that keeps `target`, a little above the least."""
    least = dp_accounting.calibrate_dp_mechanism(
        lambda: PLDAccountant(value_discretization_interval=COARSE),
        dp_accounting.GaussianDpEvent,
        target.epsilon,
        target.delta,
        dp_accounting.LowerEndpointAndGuess(0.1, 1.0),
        tol=1 / _GRID,
    )
    return float(least) * (1 + 1 / _GRID)
