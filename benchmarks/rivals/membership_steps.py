"""ART's shadow models and its learned attack on one target: one JSON line of scores, by what it was given.

Run in the environment `membership`: `membership_steps.py FILE JSON`, where FILE is the arrays of `membership.attacked`
and JSON how the target was trained: hidden, steps, batch, learning_rate, shadows, seed. The shadow models are trained
as it was, step by step. ART's own default attack model is left out: it needs PyTorch beside TensorFlow.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from art.attacks.inference.membership_inference import MembershipInferenceBlackBox, ShadowModels
from art.estimators.classification import TensorFlowV2Classifier

ATTACK_MODELS = ("rf", "gb", "lr")
CLASSES = 2


def main() -> None:
    """Attack the target once with shadows on the pool itself, once with shadows on customers from elsewhere."""
    arrays, settings = dict(np.load(sys.argv[1])), json.loads(sys.argv[2])
    keras.utils.set_random_seed(settings["seed"])
    target = Trained(arrays["pool"].shape[1], settings)
    target.model.set_weights([arrays[name] for name in sorted(arrays) if name.startswith("w")])
    found = {}
    for where, labels in (("pool", "pool_labels"), ("elsewhere", "elsewhere_labels")):
        shadows = ShadowModels(target, num_shadow_models=settings["shadows"], random_state=settings["seed"])
        members, others = shadows.generate_shadow_dataset(arrays[where], _one_hot(arrays[labels]))
        for kind in ATTACK_MODELS:
            attack = MembershipInferenceBlackBox(target, attack_model_type=kind)
            attack.fit(*members[:2], *others[:2], pred=members[2], test_pred=others[2])
            scores = attack.infer(arrays["pool"], _one_hot(arrays["pool_labels"]), probabilities=True)
            found[f"{kind}, shadows on {where}"] = np.ravel(scores).astype(float).tolist()
    print(json.dumps(found))


class Trained(TensorFlowV2Classifier):
    """The target's network, which ART may copy, untrained, and train as the target was."""

    def __init__(self, inputs: int, settings: dict[str, Any]) -> None:
        hidden = [keras.layers.Dense(width, activation="relu") for width in settings["hidden"]]
        network = keras.Sequential([keras.layers.Input((inputs,)), *hidden, keras.layers.Dense(CLASSES)])
        self.inputs, self.settings = inputs, settings
        super().__init__(network, nb_classes=CLASSES, input_shape=(inputs,))

    def clone_for_refitting(self) -> Trained:
        """Another one, newly initialised."""
        return Trained(self.inputs, self.settings)

    def fit(self, x: Any, y: Any, **_: Any) -> None:
        """Steps on random batches of rows `x` with one-hot labels `y`."""
        labels, rng = np.argmax(y, axis=1), np.random.default_rng(self.settings["seed"])
        optimizer = keras.optimizers.Adam(self.settings["learning_rate"])
        variables = self.model.trainable_variables
        optimizer.build(variables)

        @tf.function
        def step(features: Any, classes: Any) -> None:
            with tf.GradientTape() as tape:
                outputs = self.model(features, training=True)
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, outputs)
                loss = tf.reduce_mean(losses)
            optimizer.apply(tape.gradient(loss, variables), variables)

        for _ in range(self.settings["steps"]):
            chosen = rng.integers(len(x), size=self.settings["batch"])
            step(tf.constant(x[chosen]), tf.constant(labels[chosen]))


def _one_hot(labels: Any) -> Any:
    return np.eye(CLASSES, dtype=np.float32)[labels]


if __name__ == "__main__":
    main()
