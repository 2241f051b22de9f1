"""The query of DP-SGD: the sum of customers' clipped gradients plus Gaussian noise.

It is tensorflow-privacy's GaussianSumQuery with its state and its contract. Two methods are replaced:
the noise comes from `models.privacy.noise` (the library draws from TensorFlow's Philox generator), and
clipping is the same formula in operations that TensorFlow can vectorise over customers (its L2Loss
cannot be); a test holds both clippings equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import tensorflow as tf

from models.privacy import tf_privacy
from models.privacy.clipping.groups import Groups
from models.privacy.clipping.rule import Clipping
from models.privacy.errors import PrivacyError
from models.privacy.noise import GaussianNoise

_library = tf_privacy.part("privacy.dp_query.gaussian_query")


class Drawn:
    """The noise of one step that was drawn before (`GaussianNoise.flat`), for a graph that takes it as an argument."""

    def __init__(self, flat: Any, shapes: Sequence[tuple[int, ...]], *, stddev: float) -> None:
        self._flat, self._shapes, self._stddev = flat, list(shapes), stddev

    def arrays(self, shapes: Sequence[tuple[int, ...]], *, stddev: float) -> list[Any]:
        """The parts, if they are of these shapes and this standard deviation. Raises PrivacyError if not."""
        if self._shapes != list(shapes) or not math.isclose(stddev, self._stddev, rel_tol=1e-6):
            raise PrivacyError("the noise drawn for a step is not what its query asks for; train again")
        parts = tf.split(self._flat, [math.prod(shape) for shape in shapes]) if shapes else []
        return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]


class CustomerSumQuery(_library.GaussianSumQuery):  # type: ignore[misc, name-defined]
    """Sum over customers with L2 sensitivity C = `clipping_norm` under adding or removing one customer.

    Abadi et al., *Deep Learning with Differential Privacy* (2016), algorithm 1: the whole gradient of one
    customer, over all variables together, is scaled to norm at most C; the noise N(0, stddev^2) is added
    once to the sum, to every coordinate of every variable, however many customers were summed.
    """

    clipping: ClassVar[Clipping] = "flat"
    groups: Groups | None = None
    """Which variables are clipped together; None for all."""

    def __init__(self, *, clipping_norm: float, stddev: float, noise: GaussianNoise | Drawn) -> None:
        super().__init__(clipping_norm, stddev)
        self._noise = noise

    def preprocess_record_impl(self, params: Any, record: Any) -> tuple[Any, Any]:
        """One customer's gradient scaled to norm at most `params`, and its norm before."""
        return clipped(record, params)

    def get_noised_result(self, sample_state: Any, global_state: Any) -> tuple[Any, Any, Any]:
        """The noised sum in float32, the state as it was and the event to account for.

        The noise of all variables is drawn in one go and noted once per variable.
        """
        stddev, clip = float(global_state.stddev), float(global_state.l2_norm_clip)
        totals = tf.nest.flatten(sample_state)
        noise = self._noise.arrays([tuple(total.shape) for total in totals], stddev=stddev)
        noised = [tf.cast(total, tf.float32) + part for total, part in zip(totals, noise, strict=True)]
        event = _library.dp_accounting.GaussianDpEvent(stddev / clip)
        return tf.nest.pack_sequence_as(sample_state, noised), global_state, event


def clipped(record: Any, clipping_norm: Any) -> tuple[Any, Any]:
    """`record` as a whole scaled to norm at most `clipping_norm`, and its norm before.

    A gradient that is not finite, or whose norm is not, becomes zero: it must neither spoil the sum
    nor stop the step, and zero is within the sensitivity.
    """
    parts = tf.nest.flatten(record)
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(part)) for part in parts]))
    scale = clipping_norm / tf.maximum(norm, clipping_norm)
    scaled = [tf.where(tf.math.is_finite(norm), part * scale, tf.zeros_like(part)) for part in parts]
    return tf.nest.pack_sequence_as(record, scaled), norm
