"""The sum of customers' clipped gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples

Loss = Callable[[Any, Any], Any]
"""`loss(labels (m,), outputs (m,)) -> losses (m,)`, one per example, by public constants only."""

CHUNK = 256


class ClippedGradients:
    """Computes sums of clipped per-customer gradients of `model` on `customers`.

    A customer's loss is the mean over its own examples; its gradient over all trainable variables is
    clipped once, as a whole, by `query`. Customers are computed in chunks of a fixed size, the last one
    filled up with empty places, and each inside its own `vectorized_map` cell, so that nothing of one
    customer can enter the gradient of another.
    """

    def __init__(self, model: Any, customers: CustomerExamples, *, loss: Loss, query: Any) -> None:
        self._model, self._loss, self._query = model, loss, query
        self._variables = model.trainable_variables
        self._clip = query.derive_sample_params(query.initial_global_state())
        self._data = tuple(tf.constant(array) for array in masked_arrays(customers))
        self._chunk = tf.function(self._chunk_sum, autograph=False)

    def sum(self, chosen: NDArray[np.int64]) -> tuple[list[Any], float]:
        """The summed clipped gradients of the customers at `chosen`, per variable, and their mean loss.

        Zeros and 0.0 if nobody was chosen. The mean loss is an internal number.
        """
        total = [tf.zeros_like(variable) for variable in self._variables]
        loss = 0.0
        for start in range(0, len(chosen), CHUNK):
            part = chosen[start : start + CHUNK]
            places = np.zeros(CHUNK, dtype=np.int64)
            places[: len(part)] = part
            present = np.arange(CHUNK) < len(part)
            summed, chunk_loss = self._chunk(tf.constant(places), tf.constant(present))
            total = [before + new for before, new in zip(total, summed, strict=True)]
            loss += float(chunk_loss)
        return total, loss / max(len(chosen), 1)

    def _chunk_sum(self, places: Any, present: Any) -> tuple[list[Any], Any]:
        rows = [tf.gather(tensor, places) for tensor in self._data]
        clipped, losses = tf.vectorized_map(
            self._one_customer, (*rows, present), fallback_to_while_loop=False
        )
        losses = tf.where(present & tf.math.is_finite(losses), losses, 0.0)
        return [tf.reduce_sum(gradients, axis=0) for gradients in clipped], tf.reduce_sum(losses)

    def _one_customer(self, cell: tuple[Any, Any, Any, Any]) -> tuple[list[Any], Any]:
        """The clipped gradient and the loss of one customer: features (m, d), labels (m,), mask (m,)."""
        features, labels, mask, present = cell
        with tf.GradientTape() as tape:
            outputs = tf.squeeze(self._model(features, training=True), axis=-1)
            loss = masked_mean(self._loss(labels, outputs), mask)
        gradients = tape.gradient(loss, self._variables, unconnected_gradients="zero")
        clipped = self._query.preprocess_record(self._clip, gradients)
        return [tf.where(present, part, tf.zeros_like(part)) for part in clipped], loss


def log_odds(model: Any, features: Any, *, training: bool) -> Any:
    """The model's outputs (n, m) for features (n, m, d); it sees one flat list of examples."""
    examples = tf.reshape(features, (-1, features.shape[-1]))
    return tf.reshape(model(examples, training=training), tf.shape(features)[:-1])


def masked_arrays(customers: CustomerExamples) -> tuple[NDArray[np.float32], ...]:
    """Features, labels and mask in float32, with zeros where no example exists."""
    mask = customers.mask
    features = np.where(mask[..., None], customers.features, 0)
    arrays = (features, np.where(mask, customers.labels, 0), mask)
    return tuple(array.astype(np.float32) for array in arrays)


def masked_mean(losses: Any, mask: Any) -> Any:
    """The mean of `losses` (..., m) over the examples that exist; 0 for a customer without any."""
    return tf.reduce_sum(losses * mask, axis=-1) / tf.maximum(tf.reduce_sum(mask, axis=-1), 1.0)
