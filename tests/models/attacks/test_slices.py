"""Slices: whom they hold, and which are none."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.attacks.slices import slices_of
from models.privacy.examples import CustomerExamples


def _customers(count: int, features: Any = None, labels: Any = None, examples: Any = 8) -> CustomerExamples:
    mask = np.arange(8) < np.broadcast_to(examples, count)[:, None]
    shape = mask.shape
    return CustomerExamples(
        features=np.random.default_rng(0).normal(size=(*shape, 2)).astype(np.float32)
        if features is None
        else features,
        labels=np.zeros(shape, np.float32) if labels is None else labels,
        mask=mask,
    )


def _only(count: int, chosen: list[int], kind: Any = np.float32) -> Any:
    """Zeros (count, 8), and ones in the first place of the customers `chosen`."""
    array = np.zeros((count, 8), kind)
    array[chosen, 0] = 1
    return array


def test_heavy_customers_have_three_quarters_of_the_cap():
    found = slices_of(_customers(4, examples=[1, 5, 6, 8]), _customers(3, examples=[1, 1, 7]))
    assert [mask.tolist() for mask in found["heavy customers"]] == [
        [False, False, True, True],
        [False, False, True],
    ]


def test_where_everybody_is_heavy_nobody_is():
    assert slices_of(_customers(30), _customers(30)) == {}


def test_rare_labels_and_set_indicators_are_found_on_both_sides():
    members, others = (
        _customers(
            100,
            features=np.stack([_only(100, own), np.full((100, 8), 0.5, np.float32)], axis=-1),
            labels=_only(100, rare),
        )
        for own, rare in (([5, 6], [1, 2, 3]), ([7], [4]))
    )
    found = slices_of(members, others)
    held = {name: [np.flatnonzero(mask).tolist() for mask in masks] for name, masks in found.items()}
    assert held == {"rare label": [[1, 2, 3], [4]], "rare feature": [[5, 6], [7]]}


def test_words_and_items_of_lists_count_and_what_is_masked_does_not():
    words = np.ones((200, 8, 4), np.int32)
    words[:, :, 1] = np.arange(200)[:, None] % 4
    words[9, 0, 3] = words[150, 7, 3] = 77
    given = {"words": words, "amount": np.random.default_rng(1).random((200, 8)).astype(np.float32)}
    pool = _customers(200, features=given, examples=np.where(np.arange(200) == 150, 7, 8))
    halves = pool.take(np.arange(100)), pool.take(np.arange(100, 200))
    rare = slices_of(*halves)["rare feature"]
    assert np.flatnonzero(rare[0]).tolist() == [9]
    assert not rare[1].any()


def test_a_label_that_many_have_and_measured_ones_are_not_rare():
    half = _customers(100, labels=_only(100, list(range(50))))
    assert slices_of(half, half) == {}
    rng = np.random.default_rng(1)
    measured = _customers(2000, labels=rng.random((2000, 8)).astype(np.float32))
    assert slices_of(measured, measured) == {}
