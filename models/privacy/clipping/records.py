"""Records: how a layer used a variable, from which norms and sums of customers' gradients follow.

With an input a and the slope of the loss at the output, ds, the gradient of a weight matrix is the sum of
outer products a (x) ds over the rows (examples, tokens, places of an image) of one customer. Its squared norm
needs no gradient, only the Gram matrices of the rows (Goodfellow 2015, arXiv 1510.01799; Li et al. 2022,
*Large Language Models Can Be Strong Differentially Private Learners*, arXiv 2110.05679, section 4). The sum
over customers of clipped gradients is then one product of the inputs with the scaled slopes, in the same
backward pass (Bu et al. 2023, *Differentially Private Optimization on Large Model at Small Cost*, ICML).

Shapes: B examples are n customers with m examples each, one after the other; R rows belong to one customer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# Gram matrices lose what cancels between the rows of a customer. Up to FEW rows they are computed in float64;
# beyond, a squared norm is taken larger by the share SLACK of (sum of the rows' own norms)^2, which covers the
# rounding in float32: a norm is never taken below the truth.
FEW = 32
SLACK = 2e-7


def _same(tensor: Any) -> Any:
    return tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Outer:
    """A matrix (d, p) multiplied with rows: `inputs` (B, ..., d), `tap` is the product that the loss reads.

    `rows(slope)` brings the slope at the tap into shape (B, ..., p), `restore(matrix)` a gradient (d, p) into
    the variable's own shape.
    """

    variable: Any
    inputs: Any
    tap: Any
    rows: Callable[[Any], Any] = _same
    restore: Callable[[Any], Any] = _same


@dataclass(frozen=True, kw_only=True, eq=False)
class Gather:
    """Rows of a table (V, p) looked up by `ids` (B, ...); `tap` (B, ..., p) is what was found."""

    variable: Any
    ids: Any
    tap: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class Direct:
    """A small variable whose gradient per example is simply written down: `parts(slope)` (B, *shape)."""

    variable: Any
    tap: Any
    parts: Callable[[Any], Any]


Record = Outer | Gather | Direct


def customer_rows(tensor: Any, examples: int) -> Any:
    """(B, ..., d) in float32 as (n, R, d), R = `examples` times the middle dimensions; (n, d) if R is 1."""
    middle, width = tensor.shape[1:-1], tensor.shape[-1]
    tensor = tf.cast(tensor, tf.float32)
    if examples == 1 and tensor.shape.rank == 2:
        return tensor
    return tf.reshape(tensor, (*_leading(tensor, examples, middle), width))


def _leading(tensor: Any, examples: int, middle: Any) -> tuple[Any, Any]:
    """n and R; as few operations as may be, since each costs microseconds in every step."""
    if None not in middle:
        return -1, examples * math.prod(middle)
    shape = tf.shape(tensor)
    return shape[0] // examples, examples * tf.reduce_prod(shape[1 : 1 + len(middle)])


def squared_norms(records: Sequence[Record], slopes: Sequence[Any], examples: int) -> Any:
    """Upper bounds (n,) of the squared norms of customers' gradients of the one variable of `records`."""
    directs = [(r, s) for r, s in zip(records, slopes, strict=True) if isinstance(r, Direct)]
    outers = [(r, s) for r, s in zip(records, slopes, strict=True) if isinstance(r, Outer)]
    gathers = [(r, s) for r, s in zip(records, slopes, strict=True) if isinstance(r, Gather)]
    if directs:
        return _of_parts(_added([_customer_parts(record, slope, examples) for record, slope in directs]))
    total, spread = [], []
    if outers:
        inputs = _joined([customer_rows(record.inputs, examples) for record, _ in outers])
        rows = _joined([customer_rows(record.rows(slope), examples) for record, slope in outers])
        squared, own = _of_outer(inputs, rows)
        total.append(squared)
        spread += own
    if gathers:
        ids = _joined([_customer_ids(record.ids, examples) for record, _ in gathers])
        found = _joined([customer_rows(slope, examples) for _, slope in gathers])
        squared, own = _of_gather(ids, found)
        total.append(squared)
        spread += own
    if outers and gathers:
        inputs, rows, found = (_with_rows(tensor) for tensor in (inputs, rows, found))
        total.append(2.0 * _of_tied(inputs, rows, ids, found))
        spread.append(_own(inputs, rows) + tf.reduce_sum(tf.norm(found, axis=2), axis=1))
    if not spread:
        return tf.add_n(total)
    return tf.maximum(tf.add_n(total), 0.0) + SLACK * tf.square(tf.add_n(spread))


def _joined(parts: list[Any]) -> Any:
    """Rows of several uses of a variable side by side: (n, R, d), or as it is if there is one use."""
    return parts[0] if len(parts) == 1 else tf.concat([_with_rows(part) for part in parts], axis=1)


def _with_rows(tensor: Any) -> Any:
    """(n, d), a customer's only row, as (n, 1, d)."""
    return tensor[:, None] if tensor.shape.rank == 2 else tensor


def clipped_sum(
    records: Sequence[Record],
    slopes: Sequence[Any],
    factors: Any,
    examples: int,
    *,
    counted: Any = None,
    sparse: bool = False,
) -> Any:
    """The sum over customers of `factors` (n,) times their gradients, for the one variable of `records`.

    Customers that are not `counted` (n,), if given, add nothing whatever their numbers are. A dense tensor in
    float32; with `sparse` and nothing but lookups an IndexedSlices of the rows touched.
    """
    each = _repeated(factors, examples)
    kept = None if counted is None else _repeated(counted, examples)
    slopes = [_cleaned(tf.cast(slope, tf.float32), kept) for slope in slopes]
    if sparse and all(isinstance(record, Gather) for record in records):
        width = records[0].variable.shape[1]
        ids = [tf.reshape(record.ids, (-1,)) for record in records if isinstance(record, Gather)]
        values = [tf.reshape(_times(slope, each), (-1, width)) for slope in slopes]
        return tf.IndexedSlices(tf.concat(values, 0), tf.concat(ids, 0))
    return _added([_sum_of(record, slope, each, kept) for record, slope in zip(records, slopes, strict=True)])


def _added(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tf.add_n(tensors)


def _repeated(numbers: Any, examples: int) -> Any:
    return numbers if examples == 1 else tf.repeat(numbers, examples)


def _sum_of(record: Record, slope: Any, each: Any, kept: Any) -> Any:
    """The sum over examples of `each` (B,) times their gradients; of two factors the narrower one is scaled."""
    if isinstance(record, Direct):
        parts = _cleaned(tf.cast(record.parts(slope), tf.float32), kept)
        shape = parts.shape[1:]
        return tf.reshape(tf.matmul(each[None], tf.reshape(parts, (-1, shape.num_elements()))), shape)
    if isinstance(record, Gather):
        values = tf.reshape(_times(slope, each), (-1, record.variable.shape[1]))
        return tf.math.unsorted_segment_sum(values, tf.reshape(record.ids, (-1,)), record.variable.shape[0])
    inputs, rows = tf.cast(_cleaned(record.inputs, kept), tf.float32), record.rows(slope)
    if inputs.shape[-1] < rows.shape[-1]:
        inputs = _times(inputs, each)
    else:
        rows = _times(rows, each)
    flat = tf.reshape(inputs, (-1, inputs.shape[-1])), tf.reshape(rows, (-1, rows.shape[-1]))
    return record.restore(tf.matmul(*flat, transpose_a=True))


def _cleaned(tensor: Any, kept: Any) -> Any:
    """`tensor` (B, ...) with zeros for the examples that are not `kept` (B,)."""
    if kept is None:
        return tensor
    return tf.where(_broadcast(kept, tensor), tensor, tf.zeros_like(tensor))


def _times(tensor: Any, each: Any) -> Any:
    """A tensor (B, ...) times a number of every example (B,)."""
    return tensor * _broadcast(each, tensor)


def _broadcast(each: Any, tensor: Any) -> Any:
    """(B,) as (B, 1, ...) of the rank of `tensor`."""
    return tf.reshape(each, (-1, *(1,) * (tensor.shape.rank - 1)))


def _customer_ids(ids: Any, examples: int) -> Any:
    """(B, ...) as (n, R)."""
    return tf.reshape(ids, _leading(ids, examples, ids.shape[1:]))


def _customer_parts(record: Direct, slope: Any, examples: int) -> Any:
    parts = tf.cast(record.parts(slope), tf.float32)
    if examples == 1:
        return parts
    return tf.reduce_sum(tf.reshape(parts, (-1, examples, *parts.shape[1:])), axis=1)


def _of_parts(parts: Any) -> Any:
    return tf.square(tf.math.reduce_euclidean_norm(parts, axis=list(range(1, parts.shape.rank))))


def _of_outer(inputs: Any, rows: Any) -> tuple[Any, list[Any]]:
    """Squared norms (n,) of sums of outer products, and the sums of the products' own norms where they cancel."""
    if inputs.shape.rank == 2 or inputs.shape[1] == 1:
        return _of_parts(inputs) * _of_parts(rows), []
    count, depth, width = inputs.shape[1], inputs.shape[2], rows.shape[2]
    if count is not None and count * (depth + width) > depth * width:
        wide, narrow = (inputs, rows) if depth > width else (rows, inputs)
        return _of_parts(tf.matmul(narrow, wide, transpose_a=True)), []
    left, right = _gram(inputs), _gram(rows)
    own = tf.reduce_sum(tf.sqrt(tf.linalg.diag_part(left) * tf.linalg.diag_part(right)), axis=1)
    return _total(left * right), _uncovered(own, count)


def _of_gather(ids: Any, found: Any) -> tuple[Any, list[Any]]:
    """Squared norms (n,) of gradients of a table: rows of one id add up before they are squared."""
    count = ids.shape[1]
    if count == 1:
        return _of_parts(found), []
    products = _gram(found)
    same = tf.cast(ids[:, :, None] == ids[:, None, :], products.dtype)
    own = tf.reduce_sum(tf.sqrt(tf.linalg.diag_part(products)), axis=1)
    return _total(same * products), _uncovered(own, count)


def _gram(rows: Any) -> Any:
    """Inner products (n, R, R) of the rows of each customer, in float64 where they are few."""
    rows = tf.cast(rows, tf.float64) if rows.shape[1] is not None and rows.shape[1] <= FEW else rows
    return tf.matmul(rows, rows, transpose_b=True)


def _total(products: Any) -> Any:
    return tf.cast(tf.maximum(tf.reduce_sum(products, axis=(1, 2)), 0.0), tf.float32)


def _uncovered(own: Any, count: int | None) -> list[Any]:
    """The rows' own norms in sum (n,) where rounding must be covered, else nothing."""
    return [] if count is not None and count <= FEW else [tf.cast(own, tf.float32)]


def _of_tied(inputs: Any, rows: Any, ids: Any, found: Any) -> Any:
    """Inner products (n,) of a tied table's two gradients: as output matrix (width, V) and as lookup (V, width)."""
    return tf.reduce_sum(_columns(rows, ids) * tf.matmul(inputs, found, transpose_b=True), axis=(1, 2))


def _own(inputs: Any, rows: Any) -> Any:
    return tf.reduce_sum(tf.norm(inputs, axis=2) * tf.norm(rows, axis=2), axis=1)


def _columns(rows: Any, ids: Any) -> Any:
    """The columns `ids` (n, K) of `rows` (n, R, V), as (n, R, K)."""
    return tf.transpose(tf.gather(tf.transpose(rows, (0, 2, 1)), ids, batch_dims=1), (0, 2, 1))
