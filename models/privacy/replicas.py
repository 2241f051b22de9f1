"""Replicas: one training on several devices, or in several processes, by `tf.distribute`.

Every replica sums the clipped gradients of its share of a step's customers. The first one adds the noise to its
share; then the shares are added up everywhere. So the whole sum has the noise once, whatever their number, and
all replicas make the same update. In several processes every process holds customers of its own and samples
them with its own key: that each customer takes part independently of the others needs no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

from models.privacy.errors import PrivacyError
from models.privacy.graphs import update

_SUM: Final = tf.distribute.ReduceOp.SUM


class Replicas:
    """The replicas that the variables of `model` are mirrored on: one, unless it was made in a strategy's scope."""

    def __init__(self, model: Any) -> None:
        self._strategy = model.distribute_strategy
        self.count: Final[int] = self._strategy.num_replicas_in_sync
        self._here = len(self._strategy.extended.worker_devices) if self.count > 1 else 1
        cluster = self._strategy.cluster_resolver
        in_cluster = cluster is not None and bool(cluster.task_type)
        self.first: Final = not in_cluster or (
            cluster.task_type in ("chief", "worker") and cluster.task_id == 0
        )

    def build(self, optimizer: Any, variables: list[Any]) -> None:
        """Make the state of `optimizer` where the variables are. Raises PrivacyError if it was made elsewhere."""
        try:
            with self._strategy.scope():
                optimizer.build(variables)
        except RuntimeError as cause:
            if self.count == 1:
                raise
            raise PrivacyError(
                f"the model is mirrored on {self.count} replicas, the optimiser is not; make both in the scope of "
                "the same strategy"
            ) from cause

    def apply(self, optimizer: Any, gradients: list[Any], variables: list[Any]) -> None:
        """Move the variables of every replica by the same gradients."""
        if self.count == 1:
            update(optimizer, gradients, variables)
        else:
            optimizer.apply(gradients, variables)

    def together(self, step: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
        """`step` on every replica at once: numbers in its first result are added up, its second is one's."""
        if self.count == 1:
            return step

        def whole(*arguments: Any) -> tuple[Any, Any]:
            parts, own = self._strategy.run(step, args=arguments)
            summed = tuple(self._strategy.reduce(_SUM, part, axis=None) for part in parts)
            return summed, self._strategy.experimental_local_results(own)[0]

        return whole

    def share(self, places: Any) -> Any:
        """The part of this process's `places` (n,) that this replica computes."""
        return places if self.count == 1 else places[self._number() % self._here :: self._here]

    def once(self, noise: Any) -> Any:
        """`noise` on the first replica of all, zeros on the others."""
        return noise if self.count == 1 else noise * tf.cast(tf.equal(self._number(), 0), noise.dtype)

    def total(self, parts: list[Any]) -> list[Any]:
        """The sums over all replicas of `parts`, for the optimiser on each of them.

        Keras's optimisers add up over replicas what they are given, so each gets its even part of the sum: after
        the noise, since whatever an optimiser does before it adds up must see noised numbers only.
        """
        if self.count == 1:
            return parts
        summed = tf.distribute.get_replica_context().all_reduce(_SUM, parts)
        return [part / self.count for part in summed]

    def over_processes(self, number: int) -> int:
        """The sum of a public or internal `number` of each process."""
        if self.count == 1:
            return number

        def mine() -> Any:
            own = tf.cast(tf.equal(self._number() % self._here, 0), tf.int64)
            return tf.distribute.get_replica_context().all_reduce(_SUM, own * number)

        result = self._strategy.run(tf.function(mine, autograph=False))
        return int(self._strategy.experimental_local_results(result)[0])

    def _number(self) -> Any:
        return tf.distribute.get_replica_context().replica_id_in_sync_group
