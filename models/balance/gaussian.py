"""A Gaussian process for a few dozen noisy values: what a search believes of the choices that it has not tried.

Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), chapters 2 and 5: Matern 5/2 with a length for
each input, in [0, 1], and noise; the hyper-parameters are the most likely ones under weak log-normal priors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
_JITTER: Final = 1e-6
_LENGTH, _NOISE = math.log(0.7), math.log(0.05)  # prior medians; inputs are in [0, 1], values standardised
_LENGTHS: Final = (math.log(0.1), math.log(5.0))
_SCALES: Final = (-3.0, 3.0)
_NOISES: Final = (math.log(_JITTER), 0.0)
_ITERATIONS: Final = 40


class Belief(NamedTuple):
    """Mean and standard deviation (n,) of the noise-free value at n places."""

    mean: Floats
    stddev: Floats


Trend = Callable[[Floats], Floats]
"""What is believed beforehand of the values (n,) at places (n, d), up to a constant."""


def flat(places: Floats) -> Floats:
    """No trend."""
    return np.zeros(len(places))


class GaussianProcess:
    """A process fitted to how far `values` (n,) at `places` (n, d) in [0, 1] are from a trend."""

    def __init__(self, places: Floats, values: Floats, trend: Trend = flat) -> None:
        beyond = values - trend(places)
        self._trend = trend
        self._middle = float(beyond.mean())
        self._scale = float(beyond.std()) or 1.0
        self._fitted = _fitted(places, self._standard(beyond))
        self._set(places, beyond)

    def beside(self, places: Floats) -> GaussianProcess:
        """The same process as if its own mean had been seen at `places` too (Ginsbourger et al. 2010)."""
        made = object.__new__(GaussianProcess)
        made._middle, made._scale, made._fitted = self._middle, self._scale, self._fitted
        made._trend = self._trend
        expected = self.at(places).mean - self._trend(places)
        made._set(np.concatenate([self._places, places]), np.concatenate([self._beyond, expected]))
        return made

    def at(self, places: Floats) -> Belief:
        """What is believed at `places` (m, d)."""
        cross = self._fitted.scale * matern(places, self._places, self._fitted.lengths)
        narrowed = self._inverse @ cross.T
        variance = np.maximum(self._fitted.scale - (narrowed**2).sum(axis=0), 1e-12)
        beyond = self._middle + self._scale * (cross @ self._weights)
        return Belief(self._trend(places) + beyond, self._scale * np.sqrt(variance))

    def _standard(self, beyond: Floats) -> Floats:
        return (beyond - self._middle) / self._scale

    def _set(self, places: Floats, beyond: Floats) -> None:
        self._places, self._beyond = places, beyond
        root = np.linalg.cholesky(_covariance(places, self._fitted))
        self._inverse = np.linalg.inv(root)  # some dozens of rows
        self._weights = self._inverse.T @ (self._inverse @ self._standard(beyond))


class _Fitted(NamedTuple):
    lengths: Floats
    scale: float
    noise: float


def matern(one: Floats, other: Floats, lengths: Floats) -> Floats:
    """The Matern 5/2 correlation (n, m) of places (n, d) and (m, d)."""
    squares = (((one[:, None, :] - other[None, :, :]) / lengths) ** 2).sum(axis=2)
    far = np.sqrt(5 * squares)
    return np.asarray((1 + far + far**2 / 3) * np.exp(-far), dtype=np.float64)


def _covariance(places: Floats, fitted: _Fitted) -> Floats:
    found: Floats = fitted.scale * matern(places, places, fitted.lengths)
    found[np.diag_indices(len(places))] += fitted.noise + _JITTER
    return found


def _fitted(places: Floats, standard: Floats) -> _Fitted:
    inputs = places.shape[1]

    def unlikely(logs: Floats) -> float:
        fitted = _unpacked(logs)
        try:
            root = np.linalg.cholesky(_covariance(places, fitted))
        except np.linalg.LinAlgError:
            return 1e9
        narrowed = np.linalg.solve(root, standard)
        evidence = float(narrowed @ narrowed) / 2 + float(np.log(np.diag(root)).sum())
        lengths, scale, noise = logs[:inputs], logs[inputs], logs[inputs + 1]
        prior = float(((lengths - _LENGTH) ** 2).sum()) / 2 + scale**2 / 2 + (noise - _NOISE) ** 2 / 4
        return evidence + float(prior)

    start = np.array([_LENGTH] * inputs + [0.0, _NOISE])
    bounds = [_LENGTHS] * inputs + [_SCALES, _NOISES]
    best = minimize(unlikely, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": _ITERATIONS})
    return _unpacked(np.asarray(best.x))


def _unpacked(logs: Floats) -> _Fitted:
    return _Fitted(np.exp(logs[:-2]), float(np.exp(logs[-2])), float(np.exp(logs[-1])))
