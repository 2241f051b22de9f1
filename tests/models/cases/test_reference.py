from __future__ import annotations

import numpy as np

from models.cases import reference
from models.privacy.private import Private


def test_the_network_is_the_one_that_was_asked_for() -> None:
    import keras

    model = reference.build_model()
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    dropped = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert [layer.units for layer in dense] == [64, 64, 10]
    assert [layer.activation.__name__ for layer in dense] == ["relu", "relu", "linear"]
    assert dropped == [0.5, 0.5]
    assert model.count_params() == 784 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10
    assert isinstance(reference.optimizer(), keras.optimizers.Adam)


def test_it_learns_privately_what_is_easy() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=2_000)
    images = np.eye(10, dtype=np.float32)[labels] + rng.normal(0, 0.1, (2_000, 10)).astype(np.float32)
    private = Private(reference.build_model(10), epsilon=8, customers=2_000)
    private.compile(reference.optimizer(0.02), reference.loss(), batch_size=500, epochs=10)
    private.fit(images, labels, verbose=0)
    assert private.claim().epsilon <= 8
    assert (private.model.predict(images, verbose=0).argmax(axis=1) == labels).mean() > 0.4
