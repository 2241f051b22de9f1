"""The scattering transform of the benchmark is Kymatio's."""

from __future__ import annotations

import numpy as np

from benchmarks._scattering import group_normalised, scattering

# Kymatio 0.3.0, Scattering2D(J=2, shape=(28, 28)) of _image() / 255, at (channel, row, column)
KYMATIO = {
    (0, 0, 0): 0.15009,
    (1, 3, 3): 0.03705,
    (6, 6, 2): 0.02970,
    (9, 1, 5): 0.01636,
    (16, 3, 0): 0.02271,
    (17, 2, 2): 0.00496,
    (45, 4, 6): 0.00404,
    (80, 5, 1): 0.00732,
}


def _image() -> np.ndarray:
    down, right = np.mgrid[:28, :28]
    return ((down * down * 7 + down * right * 3 + 13 * right) % 256).astype(np.uint8)


def test_coefficients_are_kymatios() -> None:
    found = scattering(np.stack([np.full((28, 28), 255, np.uint8), _image()]))
    assert found.shape == (2, 81, 7, 7)
    for place, value in KYMATIO.items():
        assert abs(found[1][place] - value) < 3e-5
    np.testing.assert_allclose(found[0, 0], 1, atol=1e-5)  # a white image has no waves
    np.testing.assert_allclose(found[0, 1:], 0, atol=1e-5)


def test_an_image_is_normalised_by_itself() -> None:
    channels = np.random.default_rng(0).random((3, 81, 7, 7)).astype(np.float32)
    together = group_normalised(channels)
    alone = np.concatenate([group_normalised(channels[place : place + 1]) for place in range(3)])
    np.testing.assert_array_equal(together, alone)
    assert (np.linalg.norm(together, axis=1) <= np.sqrt(3969) * (1 + 1e-6)).all()
