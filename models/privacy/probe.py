"""A probe with public random numbers, before any customer is looked at: does a model or a loss mix examples?

It proves nothing by itself. It tells a user early and by name what the engines would confine anyway, and it
finds a loss whose gradient the layers' records do not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from models.privacy.clipping.bookkeeping import clipped_sums
from models.privacy.errors import PrivacyError

_BATCH = 3


class Probe:
    """Random examples of the shapes and types of `arrays` (features, labels and mask of customers, may be empty)."""

    def __init__(self, model: Any, loss: Callable[[Any, Any], Any], arrays: tuple[Any, Any, Any]) -> None:
        self._model, self._loss = model, loss
        self._state = [(variable, np.asarray(variable)) for variable in model.non_trainable_variables]
        rng = np.random.default_rng(0)
        self._features = tf.nest.map_structure(lambda array: _random(rng, array), arrays[0])
        self._labels = np.zeros((_BATCH, *arrays[1].shape[2:]), arrays[1].dtype)

    def check_loss(self) -> None:
        """Refuse a loss that is not one number an example, each from that example alone (no in-batch negatives)."""
        outputs = self._outputs(self._features, training=False)
        before = np.asarray(self._loss(tf.constant(self._labels), tf.constant(outputs)), dtype=np.float64)
        if before.shape != (_BATCH,):
            raise PrivacyError(
                f"the loss gives shape {before.shape} for {_BATCH} examples; it must give one number an example "
                "(in Keras: reduction=None)"
            )
        changed = outputs.copy()
        changed[0] += 1
        after = np.asarray(self._loss(tf.constant(self._labels), tf.constant(changed)), dtype=np.float64)
        if not np.allclose(before[1:], after[1:], rtol=1e-5, equal_nan=True):
            raise PrivacyError(
                "the loss of an example depends on the other examples of its batch, as with in-batch negatives; "
                "draw negatives from public items"
            )

    def check_mixing(self) -> None:
        """Refuse a model in which one example of a batch changes the output of another, in training or not."""
        other = tf.nest.map_structure(_with_another_first, self._features)
        for training in (False, True):
            before = self._outputs(self._features, training=training)
            after = self._outputs(other, training=training)
            if not np.allclose(before[1:], after[1:], rtol=1e-4, atol=1e-5):
                names = sorted({type(x).__name__ for x in self._model._flatten_layers(include_self=False)})
                raise PrivacyError(
                    f"the model {type(self._model).__name__} mixes the examples of a batch, so customers would meet "
                    f"outside every bound; look for an operation along the first axis among {', '.join(names)}"
                )

    def records_say_the_gradient(self) -> bool:
        """Whether book-keeping, without clipping, gives the gradient that differentiation gives."""

        def total() -> Any:
            outputs = squeezed(self._model(self._features, training=True))
            return tf.reduce_sum(tf.cast(self._loss(tf.constant(self._labels), outputs), tf.float32))

        self._restore()
        variables = self._model.trainable_variables
        tables = frozenset(map(id, variables))
        recorded, _ = clipped_sums(self._model, total, examples=1, clip=tf.constant(1e30), sparse=tables)
        self._restore()
        with tf.GradientTape() as tape:
            whole = total()
        # of Keras's variables TensorFlow makes no zeros where the loss does not read one, of its own it does
        true = tape.gradient(whole, [v.value for v in variables], unconnected_gradients="zero")
        self._restore()
        # in half precision both are rough
        near = 1e-3 if self._model.compute_dtype == "float32" else 0.1
        pairs = [_arrays(*pair) for pair in zip(recorded, true, strict=True)]
        size = np.linalg.norm([np.linalg.norm(b) for _, b in pairs])
        return all(np.allclose(a, b, rtol=near, atol=near * (size + 1e-6)) for a, b in pairs)

    def _outputs(self, features: Any, *, training: bool) -> Any:
        """The model's outputs, with the same dropout every time."""
        self._restore()
        outputs = squeezed(self._model(features, training=training)).numpy()
        self._restore()
        return outputs

    def _restore(self) -> None:
        for variable, value in self._state:
            variable.assign(value)


def _arrays(first: Any, second: Any) -> tuple[Any, Any]:
    """Two gradients as arrays; of a table only the rows that one of them names, since it may be large."""
    if not (isinstance(first, tf.IndexedSlices) and isinstance(second, tf.IndexedSlices)):
        return _whole(first, second), _whole(second, first)
    rows = np.unique(np.concatenate([first.indices, second.indices]))
    return _rows(first, rows), _rows(second, rows)


def _whole(part: Any, other: Any) -> Any:
    if isinstance(part, tf.IndexedSlices):
        part = tf.math.unsorted_segment_sum(part.values, part.indices, other.shape[0])
    return np.asarray(part)


def _rows(slices: Any, rows: Any) -> Any:
    summed = np.zeros((len(rows), *slices.values.shape[1:]))
    np.add.at(summed, np.searchsorted(rows, slices.indices), np.asarray(slices.values))
    return summed


def squeezed(outputs: Any) -> Any:
    """Outputs (B, 1) of one log-odds as (B,); any others as they are."""
    return tf.squeeze(outputs, axis=-1) if outputs.shape.rank == 2 and outputs.shape[-1] == 1 else outputs


def _random(rng: np.random.Generator, array: Any) -> Any:
    shape = (_BATCH, *array.shape[2:])
    if np.issubdtype(array.dtype, np.floating):
        return tf.constant(rng.normal(size=shape).astype(array.dtype))
    return tf.constant(rng.integers(0, 2, size=shape).astype(array.dtype))


def _with_another_first(tensor: Any) -> Any:
    array = tensor.numpy()
    array[0] = 1 - array[0]
    return tf.constant(array)
