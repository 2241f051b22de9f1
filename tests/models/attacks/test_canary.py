from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.attacks.canary import (
    UNKNOWN,
    Canaries,
    chance_exposure,
    exposures,
    found_from,
    mean_exposure,
    planted,
)
from models.cases.support_text import is_chinese
from models.privacy.examples import CustomerExamples
from models.values.language import LANGUAGES


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_differ_and_follow_from_the_seed(language: Any) -> None:
    asked: Any = {"planted": 5, "others": 50, "classes": 7, "seed": 3, "language": language}
    drawn = Canaries.draw(**asked)
    assert len({*drawn.planted, *drawn.others}) == 55
    assert drawn.planted == Canaries.draw(**asked).planted
    assert drawn.labels.max() < 7
    assert all(is_chinese(sentence) == (language == "zh") for sentence in drawn.planted)


@pytest.mark.parametrize("others", [15, 1023])
def test_chance_is_what_ranks_by_lot_show(others: int) -> None:
    rng = np.random.default_rng(1)
    bits = exposures(rng.random(20_000), rng.random((20_000, others)))
    assert bits.mean() == pytest.approx(chance_exposure(others), abs=0.05)


@pytest.mark.parametrize("known", [0, found_from(100, 1023, power=0.9)])
def test_an_interval_finds_what_it_is_said_to_find_and_rarely_more(known: int) -> None:
    """All canaries of a lot are ranked among the same others, as in an audit."""
    rng, above = np.random.default_rng(2), 0
    for _ in range(300):
        losses = rng.random(100)
        losses[:known] = -1.0
        found = mean_exposure(exposures(losses, np.tile(rng.random(1023), (100, 1))))
        above += found.low > chance_exposure(1023)
    assert above <= 0.05 * 300 if known == 0 else above >= 0.87 * 300


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
