"""KerasHub's layers that compute an example from that example alone, for its encoders and decoders.

They are recognised by exact type, and only if KerasHub was imported: importing it takes seconds.
"""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf

from models.privacy.clipping.records import Gather, Record

# Their variables belong to Keras layers inside them, or they have none.
STATELESS = (
    "CachedMultiHeadAttention",
    "RotaryEmbedding",
    "SinePositionEncoding",
    "TokenAndPositionEmbedding",
    "TransformerDecoder",
    "TransformerEncoder",
)
POSITION = "PositionEmbedding"


def is_hub(layer: Any, *names: str) -> bool:
    """Whether the layer is exactly one of KerasHub's layers of these names."""
    hub = sys.modules.get("keras_hub")
    return hub is not None and any(
        type(layer) is found for name in names if (found := getattr(hub.layers, name, None)) is not None
    )


def position_embedding(layer: Any, records: list[Record], inputs: Any, start_index: int = 0) -> Any:
    """The row of every place, the same for all examples: a lookup by place. Serving's own places are refused."""
    shape = tf.shape(inputs)
    places = tf.range(start_index, start_index + shape[-2])
    ids = tf.broadcast_to(places, shape[:-1])
    ids = tf.ensure_shape(ids, inputs.shape[:-1])
    output = tf.cast(tf.gather(layer.position_embeddings.value, ids), layer.compute_dtype)
    if layer.position_embeddings.trainable:
        records.append(Gather(variable=layer.position_embeddings, ids=ids, tap=output))
    return output
