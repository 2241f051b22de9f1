"""Groups: the variables that are clipped together, and how far each customer is scaled down.

With K groups each is clipped to C / sqrt(K), so that a customer's whole has L2 norm at most C, whatever K is
(McMahan et al. 2018, *Learning Differentially Private Recurrent Language Models*, section 2.1). Flat clipping
is the case K = 1. Which group a variable belongs to follows from the model alone, never from data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

Groups = tuple[int, ...]
"""For every trainable variable of a model, in their order, the number of its group, from 0 on without gaps."""


def one_group(variables: Sequence[Any]) -> Groups:
    """All variables together: flat clipping."""
    return (0,) * len(variables)


def layer_groups(model: Any) -> Groups:
    """One group for every layer that owns trainable variables.

    A variable that several layers share belongs to the first of them; one that no layer owns is a group alone.
    """
    owners: dict[int, int] = {}
    for layer in model._flatten_layers():
        for variable in layer._trainable_variables:
            owners.setdefault(id(variable), id(layer))
    found = [owners.get(id(variable), id(variable)) for variable in model.trainable_variables]
    numbers = {owner: number for number, owner in enumerate(dict.fromkeys(found))}
    return tuple(numbers[owner] for owner in found)


def scales(squared: Sequence[Any], groups: Groups, clip: Any) -> tuple[list[Any], Any, Any]:
    """From squared norms of each variable's gradient, each (n,) or None for zeros, what clips n customers.

    Returned are a factor (n,) for every variable, who counts (n,) bool, and the norms of the wholes (n,). A
    customer with a norm that is not finite counts nowhere.
    """
    share = clip / math.sqrt(1 + max(groups))
    together: dict[int, list[Any]] = {}
    for part, group in zip(squared, groups, strict=True):
        if part is not None:
            together.setdefault(group, []).append(part)
    norms = {group: tf.sqrt(tf.add_n(parts)) for group, parts in together.items()}
    whole = next(iter(norms.values())) if len(norms) == 1 else tf.norm(tf.stack(list(norms.values())), axis=0)
    finite = tf.math.is_finite(whole)
    factors = {group: tf.where(finite, share / tf.maximum(norm, share), 0.0) for group, norm in norms.items()}
    nothing = tf.zeros_like(whole)
    return [factors.get(group, nothing) for group in groups], finite, whole


def clipped_by_group(parts: Sequence[Any], groups: Groups, clip: Any) -> tuple[list[Any], Any]:
    """One customer's gradient `parts`, clipped group by group, and the norm of its whole before."""
    squared = [tf.reduce_sum(tf.square(part))[None] for part in parts]
    factors, finite, norm = scales(squared, groups, clip)
    scaled = [
        tf.where(finite[0], part * factor[0], tf.zeros_like(part))
        for part, factor in zip(parts, factors, strict=True)
    ]
    return scaled, norm[0]
