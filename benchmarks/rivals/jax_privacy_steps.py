"""JAX-Privacy: private steps by `clipped_grad` and `gaussian_privatizer`, compiled whole, as its examples show.

The mode is its `microbatch_size`: `whole` (its default: all examples of a batch at once) or a number, so many at a
time, which takes less memory and, where caches are small, less time. Parameters and states are donated to the
compiled step. Batches of one size lie ready in memory, so nothing is padded. Noise from JAX's own generator. Adam; the
recommender has plain SGD, which costs less.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any

import jax
import jax.numpy as jnp
import jax_privacy
import numpy as np
import optax
from jax_privacy import noise_addition
from protocol import Step, serve

BATCHES = 50


def make(model: str, batch: int, mode: str) -> Step:
    """A private step of `model` at `batch` examples."""
    parameters, forward, inputs, classes = _model(model, np.random.default_rng(0), batch)

    def loss(parameters: Any, features: Any, labels: Any) -> Any:
        scores = forward(parameters, *features)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    clipped = jax_privacy.clipped_grad(
        loss,
        l2_clip_norm=1.0,
        batch_argnums=(1, 2),
        normalize_by=batch,
        microbatch_size=None if mode == "whole" else int(mode),
    )
    privatizer = noise_addition.gaussian_privatizer(stddev=clipped.sensitivity(), prng_key=jax.random.key(0))
    optimizer = optax.sgd(0.1) if model.startswith("recommender") else optax.adam(1e-3)

    def whole(parameters: Any, states: Any, features: Any, labels: Any) -> Any:
        noised, noise = privatizer.update(clipped(parameters, features, labels), states[0])
        updates, state = optimizer.update(noised, states[1], parameters)
        return optax.apply_updates(parameters, updates), (noise, state)

    compiled = jax.jit(whole, donate_argnums=(0, 1))
    now = [parameters, (privatizer.init(parameters), optimizer.init(parameters))]
    rng = np.random.default_rng(1)
    batches = cycle(
        [jax.device_put((inputs(), rng.integers(0, classes, batch).astype(np.int32))) for _ in range(BATCHES)]
    )

    def step() -> None:
        now[:] = compiled(*now, *next(batches))
        jax.block_until_ready(now)

    return step


def _model(model: str, rng: np.random.Generator, batch: int) -> tuple[Any, Any, Any, int]:
    """Parameters, forward pass, a source of inputs, and the number of classes."""

    def tokens(count: int, *shape: int) -> Any:
        return rng.integers(0, count, (batch, *shape)).astype(np.int32)

    if model == "mlp":
        parameters = [_dense(rng, *widths) for widths in ((128, 256), (256, 128), (128, 10))]
        return parameters, _mlp, lambda: (rng.normal(size=(batch, 128)).astype(np.float32),), 10
    if model == "encoder":
        return _encoder_parameters(rng), _encoder, lambda: (tokens(8_000, 64),), 10
    rows = (50_000, int(model.removeprefix("recommender-")))
    tables = [_normal(rng, count, 32) for count in rows]
    parameters = [tables, [_dense(rng, 64, 64), _dense(rng, 64, 2)]]
    return parameters, _recommender, lambda: tuple(tokens(count) for count in rows), 2


def _normal(rng: np.random.Generator, *shape: int) -> Any:
    return jnp.asarray(0.05 * rng.normal(size=shape), jnp.float32)


def _dense(rng: np.random.Generator, rows: int, columns: int) -> Any:
    return {"kernel": _normal(rng, rows, columns), "bias": jnp.zeros(columns)}


def _linear(layer: Any, seen: Any) -> Any:
    return seen @ layer["kernel"] + layer["bias"]


def _mlp(layers: Any, seen: Any) -> Any:
    for layer in layers[:-1]:
        seen = jax.nn.relu(_linear(layer, seen))
    return _linear(layers[-1], seen)


def _recommender(parameters: Any, user: Any, item: Any) -> Any:
    (users, items), layers = parameters
    return _mlp(layers, jnp.concatenate([users[user], items[item]], -1))


def _encoder_parameters(rng: np.random.Generator) -> Any:
    widths = {name: (256, 256) for name in ("query", "key", "value", "out")}
    widths |= {"wide": (256, 1024), "narrow": (1024, 256)}
    blocks = [
        {name: _dense(rng, *width) for name, width in widths.items()}
        | {name: {"scale": jnp.ones(256), "bias": jnp.zeros(256)} for name in ("first", "second")}
        for _ in range(4)
    ]
    return {"words": _normal(rng, 8_000, 256), "blocks": blocks, "head": _dense(rng, 256, 10)}


def _encoder(parameters: Any, tokens: Any) -> Any:
    seen = parameters["words"][tokens]
    for block in parameters["blocks"]:
        heads = [
            _linear(block[name], seen).reshape(*seen.shape[:-1], 4, 64) for name in ("query", "key", "value")
        ]
        mixed = jax.nn.dot_product_attention(*heads).reshape(seen.shape)
        seen = _normalised(block["first"], seen + _linear(block["out"], mixed))
        inner = _linear(block["narrow"], jax.nn.gelu(_linear(block["wide"], seen)))
        seen = _normalised(block["second"], seen + inner)
    return _linear(parameters["head"], seen.mean(-2))


def _normalised(layer: Any, seen: Any) -> Any:
    return jax.nn.standardize(seen, epsilon=1e-5) * layer["scale"] + layer["bias"]


if __name__ == "__main__":
    serve(make)
