"""Graphs: a step as one traced graph that ends with its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def compiled(function: Callable[..., Any], *signature: Any) -> Callable[..., Any]:
    """`function` traced for tensors of `signature`.

    The concrete function is called as it is: to look the trace up again takes a third of a millisecond a call,
    as long as the computation of a small step.
    """
    traced = tf.function(function, autograph=False, input_signature=signature)
    return traced.get_concrete_function()  # type: ignore[no-any-return]


def update(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    """`optimizer.apply` where there is one replica, in a graph that is to be traced.

    Keras sums the gradients over all replicas by a function whose own gradient TensorFlow registers for good. The graph
    would live as long as the process, and with it what it captured: the weights and all customers' examples.
    """
    own = "_all_reduce_sum_gradients"
    object.__setattr__(optimizer, own, list)
    try:
        optimizer.apply(gradients, variables)
    finally:
        object.__delattr__(optimizer, own)
