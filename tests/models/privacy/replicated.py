"""A training on `sys.argv[1]` replicas (0: none; "worker": one of several processes); prints what came out."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import differences
from models.privacy.trainer import fit
from models.values.target import PrivacyTarget
from tests.models.privacy.conftest import FixedEntropy

CUSTOMERS, WIDTH, EXPECTED = 400, 300, 50


def strategy(kind: str) -> Any:
    """None, a MirroredStrategy over processors, or a worker of the cluster in TF_CONFIG."""
    if kind == "worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if kind == "0":
        return None
    devices = [f"CPU:{number}" for number in range(int(kind))]
    one = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(one, [tf.config.LogicalDeviceConfiguration() for _ in devices])
    return tf.distribute.MirroredStrategy(devices)


def main(kind: str, scale: float, entropy: Any) -> dict[str, Any]:
    """Three steps of SGD on random customers whose features are multiplied by `scale`."""
    chosen = strategy(kind)
    keras.utils.set_random_seed(1)
    with chosen.scope() if chosen else nullcontext():
        hidden = keras.layers.Dense(200, activation="tanh")
        model = keras.Sequential([keras.layers.Input((WIDTH,)), hidden, keras.layers.Dense(1)])
        optimizer = keras.optimizers.SGD(1.0)
    rng = np.random.default_rng(0)
    data = CustomerExamples(
        features=scale * rng.normal(size=(CUSTOMERS, 2, WIDTH)).astype(np.float32),
        labels=rng.normal(size=(CUSTOMERS, 2)).astype(np.float32),
        mask=np.full((CUSTOMERS, 2), scale > 0),
    )
    target = PrivacyTarget(epsilon=8, delta=1e-5, n_public=1000)
    plan = PrivacyPlan.calibrate(target, expected_batch=EXPECTED, steps=3, max_examples=2, clipping_norm=1.0)
    before = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    loss = lambda labels, outputs: tf.square(labels - outputs)  # noqa: E731
    result = fit(plan, model, data, loss=loss, optimizer=optimizer, entropy=entropy)
    change = np.concatenate([np.ravel(weight) for weight in model.get_weights()]) - before
    return {
        "std": float(change.std()),
        "planned": plan.noise_stddev / EXPECTED * np.sqrt(3),
        "weights": change[::100].tolist(),
        "sampled": [step.sampled for step in result.log.steps],
        "population": result.log.population,
        "differences": differences(plan, result.log),
    }


if __name__ == "__main__":
    fixed = FixedEntropy() if sys.argv[3] == "fixed" else None
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), fixed)))
