"""What each supported layer computes, with a record of every variable it used.

The computations are Keras's own, written so that the output *before* the activation is at hand: the slope of
the loss there is all that a norm needs. A test holds every one of them equal to Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from models.privacy.clipping.hub import POSITION, is_hub, position_embedding
from models.privacy.clipping.records import Direct, Gather, Outer, Record

Call = Callable[..., Any]


def _trains(variable: Any) -> bool:
    return variable is not None and bool(variable.trainable)


def _sum_middle(tensor: Any) -> Any:
    """(B, ..., p) summed to (B, p)."""
    middle = list(range(1, tensor.shape.rank - 1))
    return tf.reduce_sum(tf.cast(tensor, tf.float32), axis=middle) if middle else tf.cast(tensor, tf.float32)


def _low_rank(layer: Any, inputs: Any, records: list[Record]) -> Any:
    """LoRA's addition (alpha / r) a A B for a layer that multiplies from the right; A and B are recorded."""
    first = ops.matmul(inputs, layer.lora_kernel_a)
    second = ops.matmul(first, layer.lora_kernel_b)
    records.append(Outer(variable=layer.lora_kernel_a, inputs=inputs, tap=first))
    records.append(Outer(variable=layer.lora_kernel_b, inputs=first, tap=second))
    return (layer.lora_alpha / layer.lora_rank) * second


def dense(layer: Any, records: list[Record], inputs: Any, training: Any = None) -> Any:
    """a W + b, then the activation."""
    del training
    output = ops.matmul(inputs, layer._kernel)
    if layer.lora_enabled:
        output = output + _low_rank(layer, inputs, records)
    if layer.bias is not None:
        output = ops.add(output, layer.bias)
    if _trains(layer._kernel):
        records.append(Outer(variable=layer._kernel, inputs=inputs, tap=output))
    if _trains(layer.bias):
        records.append(Direct(variable=layer.bias, tap=output, parts=_sum_middle))
    return output if layer.activation is None else layer.activation(output)


def einsum_dense(layer: Any, records: list[Record], inputs: Any, training: Any = None) -> Any:
    """A product over letters: what input and kernel share is summed over, the rest of the kernel is new."""
    del training
    output = ops.einsum(layer.equation, inputs, layer._kernel)
    if layer.lora_enabled:
        output = output + _low_rank_einsum(layer, inputs, records)
    if layer.bias is not None:
        output = ops.add(output, layer.bias)
    if _trains(layer._kernel):
        records.append(_einsum_record(layer.equation, layer._kernel, inputs, output))
    if _trains(layer.bias):
        records.append(Direct(variable=layer.bias, tap=output, parts=_to_shape_of(layer.bias)))
    return output if layer.activation is None else layer.activation(output)


def einsum_is_matrix(equation: str) -> bool:
    """Whether an equation is one matrix product: no letter in all three parts, none dropped, batch first."""
    if "." in equation:
        return False
    left, kernel, out = _letters(equation)
    shared = set(left) & set(kernel)
    return (
        left[0] == out[0]
        and left[0] not in kernel
        and not shared & set(out)
        and set(left) <= set(kernel + out)
    )


def _letters(equation: str) -> tuple[str, str, str]:
    inputs, out = equation.replace(" ", "").split("->")
    left, kernel = inputs.split(",")
    return left, kernel, out


def _einsum_record(equation: str, kernel: Any, inputs: Any, tap: Any) -> Outer:
    """The equation as rows: letters that only data has are rows, shared ones the depth, new ones the width."""
    left, letters, out = _letters(equation)
    rows = [letter for letter in left if letter not in letters]
    depth = [letter for letter in letters if letter in left]
    width = [letter for letter in letters if letter not in left]
    size = dict(zip(letters, kernel.shape, strict=True))
    to_kernel = [(depth + width).index(letter) for letter in letters]
    return Outer(
        variable=kernel,
        inputs=_flat(inputs, left, rows, depth),
        tap=tap,
        rows=lambda slope: _flat(slope, out, rows, width),
        restore=lambda matrix: tf.transpose(
            tf.reshape(matrix, [size[letter] for letter in depth + width]), to_kernel
        ),
    )


def _flat(tensor: Any, letters: str, rows: list[str], last: list[str]) -> Any:
    """`tensor` with axes `letters` as (rows..., product of the `last` axes)."""
    tensor = tf.transpose(tensor, [letters.index(letter) for letter in rows + last])
    width = 1
    for size in tensor.shape[len(rows) :]:
        width *= size
    kept = [
        tf.shape(tensor)[axis] if tensor.shape[axis] is None else tensor.shape[axis]
        for axis in range(len(rows))
    ]
    return tf.reshape(tensor, [*kept, width])


def _low_rank_einsum(layer: Any, inputs: Any, records: list[Record]) -> Any:
    """LoRA's addition for an einsum kernel, whose last letter is replaced by the rank."""
    left, letters, out = _letters(layer.equation)
    rank = next(letter for letter in "rstuvwxyz" if letter not in layer.equation)
    equation = f"{left},{letters[:-1]}{rank}->{out.replace(letters[-1], rank)}"
    first = ops.einsum(equation, inputs, layer.lora_kernel_a)
    second = ops.matmul(first, layer.lora_kernel_b)
    records.append(_einsum_record(equation, layer.lora_kernel_a, inputs, first))
    records.append(Outer(variable=layer.lora_kernel_b, inputs=first, tap=second))
    return (layer.lora_alpha / layer.lora_rank) * second


def _to_shape_of(variable: Any) -> Callable[[Any], Any]:
    """Sums a slope (B, ...) to (B, *shape) of a variable that was broadcast from the right."""

    def parts(slope: Any) -> Any:
        slope = tf.cast(slope, tf.float32)
        extra = slope.shape.rank - 1 - len(variable.shape)
        summed = tf.reduce_sum(slope, axis=list(range(1, 1 + extra))) if extra > 0 else slope
        ones = [
            axis + 1 for axis, size in enumerate(variable.shape) if size == 1 and summed.shape[axis + 1] != 1
        ]
        return tf.reduce_sum(summed, axis=ones, keepdims=True) if ones else summed

    return parts


def embedding(layer: Any, records: list[Record], inputs: Any) -> Any:
    """Rows of a table by number."""
    ids = inputs if inputs.dtype in ("int32", "int64") else ops.cast(inputs, "int32")
    # from the variable itself: reading the whole table first would copy it in every step that updates it
    output = tf.cast(tf.gather(layer._embeddings.value, ids), layer.compute_dtype)
    if _trains(layer._embeddings):
        records.append(Gather(variable=layer._embeddings, ids=ids, tap=output))
    if layer.lora_enabled:
        first = ops.take(layer.lora_embeddings_a, ids, axis=0)
        second = ops.matmul(first, layer.lora_embeddings_b)
        records.append(Gather(variable=layer.lora_embeddings_a, ids=ids, tap=first))
        records.append(Outer(variable=layer.lora_embeddings_b, inputs=first, tap=second))
        output = output + tf.cast((layer.lora_alpha / layer.lora_rank) * second, layer.compute_dtype)
    return output


def reversible_embedding(layer: Any, records: list[Record], inputs: Any, reverse: bool = False) -> Any:
    """Rows of a table by number, or back: scores of all rows by the same (tied) or another table."""
    if not reverse:
        return embedding(layer, records, inputs)
    dtype = layer.reverse_dtype or layer.compute_dtype
    inputs = tf.cast(inputs, dtype)
    table = layer._embeddings if layer.tie_weights else layer.reverse_embeddings
    kernel = tf.cast(tf.transpose(table) if layer.tie_weights else table, dtype)
    output = tf.matmul(inputs, kernel)
    if _trains(table):
        restore = tf.transpose if layer.tie_weights else tf.identity
        records.append(Outer(variable=table, inputs=inputs, tap=output, restore=restore))
    cap = layer.logit_soft_cap
    return output if cap is None else tf.tanh(output / cap) * cap


def layer_normalization(layer: Any, records: list[Record], inputs: Any) -> Any:
    """Every example normalised by itself, then scaled and shifted."""
    normal = ops.layer_normalization(inputs, None, None, layer.axis, layer.epsilon)
    output = normal if layer.gamma is None else normal * tf.cast(layer.gamma, normal.dtype)
    output = output if layer.beta is None else output + tf.cast(layer.beta, normal.dtype)
    output = tf.cast(output, layer.compute_dtype)
    if _trains(layer.gamma):
        records.append(
            Direct(
                variable=layer.gamma,
                tap=output,
                parts=lambda slope: _sum_middle(tf.cast(slope, tf.float32) * tf.cast(normal, tf.float32)),
            )
        )
    if _trains(layer.beta):
        records.append(Direct(variable=layer.beta, tap=output, parts=_sum_middle))
    return output


def convolution(layer: Any, records: list[Record], inputs: Any) -> Any:
    """A matrix product with every place's neighbourhood; one dimension is computed as two with height 1."""
    padding = layer.padding
    if padding == "causal":
        before = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        inputs, padding = tf.pad(inputs, [[0, 0], [before, 0], [0, 0]]), "valid"
    output = ops.conv(
        inputs, layer._kernel, strides=layer.strides, padding=padding, dilation_rate=layer.dilation_rate
    )
    if layer.use_bias:
        output = ops.add(output, layer.bias)
    if _trains(layer._kernel):
        shape = layer._kernel.shape
        records.append(
            Outer(
                variable=layer._kernel,
                inputs=_neighbourhoods(layer, inputs, padding),
                tap=output,
                restore=lambda matrix: tf.reshape(matrix, shape),
            )
        )
    if layer.use_bias and _trains(layer.bias):
        records.append(Direct(variable=layer.bias, tap=output, parts=_sum_middle))
    return output if layer.activation is None else layer.activation(output)


def _neighbourhoods(layer: Any, inputs: Any, padding: str) -> Any:
    """(B, places..., kernel size x channels): what each place of the output was computed from."""
    flat = len(layer.kernel_size) == 1
    along = [1] if flat else []
    patches = tf.image.extract_patches(
        inputs[:, None] if flat else inputs,
        sizes=[1, *along, *layer.kernel_size, 1],
        strides=[1, *along, *layer.strides, 1],
        rates=[1, *along, *layer.dilation_rate, 1],
        padding=padding.upper(),
    )
    return patches[:, 0] if flat else patches


CALLS: dict[type, Call] = {
    keras.layers.Dense: dense,
    keras.layers.EinsumDense: einsum_dense,
    keras.layers.Embedding: embedding,
    keras.layers.ReversibleEmbedding: reversible_embedding,
    keras.layers.LayerNormalization: layer_normalization,
    keras.layers.Conv1D: convolution,
    keras.layers.Conv2D: convolution,
}


def call_of(layer: Any) -> Call | None:
    """What computes this layer with records, by its exact type; None for any other."""
    return position_embedding if is_hub(layer, POSITION) else CALLS.get(type(layer))


def recordable(layer: Any) -> bool:
    """Whether norms of this layer's variables can be had from records; else they are computed one by one."""
    if call_of(layer) is None or getattr(layer, "quantization_mode", None):
        return False
    if isinstance(layer, keras.layers.LayerNormalization):
        return layer.axis in (-1, [-1]) and not layer.rms_scaling
    if isinstance(layer, keras.layers.EinsumDense):
        return einsum_is_matrix(layer.equation) and (
            not layer.lora_enabled or _last_letter_stays(layer.equation)
        )
    if isinstance(layer, keras.layers.Conv1D | keras.layers.Conv2D):
        return layer.groups == 1 and layer.data_format == "channels_last" and not layer.lora_enabled
    return True


def _last_letter_stays(equation: str) -> bool:
    _, letters, out = _letters(equation)
    return letters[-1] == out[-1]
