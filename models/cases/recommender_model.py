"""The recommender's network: two towers whose product retrieves, and a last layer over all that ranks.

The item's tower adds a row of a table, trained with lazy noise, to a layer over public features (department, category,
price); the customer's tower is a layer over the mean of the items of the customer's own history. What ranks sees the
product of the two, width by width, the item's vector, its DP-released popularity, and bands of the customer's own
history with the item, its category and its department: linearly, and through one hidden layer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.cases.recommender_baskets import HISTORY
from models.cases.recommender_events import CODES
from models.cases.recommender_popularity import popularity
from models.privacy.tables import Table

if TYPE_CHECKING:
    from models.cases.case import Facts

WIDTH: Final = 16
HIDDEN: Final = 32
TABLE_RATE: Final = 0.1
INPUTS: Final = ("items", "times", "codes", "offset")
_CATEGORY, _DEPARTMENT, _PRICE = 16, 8, 13  # widths of the public codes
_SEED: Final = 20_260_101


def build_model(facts: Facts, width: int = WIDTH) -> Any:
    """Scores (B, C) of the candidates that follow the HISTORY items of `items` (B, HISTORY + C), newly initialised.

    `width` is of the vectors of customers and items.
    """
    import keras
    from keras import layers

    items = layers.Input((None,), dtype="int32", name="items")
    times = layers.Input((HISTORY,), dtype="uint8", name="times")
    codes = layers.Input((None, len(CODES)), dtype="uint8", name="codes")
    offset = layers.Input((None,), name="offset")
    public = _fixed("public", _public(facts))(items)
    known = [
        _fixed("category", _random(facts["category"], _CATEGORY))(public[:, :, 0]),
        _fixed("department", _random(facts["department"], _DEPARTMENT))(public[:, :, 1]),
        _fixed("price", np.eye(_PRICE))(public[:, :, 2]),
    ]
    learnt = layers.Embedding(len(facts["category"]), width, embeddings_initializer="zeros", name="table")(
        items
    )
    described = layers.Dense(width, use_bias=False, name="described")(layers.Concatenate()(known))
    item = layers.Add(name="item")([learnt, described])
    present = _fixed("present", (np.arange(256) > 0)[:, None])(times)
    pooled = layers.GlobalAveragePooling1D()(layers.Multiply()([item[:, :HISTORY], present]))
    customer = layers.Dense(width, name="customer")(pooled)
    both = layers.Multiply()([customer[:, None, :], item[:, HISTORY:]])
    told = [_fixed(f"band_{k}", np.eye(size))(codes[:, :, k]) for k, size in enumerate(CODES)]
    everything = layers.Concatenate()([both, public[:, HISTORY:, 3:], item[:, HISTORY:], *told])
    hidden = layers.Dense(HIDDEN, activation="tanh", name="hidden")(everything)
    score = layers.Dense(1, use_bias=False, name="score")
    total = layers.Add()([score(layers.Concatenate()([everything, hidden])), offset[:, :, None]])
    score.set_weights([_ones_first(score.kernel.shape[0], width + 1)])
    return keras.Model([items, times, codes, offset], total[:, :, 0])


def towers(model: Any) -> tuple[Any, Any]:
    """The customer's tower, of items and times of a history, and the item's, of items: parts of `model` itself."""
    import keras

    named = dict(zip(INPUTS, model.inputs, strict=True))
    customer = keras.Model([named["items"], named["times"]], model.get_layer("customer").output)
    return customer, keras.Model(named["items"], model.get_layer("item").output)


def embedding_tables(model: Any) -> tuple[Table, ...]:
    """The table of items, of any size: a step costs the rows that it reads."""
    return (
        Table(
            variable=model.get_layer("table").trainable_variables[0],
            learning_rate=TABLE_RATE,
            feature="items",
        ),
    )


def _public(facts: Facts) -> NDArray[np.float32]:
    """(N + 1, 4): numbers of category, department and price band, and the logarithm of the popularity."""
    liked = np.log(np.maximum(popularity(facts), 1e-9))
    return np.stack([facts["category"], facts["department"], facts["price_band"], liked], axis=1).astype(
        np.float32
    )


def _random(numbers: NDArray[Any], width: int) -> NDArray[np.float64]:
    """Public random directions, one for each number; 0 is nothing."""
    drawn: NDArray[np.float64] = np.random.default_rng(_SEED).normal(size=(int(numbers.max()) + 1, width))
    drawn[0] = 0.0
    return drawn / math.sqrt(width)


def _fixed(name: str, rows: NDArray[Any]) -> Any:
    """A layer that looks up public rows and is not trained."""
    from keras import layers

    layer = layers.Embedding(*rows.shape, embeddings_initializer="zeros", trainable=False, name=name)
    layer.build()
    layer.set_weights([rows])  # not by an initialiser of one's own, which a saved model could not name
    return layer


def _ones_first(inputs: int, count: int) -> NDArray[np.float32]:
    """A kernel (inputs, 1) of ones for the first `count` inputs and zeros for the others."""
    return (np.arange(inputs) < count)[:, None].astype(np.float32)
