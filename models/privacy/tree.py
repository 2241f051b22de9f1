"""Tree aggregation: correlated noise for streams, where Poisson sampling of customers is impossible.

Kairouz et al. 2021, *Practical and Private (Deep) Learning without Sampling or Shuffling* (DP-FTRL). The
steps are the leaves of a binary tree; every node gets noise N(0, (sigma C)^2) once, and the sum of the
first t steps gets the noise of the few nodes that make up [1, t], so that its noise grows with log t and
not with t. No claim rests on who takes part when. The queries, their states and the aggregation, also
Honaker's efficient one, are tensorflow-privacy's; the numbers come from `models.privacy.noise`.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.privacy import tf_privacy
from models.privacy.epsilon import pld_epsilon
from models.privacy.errors import PlanViolation
from models.privacy.noise import KEYSTREAM, GaussianNoise, NoiseSource
from models.privacy.query import clipped
from models.privacy.tree_sensitivity import squared_sensitivity
from models.values.base import Value

_aggregation = tf_privacy.part("privacy.dp_query.tree_aggregation")
_queries = tf_privacy.part("privacy.dp_query.tree_aggregation_query")
_dp_query = tf_privacy.part("privacy.dp_query.dp_query")

ZeroOut = Literal["a customer's contributions replaced by zeros"]
ZERO_OUT: Final[ZeroOut] = "a customer's contributions replaced by zeros"


class TreePlan(Value):
    """What one training on a stream will do.

    A customer takes part in at most `max_participations` steps, any two of them at least `min_separation`
    steps apart (`Participations` sees to it), each time with a contribution of norm at most C =
    `clipping_norm`. Every node of a tree gets noise of standard deviation sigma C, sigma =
    `noise_multiplier`; after `restart_every` steps a new tree begins (0: never).
    """

    steps: int = Field(ge=1, le=1_000_000)
    restart_every: int = Field(default=0, ge=0)
    max_participations: int = Field(default=1, ge=1, le=1000)
    min_separation: int = Field(default=1, ge=1)
    clipping_norm: float = Field(gt=0, allow_inf_nan=False)
    noise_multiplier: float = Field(gt=0, allow_inf_nan=False)
    neighbouring: ZeroOut = ZERO_OUT
    noise_source: NoiseSource = KEYSTREAM

    @model_validator(mode="after")
    def _participations_fit(self) -> Self:
        possible = 1 + (self.steps - 1) // self.min_separation
        if self.max_participations > possible:
            raise ValueError(
                f"{self.max_participations} participations {self.min_separation} steps apart do not fit into "
                f"{self.steps} steps; at most {possible} do"
            )
        return self

    @property
    def trees(self) -> tuple[int, ...]:
        """The number of steps of each tree."""
        each = self.restart_every or self.steps
        whole, rest = divmod(self.steps, each)
        return (each,) * whole + ((rest,) if rest else ())

    @property
    def noise_stddev(self) -> float:
        """sigma C, the standard deviation of a node's noise."""
        return self.noise_multiplier * self.clipping_norm

    @property
    def event(self) -> Any:
        """The whole run as one Gaussian mechanism, without amplification, to be accounted for.

        All nodes together are a vector that one customer moves by at most `squared_sensitivity` ** 0.5
        times C, and all that is released is computed from it. That contributions may depend on what was
        released before changes nothing (Denisov et al. 2022, *Improved Differential Privacy for SGD via
        Optimal Private Linear Operators on Adaptive Streams*, theorem 2.1).
        """
        squared = squared_sensitivity(self.trees, self.max_participations, self.min_separation)
        return _queries.dp_accounting.GaussianDpEvent(self.noise_multiplier / squared**0.5)

    def epsilon(self, delta: float) -> float:
        """Epsilon of the whole run, by the privacy loss distribution."""
        return pld_epsilon(self.event, delta)


class TreeNoise(_aggregation.ValueGenerator):  # type: ignore[misc, name-defined]
    """The noise of tree nodes, one draw per node. It has no state that could be repeated."""

    def __init__(self, specs: Any, *, stddev: float, noise: GaussianNoise) -> None:
        self._specs, self._stddev, self._noise = specs, stddev, noise

    def initialize(self) -> tuple[()]:
        """No state: the source goes forward only."""
        return ()

    def next(self, state: Any) -> tuple[Any, Any]:
        """One node's noise in float32, shaped like the specs. Works inside a graph; not under XLA."""
        flat = tf.nest.flatten(self._specs)
        sizes = [spec.shape.num_elements() for spec in flat]
        whole = tf.numpy_function(lambda: self._noise.vector(sum(sizes), stddev=self._stddev), [], tf.float32)
        parts = tf.split(tf.ensure_shape(whole, (sum(sizes),)), sizes)
        shaped = [tf.reshape(part, spec.shape) for part, spec in zip(parts, flat, strict=True)]
        return tf.nest.pack_sequence_as(self._specs, shaped), state


class TreeState(NamedTuple):
    """The library's state and how many steps were released. It holds noise: as secret as the data."""

    inner: Any
    step: int


class TreeSumQuery(_dp_query.SumAggregationDPQuery):  # type: ignore[misc, name-defined]
    """Releases each step's sum with the noise that makes sums of steps those of the trees.

    With `cumulative` it releases the sum of all steps so far. A step alone has no event of its own: the
    run as a whole has, `TreePlan.event`.
    """

    def __init__(
        self,
        plan: TreePlan,
        specs: Any,
        noise: GaussianNoise,
        *,
        cumulative: bool = False,
        efficient: bool = True,
    ) -> None:
        kind = _queries.TreeCumulativeSumQuery if cumulative else _queries.TreeResidualSumQuery
        self._plan = plan
        self._inner = kind(
            record_specs=specs,
            noise_generator=TreeNoise(specs, stddev=plan.noise_stddev, noise=noise),
            clip_fn=lambda record, clip: clipped(record, clip)[0],
            clip_value=plan.clipping_norm,
            use_efficient=efficient,
        )

    def initial_global_state(self) -> TreeState:
        """The state before the first step, with the first leaf's noise."""
        return TreeState(self._inner.initial_global_state(), 0)

    def derive_sample_params(self, global_state: TreeState) -> Any:
        """The clipping norm."""
        return self._inner.derive_sample_params(global_state.inner)

    def preprocess_record(self, params: Any, record: Any) -> Any:
        """One customer's contribution scaled to norm at most `params`; zero if it is not finite."""
        return self._inner.preprocess_record(params, record)

    def get_noised_result(self, sample_state: Any, global_state: TreeState) -> tuple[Any, TreeState, Any]:
        """What the next step releases, the new state and an event that no accountant takes for free.

        Eager mode only. Raises PlanViolation after the planned number of steps.
        """
        if global_state.step >= self._plan.steps:
            raise PlanViolation(
                f"the plan has {self._plan.steps} steps and all were released; make a new plan"
            )
        noised, inner, event = self._inner.get_noised_result(sample_state, global_state.inner)
        step = global_state.step + 1
        if self._plan.restart_every and step % self._plan.restart_every == 0:
            inner = self._inner.reset_state(noised, inner)
        return noised, TreeState(inner, step), event


class Participations:
    """Who has taken part and when, for `customers` customers: the plan's bounds are kept by refusal.

    Whether a customer may take part depends on that customer's own past alone.
    """

    def __init__(self, plan: TreePlan, customers: int) -> None:
        self._plan = plan
        self._count = np.zeros(customers, dtype=np.int64)
        self._last = np.full(customers, -plan.min_separation, dtype=np.int64)
        self.step = 0

    def eligible(self) -> NDArray[np.bool_]:
        """Which customers may take part in the coming step."""
        rested = self.step - self._last >= self._plan.min_separation
        return rested & (self._count < self._plan.max_participations)

    def take_part(self, chosen: NDArray[np.int64]) -> None:
        """Note the distinct customers of the coming step, maybe none; raises PlanViolation if one may not."""
        if len(np.unique(chosen)) < len(chosen) or not np.all(self.eligible()[chosen]):
            raise PlanViolation(
                f"a customer would take part more than {self._plan.max_participations} times or less than "
                f"{self._plan.min_separation} steps after the last time; choose among eligible()"
            )
        self._count[chosen] += 1
        self._last[chosen] = self.step
        self.step += 1
