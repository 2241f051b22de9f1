"""Book-keeping: clipped sums of customers' gradients from one forward and one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import tensorflow as tf

from models.privacy.clipping.calls import CALLS, recordable
from models.privacy.clipping.records import Record, clipped_sum, squared_norms


@contextmanager
def recording(model: Any) -> Iterator[list[Record]]:
    """Within this context the model's layers note how they use their variables; meant for tracing."""
    records: list[Record] = []
    layers = {id(layer): layer for layer in model._flatten_layers() if recordable(layer)}
    for layer in layers.values():
        object.__setattr__(layer, "call", partial(CALLS[type(layer)], layer, records))
    try:
        yield records
    finally:
        for layer in layers.values():
            object.__delattr__(layer, "call")


def clipped_sums(
    model: Any,
    forward: Callable[[], Any],
    *,
    examples: int,
    clip: Any,
    sparse: frozenset[int] = frozenset(),
) -> list[Any]:
    """For every trainable variable the sum over customers of their gradients, each clipped to norm `clip`.

    `forward()` computes the sum over all B examples of their weighted losses; a customer's gradient is that of
    its `examples` consecutive ones, over all variables together. A customer whose norm is not finite
    adds nothing. `sparse` names variables (by id) whose sum may stay an
    IndexedSlices. To be traced in a `tf.function`.
    """
    with recording(model) as records, tf.GradientTape() as tape:
        total = forward()
    used = [[record for record in records if record.variable is v] for v in model.trainable_variables]
    slopes = _slopes(tape, total, [record for group in used for record in group])
    groups = [(group, [slopes[id(record)] for record in group]) for group in used]
    norms = tf.sqrt(tf.add_n([squared_norms(group, found, examples) for group, found in groups if group]))
    finite = tf.math.is_finite(norms)
    factors = tf.where(finite, clip / tf.maximum(norms, clip), 0.0)

    def sums(counted: Any) -> list[Any]:
        return [
            clipped_sum(group, found, factors, examples, counted=counted, sparse=id(variable) in sparse)
            if group
            else tf.zeros(variable.shape)
            for variable, (group, found) in zip(model.trainable_variables, groups, strict=True)
        ]

    return list(tf.cond(tf.reduce_all(finite), lambda: sums(None), lambda: sums(finite)))


def _slopes(tape: Any, total: Any, records: list[Record]) -> dict[int, Any]:
    """The slope of the loss at every record's tap, by the record's id; zeros where the loss does not read it."""
    taps = [record.tap for record in records]
    found = tape.gradient(total, taps, unconnected_gradients="zero")
    return {id(record): tf.convert_to_tensor(slope) for record, slope in zip(records, found, strict=True)}
