"""The clipping norm of adaptive clipping, step by step, by tensorflow-privacy's quantile estimator.

The library's query keeps the estimate, shifts and normalises the count and moves the norm; the noise on the
count comes from `models.privacy.noise`. The sum of gradients is noised by the query that flat clipping has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from models.privacy import tf_privacy
from models.privacy.clipping.rule import AdaptiveClip
from models.privacy.noise import Entropy, GaussianNoise
from models.privacy.plan import PrivacyPlan
from models.privacy.query import CustomerSumQuery
from models.privacy.runlog import StepLog

_quantile = tf_privacy.part("privacy.dp_query.quantile_estimator_query")
_normalized = tf_privacy.part("privacy.dp_query.normalized_query")


def following(plan: PrivacyPlan, steps: Sequence[StepLog], entropy: Entropy) -> ClippingNorm | None:
    """The norm of a plan with adaptive clipping after `steps`; None for any other plan."""
    rule, first = plan.adaptive, plan.clipping_norm
    if rule is None:
        return None
    now = rule.next_norm(steps[-1].clipping_norm, steps[-1].share or 0.0, first) if steps else first
    return ClippingNorm(
        rule, first=first, expected=plan.expected_batch, noise=GaussianNoise(entropy.split()), now=now
    )


class NoisedCount(NamedTuple):
    """What one step told of the norms: the noised share at most C_t, and the noise that the count got."""

    share: float
    stddev: float


class ClippingNorm:
    """C_t, which starts at `first` and follows the quantile of `rule`, with `noise` on every count.

    `expected` is the public number of customers in a step; `now` is where a resumed training left off.
    """

    def __init__(
        self,
        rule: AdaptiveClip,
        *,
        first: float,
        expected: float,
        noise: GaussianNoise,
        now: float | None = None,
    ) -> None:
        self._rule, self._first, self._noise = rule, first, noise
        self._query = _NoisedQuantile(rule, first, expected, noise)
        self._state = self._query.initial_global_state()
        self._keep(first if now is None else now)

    @property
    def tensor(self) -> Any:
        """C_t as a float32 scalar."""
        return self._state.current_estimate

    @property
    def value(self) -> float:
        """C_t."""
        return float(self.tensor)

    def move(self, within: float) -> NoisedCount:
        """Go on to the next norm. `within` counts 1/2 for each customer whose norm was at most C_t, else -1/2."""
        self._noise.taken()
        moved, self._state, _ = self._query.get_noised_result(tf.constant(within, tf.float32), self._state)
        self._keep(float(moved))
        drawn = self._noise.taken()
        return NoisedCount(share=self._query.share, stddev=drawn[0] if len(drawn) == 1 else 0.0)

    def _keep(self, norm: float) -> None:
        kept = tf.constant(self._rule.bounded(norm, self._first), tf.float32)
        self._state = self._state._replace(current_estimate=kept)


class _NoisedQuantile(_quantile.QuantileEstimatorQuery):  # type: ignore[misc, name-defined]
    """The library's estimator with our noise on the count; it remembers the last noised share."""

    def __init__(self, rule: AdaptiveClip, first: float, expected: float, noise: GaussianNoise) -> None:
        self._noise, self.share = noise, 0.0
        super().__init__(
            initial_estimate=first,
            target_quantile=rule.quantile,
            learning_rate=rule.learning_rate,
            below_estimate_stddev=rule.clipped_count_stddev,
            expected_num_records=expected,
            geometric_update=True,
        )

    def _construct_below_estimate_query(
        self, below_estimate_stddev: float, expected_num_records: float
    ) -> Any:
        count = CustomerSumQuery(clipping_norm=0.5, stddev=below_estimate_stddev, noise=self._noise)
        return _Share(self, count, expected_num_records)


class _Share(_normalized.NormalizedQuery):  # type: ignore[misc, name-defined]
    """The noised count over the expected number; `told` learns the share that follows."""

    def __init__(self, told: _NoisedQuantile, count: CustomerSumQuery, expected: float) -> None:
        super().__init__(count, denominator=expected)
        self._told = told

    def get_noised_result(self, sample_state: Any, global_state: Any) -> Any:
        """As the library's."""
        result = super().get_noised_result(sample_state, global_state)
        self._told.share = float(result[0]) + 0.5
        return result
