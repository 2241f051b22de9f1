"""The sum of customers' clipped gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.clipping.bookkeeping import clipped_sums
from models.privacy.clipping.groups import Groups, one_group
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples, each_array
from models.privacy.layers import Engine, engine_for
from models.privacy.probe import Probe, squeezed

Loss = Callable[[Any, Any], Any]
"""`loss(labels (B,), outputs (B,)) -> losses (B,)`, one per example, by public constants only."""

CHUNK = 4096
_CELLS = 256  # customers computed side by side by the general engine


class ClippedGradients:
    """Computes sums of clipped per-customer gradients of `model` on `customers`.

    A customer's loss is the mean over its own examples; its gradient over all trainable variables is clipped
    once, as a whole, or in the query's `groups`. Two engines give the same sums (`engine` says which one serves):
    book-keeping, for layers it knows, needs one backward pass and no gradient per customer; the general one
    computes each customer in a `vectorized_map` cell of its own, so that nothing of one customer can enter the
    gradient of another.
    Raises PrivacyError for a model or a loss that mixes customers.
    """

    def __init__(
        self,
        model: Any,
        customers: CustomerExamples,
        *,
        loss: Loss,
        query: Any,
        sparse: frozenset[int] = frozenset(),
    ) -> None:
        self.engine: Final[Engine] = _chosen(model, customers, loss)
        self._sparse = self._kept_sparse(sparse)
        self._model, self._loss, self._query = model, loss, query
        self._variables = model.trainable_variables
        self._clip = query.derive_sample_params(query.initial_global_state())
        self.groups: Final[Groups] = query.groups or one_group(self._variables)
        self._examples = customers.max_examples
        self._data = tf.nest.map_structure(tf.constant, masked_arrays(customers))
        self._chunk = tf.function(
            self.counted_chunk_sum,
            autograph=False,
            input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.float32)],
        )
        self._given = tf.function(
            lambda features, labels, mask: self._clipped(features, labels, mask, self._clip),
            autograph=False,
            reduce_retracing=True,
        )

    def _kept_sparse(self, sparse: frozenset[int]) -> frozenset[int]:
        if sparse and self.engine != "book-keeping":
            raise PrivacyError(
                "tables with lazy noise need a model of known layers; build it of those in models/privacy/layers.py "
                "or train the tables by the optimiser"
            )
        return sparse

    def sum(self, chosen: NDArray[np.int64]) -> tuple[list[Any], float]:
        """The summed clipped gradients of the customers at `chosen`, per variable, and their mean loss.

        Zeros and 0.0 if nobody was chosen. More than CHUNK customers are computed one chunk after the other
        (virtual batches). The mean loss is an internal number.
        """
        total, loss, _ = self.counted_sum(chosen)
        return total, loss

    def counted_sum(self, chosen: NDArray[np.int64], clip: Any = None) -> tuple[list[Any], float, float]:
        """As `sum`, clipped to norm `clip`; also how many norms were at most that, each counted 1/2, else -1/2."""
        clip = self._clip if clip is None else clip
        total: list[Any] = []
        loss = within = 0.0
        for start in range(0, len(chosen), CHUNK):
            summed, *numbers = self._chunk(tf.constant(chosen[start : start + CHUNK], tf.int64), clip)
            total = _grown(total, summed)
            loss, within = loss + float(numbers[0]), within + float(numbers[1])
        return total or self._nothing(), loss / max(len(chosen), 1), within

    def sum_of(self, customers: CustomerExamples) -> list[Any]:
        """The summed clipped gradients of other customers than those given at first, of the same shapes."""
        total: list[Any] = []
        for part in customers.slices(CHUNK):
            summed, *_ = self._given(*tf.nest.map_structure(tf.constant, masked_arrays(part)))
            total = _grown(total, summed)
        return total or self._nothing()

    def counted_chunk_sum(self, places: Any, clip: Any = None) -> tuple[list[Any], Any, Any]:
        """The sums for the customers at `places` (n,), the sum of losses, the count of `counted_sum`; to be traced."""
        clip = self._clip if clip is None else clip
        features, labels, mask = tf.nest.map_structure(lambda tensor: tf.gather(tensor, places), self._data)
        return self._clipped(features, labels, mask, clip)

    def _nothing(self) -> list[Any]:
        """The sums over nobody."""
        return [tf.zeros(variable.shape) for variable in self._variables]

    def _clipped(self, features: Any, labels: Any, mask: Any, clip: Any) -> tuple[list[Any], Any, Any]:
        engine = self._by_bookkeeping if self.engine == "book-keeping" else self._by_cells
        return engine(features, labels, mask, clip)

    def _by_bookkeeping(self, features: Any, labels: Any, mask: Any, clip: Any) -> tuple[list[Any], Any, Any]:
        weights = mask / tf.maximum(tf.reduce_sum(mask, axis=1, keepdims=True), 1.0)
        seen: list[Any] = []

        def forward() -> Any:
            merged = tf.nest.map_structure(merge, features)
            losses = self._losses(merged, merge(labels))
            seen.append(tf.stop_gradient(losses))
            return losses

        sums, norms = clipped_sums(
            self._model,
            forward,
            examples=self._examples,
            clip=clip,
            weights=merge(weights),
            groups=self.groups,
            sparse=self._sparse,
        )
        each = tf.math.multiply_no_nan(tf.reshape(seen[0], tf.shape(mask)), weights)
        each = tf.reduce_sum(each, axis=1)
        return sums, tf.reduce_sum(tf.where(tf.math.is_finite(each), each, 0.0)), _within(norms, clip)

    def _by_cells(self, features: Any, labels: Any, mask: Any, clip: Any) -> tuple[list[Any], Any, Any]:
        """Customers in groups of `_CELLS`, the last one filled up with empty places."""
        count = tf.shape(mask)[0]
        missing = -count % _CELLS

        def filled(tensor: Any) -> Any:
            tensor = tf.pad(tensor, [[0, missing], *[[0, 0]] * (tensor.shape.rank - 1)])
            return tf.reshape(tensor, [-1, _CELLS, *tensor.shape[1:]])

        present = tf.fill([count], value=True)
        groups = tf.nest.map_structure(filled, (features, labels, mask, present))

        def add(before: tuple[list[Any], Any, Any], group: Any) -> tuple[list[Any], Any, Any]:
            clipped, losses, norms = tf.vectorized_map(
                lambda cell: self._one_customer(cell, clip), group, fallback_to_while_loop=False
            )
            losses = tf.where(group[-1] & tf.math.is_finite(losses), losses, 0.0)
            sums = [b + tf.reduce_sum(part, axis=0) for b, part in zip(before[0], clipped, strict=True)]
            within = _within(tf.boolean_mask(norms, group[-1]), clip)
            return sums, before[1] + tf.reduce_sum(losses), before[2] + within

        start = (self._nothing(), tf.constant(0.0), tf.constant(0.0))
        return tf.foldl(add, groups, initializer=start)  # type: ignore[no-any-return]

    def _one_customer(self, cell: tuple[Any, Any, Any, Any], clip: Any) -> tuple[list[Any], Any, Any]:
        """One customer's clipped gradient, loss and norm: features (m, ...), labels (m, ...), mask (m,)."""
        features, labels, mask, present = cell
        with tf.GradientTape() as tape:
            loss = masked_mean(self._losses(features, labels), mask)
        values = [variable.value for variable in self._variables]  # see Probe.records_say_the_gradient
        gradients = tape.gradient(loss, values, unconnected_gradients="zero")
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        clipped, norm = self._query.preprocess_record_impl(clip, gradients)
        return [tf.where(present, part, tf.zeros_like(part)) for part in clipped], loss, norm

    def _losses(self, features: Any, labels: Any) -> Any:
        return tf.cast(self._loss(labels, squeezed(self._model(features, training=True))), tf.float32)


def _within(norms: Any, clip: Any) -> Any:
    """How many of `norms` (n,) are at most `clip`: 1/2 for each that is, -1/2 for each that is not or is no number."""
    return tf.reduce_sum(tf.where(norms <= clip, 0.5, -0.5))


def _grown(total: list[Any], summed: Sequence[Any]) -> list[Any]:
    """`total` plus `summed`, variable by variable; at first there is none."""
    return [_added(*pair) for pair in zip(total, summed, strict=True)] if total else list(summed)


def _added(first: Any, second: Any) -> Any:
    """The sum of two tensors, or of two sets of slices."""
    if not isinstance(first, tf.IndexedSlices):
        return first + second
    values = tf.concat([first.values, second.values], 0)
    return tf.IndexedSlices(values, tf.concat([first.indices, second.indices], 0))


def log_odds(model: Any, features: Any, *, training: bool) -> Any:
    """The model's outputs (n, m, ...) for features (n, m, ...); it sees one flat list of examples."""
    rows = tf.shape(tf.nest.flatten(features)[0])[:2]
    outputs = squeezed(model(tf.nest.map_structure(merge, features), training=training))
    return tf.reshape(outputs, tf.concat([rows, tf.shape(outputs)[1:]], axis=0))


def masked_arrays(customers: CustomerExamples) -> tuple[Any, Any, NDArray[np.float32]]:
    """Features, labels and mask of `customers`, with zeros wherever no example exists."""
    mask = customers.mask

    def cleaned(array: NDArray[Any]) -> NDArray[Any]:
        kept = mask.reshape(mask.shape + (1,) * (array.ndim - 2))
        return np.where(kept, array, np.zeros((), array.dtype))

    return each_array(customers.features, cleaned), cleaned(customers.labels), mask.astype(np.float32)


def masked_mean(losses: Any, mask: Any) -> Any:
    """The mean of `losses` (..., m) over the examples that exist; 0 for a customer without any."""
    return tf.reduce_sum(losses * mask, axis=-1) / tf.maximum(tf.reduce_sum(mask, axis=-1), 1.0)


def merge(tensor: Any) -> Any:
    """(n, m, ...) as (n m, ...): one flat list of examples."""
    tensor = tf.convert_to_tensor(tensor)
    rest = tensor.shape[2:]
    return tf.reshape(tensor, [-1, *rest] if None not in rest else [-1, *tf.unstack(tf.shape(tensor)[2:])])


def _chosen(model: Any, customers: CustomerExamples, loss: Loss) -> Engine:
    """The engine for this model and loss, checked with public random numbers before any customer is looked at.

    A model whose losses read a variable outside its layers gets the general engine.
    """
    engine = engine_for(model)
    probe = Probe(model, loss, masked_arrays(customers.take(np.arange(0))))
    probe.check_loss()
    if engine == "vectorised":
        probe.check_mixing()
        return engine
    return engine if probe.records_say_the_gradient() else "vectorised"
