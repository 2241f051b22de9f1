"""The query of DP-SGD: the sum of customers' clipped gradients plus Gaussian noise.

It is tensorflow-privacy's GaussianSumQuery with its state and its contract. Two methods are replaced:
the noise comes from `models.privacy.noise` (the library draws from TensorFlow's Philox generator), and
clipping is the same formula in operations that TensorFlow can vectorise over customers (its L2Loss
cannot be); a test holds both clippings equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from models.privacy import tf_privacy
from models.privacy.noise import GaussianNoise

_library = tf_privacy.part("privacy.dp_query.gaussian_query")


class CustomerSumQuery(_library.GaussianSumQuery):  # type: ignore[misc, name-defined]
    """Sum over customers with L2 sensitivity C = `clipping_norm` under adding or removing one customer.

    Abadi et al., *Deep Learning with Differential Privacy* (2016), algorithm 1: the whole gradient of one
    customer, over all variables together, is scaled to norm at most C; the noise N(0, stddev^2) is added
    once to the sum, to every coordinate of every variable, however many customers were summed.
    """

    def __init__(self, *, clipping_norm: float, stddev: float, noise: GaussianNoise) -> None:
        super().__init__(clipping_norm, stddev)
        self._noise = noise

    def preprocess_record_impl(self, params: Any, record: Any) -> tuple[Any, Any]:
        """One customer's gradient scaled to norm at most `params`, and its norm before.

        A gradient that is not finite, or whose norm is not, becomes zero: it must neither spoil the sum
        nor stop the step, and zero is within the sensitivity.
        """
        parts = tf.nest.flatten(record)
        norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(part)) for part in parts]))
        finite = tf.math.is_finite(norm)
        scale = params / tf.maximum(norm, params)
        clipped = [tf.where(finite, part * scale, tf.zeros_like(part)) for part in parts]
        return tf.nest.pack_sequence_as(record, clipped), norm

    def get_noised_result(self, sample_state: Any, global_state: Any) -> tuple[Any, Any, Any]:
        """The noised sum in float32, the state as it was and the event to account for. Eager mode only."""
        stddev, clip = float(global_state.stddev), float(global_state.l2_norm_clip)
        noised = tf.nest.map_structure(lambda total: self._with_noise(total, stddev), sample_state)
        return noised, global_state, _library.dp_accounting.GaussianDpEvent(stddev / clip)

    def _with_noise(self, total: Any, stddev: float) -> Any:
        """One variable's sum plus one draw, added in float64 and rounded to float32 at the end."""
        noise = self._noise.draw(tuple(total.shape), stddev=stddev)
        return tf.constant(np.asarray(total, dtype=np.float64) + noise, dtype=tf.float32)
