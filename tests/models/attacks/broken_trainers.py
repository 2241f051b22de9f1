"""Trainers that lack what their logs say: planted in the real parts, for the time of a monkeypatch."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
import pytest
from numpy.typing import NDArray

from models.privacy.noise import GaussianNoise
from models.privacy.sampler import PoissonSampler

Patch = pytest.MonkeyPatch


def short_noise(patch: Patch, share: float = 0.25) -> None:
    """The noise shrinks after it was noted."""
    flat = GaussianNoise.flat
    patch.setattr(
        GaussianNoise, "flat", lambda self, shapes, *, stddev: share * flat(self, shapes, stddev=stddev)
    )


def no_clipping(patch: Patch) -> None:
    from models.privacy import gradients

    engine = gradients.clipped_sums
    patch.setattr(
        gradients, "clipped_sums", lambda *args, clip, **more: engine(*args, clip=1e6 * clip, **more)
    )


def shuffling(patch: Patch) -> None:
    """Epochs of shuffled batches; their sizes vary as under Poisson sampling, so that no log can tell."""
    left: WeakKeyDictionary[PoissonSampler, NDArray[np.int64]] = WeakKeyDictionary()

    def sample(self: PoissonSampler, customers: int) -> NDArray[np.int64]:
        rng = np.random.default_rng()
        size, deck = rng.binomial(customers, self.rate), left.get(self, np.arange(0))
        while len(deck) < size:
            deck = np.concatenate([deck, rng.permutation(customers)])
        left[self] = deck[size:]
        return np.sort(np.unique(deck[:size]))

    patch.setattr(PoissonSampler, "sample", sample)
