"""The twin: the same training without privacy, and the predictions of either."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.clipping.bookkeeping import recording
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import Loss, log_odds, masked_arrays, masked_mean, merge
from models.privacy.graphs import compiled, update
from models.privacy.probe import squeezed
from models.privacy.tables import Table

_AT_ONCE = 4096


class Twin:
    """Trains `model` in place without privacy: the same loss and optimisers, no clipping, no noise.

    A twin shows what privacy costs. It is internal: neither registered nor served nor kept. `tables` are
    updated by plain SGD on the rows that a batch touches, as in the private training.
    """

    def __init__(
        self,
        model: Any,
        customers: CustomerExamples,
        *,
        loss: Loss,
        optimizer: Any,
        tables: Sequence[Table] = (),
    ) -> None:
        self._model, self._loss, self._optimizer, self._tables = model, loss, optimizer, tables
        self._data = tf.nest.map_structure(tf.constant, masked_arrays(customers))
        apart = {id(table.variable) for table in tables}
        self._dense = [variable for variable in model.trainable_variables if id(variable) not in apart]
        optimizer.build(self._dense)
        self._graph = compiled(self._step, tf.TensorSpec([None], tf.int64))

    def step(self, chosen: NDArray[np.int64]) -> None:
        """One step on the customers at `chosen`."""
        self._graph(tf.constant(chosen))

    def finish(self) -> None:
        """A moving average of the weights takes their place if the optimiser keeps one."""
        if self._optimizer.use_ema:
            self._optimizer.finalize_variable_values(self._dense)

    def _step(self, places: Any) -> None:
        features, labels, mask = tf.nest.map_structure(lambda tensor: tf.gather(tensor, places), self._data)
        with recording(self._model), tf.GradientTape() as tape:  # the same lookups as in private training
            outputs = squeezed(self._model(tf.nest.map_structure(merge, features), training=True))
            losses = tf.reshape(tf.cast(self._loss(merge(labels), outputs), tf.float32), tf.shape(mask))
            mean = tf.reduce_mean(masked_mean(losses, mask))
        tables = [table.variable for table in self._tables]
        dense, sparse = tape.gradient(mean, [self._dense, tables])
        update(self._optimizer, dense, self._dense)
        for table, slices in zip(self._tables, sparse, strict=True):
            table.descend(slices)


def fit_twin(
    model: Any,
    customers: CustomerExamples,
    *,
    loss: Loss,
    optimizer: Any,
    steps: int,
    batch: int,
    seed: int,
    tables: Sequence[Table] = (),
) -> None:
    """Train a twin of `steps` steps on `batch` random customers each."""
    rng = np.random.default_rng(seed)
    twin = Twin(model, customers, loss=loss, optimizer=optimizer, tables=tables)
    for _ in range(steps):
        twin.step(rng.integers(customers.customers, size=batch))
    twin.finish()


def outputs(model: Any, customers: CustomerExamples) -> NDArray[np.float32]:
    """What the model says of every example (n, m, ...); what stands where no example exists has no meaning."""
    parts = [log_odds(model, part.features, training=False).numpy() for part in customers.slices(_AT_ONCE)]
    if not parts:
        parts = [log_odds(model, _nobody(customers), training=False).numpy()]
    return np.concatenate(parts)


def _nobody(customers: CustomerExamples) -> Any:
    return customers.take(np.arange(0)).features
