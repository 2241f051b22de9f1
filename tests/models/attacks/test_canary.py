from __future__ import annotations

import numpy as np
import pytest

from models.attacks.canary import UNKNOWN, Canaries, cross_entropies, exposures, mean_exposure, planted
from models.privacy.examples import CustomerExamples


def test_exposure_is_that_of_the_rank() -> None:
    others = np.tile(np.arange(1.0, 1024.0), (3, 1))
    assert exposures(np.array([0.5, 2.5, 9999.0]), others) == pytest.approx([10, 10 - np.log2(3), 0])


def test_a_model_that_knows_none_shows_what_chance_shows() -> None:
    rng = np.random.default_rng(0)
    bits = exposures(rng.random(4000), rng.random((4000, 511)))
    found = mean_exposure(bits)
    assert found.low < UNKNOWN < found.high
    assert found.high - found.low < 0.2


def test_equal_losses_show_nothing() -> None:
    """A model that says the same of everything must not look as if it knew the canaries."""
    assert (exposures(np.zeros(3), np.zeros((3, 255))) < 1.1).all()


def test_losses_are_those_of_each_canarys_class() -> None:
    logits = np.array([[5.0, 0.0], [0.0, 0.0]])
    losses = cross_entropies(logits, np.array([0, 1]))
    assert losses == pytest.approx(np.array([[0.0067, 0.6931], [5.0067, 0.6931]]), abs=1e-3)


def test_sentences_differ_and_follow_from_the_seed() -> None:
    drawn = Canaries.draw(planted=5, others=50, classes=7, seed=3)
    assert len({*drawn.planted, *drawn.others}) == 55
    assert drawn.planted == Canaries.draw(planted=5, others=50, classes=7, seed=3).planted
    assert drawn.labels.max() < 7


def test_each_canary_is_a_customer_of_its_own() -> None:
    given = CustomerExamples(
        features={"vector": np.ones((2, 3, 4), np.float32)},
        labels=np.zeros((2, 3), np.int64),
        mask=np.ones((2, 3), np.bool_),
    )
    both = planted(given, {"vector": np.full((5, 4), 7.0)}, np.arange(5))
    assert both.customers == 7
    assert both.mask[2:].sum() == 5
    assert isinstance(both.features, dict)
    assert both.features["vector"].dtype == np.float32
    assert (both.features["vector"][2:, 0] == 7).all()
    assert list(both.labels[2:, 0]) == list(range(5))
