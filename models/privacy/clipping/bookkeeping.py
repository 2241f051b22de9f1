"""Book-keeping: clipped sums of customers' gradients from one forward and one backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import tensorflow as tf

from models.privacy.clipping.calls import Call, call_of, recordable
from models.privacy.clipping.groups import Groups, one_group, scales
from models.privacy.clipping.records import Record, clipped_sum, squared_norms


@contextmanager
def recording(model: Any) -> Iterator[list[Record]]:
    """Within this context the model's layers note how they use their variables; meant for tracing."""
    records: list[Record] = []
    layers: dict[int, tuple[Any, Call]] = {
        id(layer): (layer, call)
        for layer in model._flatten_layers()
        if recordable(layer) and (call := call_of(layer)) is not None
    }
    for layer, call in layers.values():
        object.__setattr__(layer, "call", partial(call, layer, records))
    try:
        yield records
    finally:
        for layer, _ in layers.values():
            object.__delattr__(layer, "call")


def clipped_sums(
    model: Any,
    forward: Callable[[], Any],
    *,
    examples: int,
    clip: Any,
    weights: Any = None,
    groups: Groups | None = None,
    sparse: frozenset[int] = frozenset(),
) -> tuple[list[Any], Any]:
    """For every trainable variable the sum over customers of their clipped gradients; also the norms before (n,).

    `forward()` computes the losses (B,) of all examples, to be multiplied by `weights` (B,), or their sum; a
    customer's gradient is that of its `examples` consecutive ones. It is clipped to norm `clip`: over all variables
    together, or by `groups`. A customer whose norm is not finite adds nothing. `sparse` names variables (by id)
    whose sum may stay an IndexedSlices. To be traced in a `tf.function`.
    """
    with recording(model) as records, tf.GradientTape() as tape:
        losses = forward()
    variables = model.trainable_variables
    used = [[record for record in records if record.variable is v] for v in variables]
    slopes = _slopes(tape, losses, weights, [record for one in used for record in one])
    uses = [(one, [slopes[id(record)] for record in one]) for one in used]
    squared = [squared_norms(*use, examples) if use[0] else None for use in uses]
    factors, finite, norms = scales(squared, groups or one_group(variables), clip)

    def sums(counted: Any) -> list[Any]:
        return [
            clipped_sum(*use, factor, examples, counted=counted, sparse=id(variable) in sparse)
            if use[0]
            else tf.zeros(variable.shape)
            for variable, use, factor in zip(variables, uses, factors, strict=True)
        ]

    return list(tf.cond(tf.reduce_all(finite), lambda: sums(None), lambda: sums(finite))), norms


def _slopes(tape: Any, losses: Any, weights: Any, records: list[Record]) -> dict[int, Any]:
    """The slope of the loss at every record's tap, by the record's id; zeros where the loss does not read it."""
    taps = [record.tap for record in records]
    found = tape.gradient(losses, taps, output_gradients=weights, unconnected_gradients="zero")
    return {id(record): tf.convert_to_tensor(slope) for record, slope in zip(records, found, strict=True)}
