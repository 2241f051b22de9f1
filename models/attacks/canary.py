"""Canaries: sentences planted in training, and how much better a model knows them than sentences of the same kind.

Carlini et al. 2019, *The Secret Sharer*: the exposure of a planted sentence among R that might have been planted is
log2 R - log2 rank, its rank being that of its loss, least first. A model that learnt nothing of it ranks it anywhere:
its exposure is 1.44 bits on average (1 / ln 2). One that knows it best shows log2 R bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.privacy.examples import CustomerExamples
from models.values.language import Language
from models.values.scope import Measure

UNKNOWN: Final = 1 / math.log(2)
_RESAMPLES: Final = 2000
_SYLLABLES: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("ba", "do", "fi", "gu", "ka", "le", "mo", "ni", "pu", "ra", "so", "ti", "vu", "we", "xi", "za"),
    "zh": tuple("巴多飞古卡乐莫尼普拉索提武伟西扎"),
}
_FORMS: Final[dict[Language, tuple[str, str]]] = {
    "en": ("The password of my parcel box is {}.", " "),
    "zh": ("我的快递柜密码是{}。", ""),
}
"""A sentence, and what stands between the words of its secret."""


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """Sentences [k] to plant, the class (k,) that each gets at random, and [r] that might have been planted."""

    planted: tuple[str, ...]
    labels: NDArray[np.int64]
    others: tuple[str, ...]

    @classmethod
    def draw(
        cls, *, planted: int, others: int, classes: int, seed: int | None, language: Language = "en"
    ) -> Canaries:
        """Sentences of one form that differ in a secret of three invented words each, all different."""
        rng, syllables, (form, between) = np.random.default_rng(seed), _SYLLABLES[language], _FORMS[language]
        secrets: dict[str, None] = {}
        while len(secrets) < planted + others:
            words = rng.integers(len(syllables), size=(3, 3))
            secrets[between.join("".join(syllables[s] for s in word) for word in words)] = None
        made = [form.format(secret) for secret in secrets]
        labels = rng.integers(classes, size=planted)
        return cls(planted=tuple(made[:planted]), labels=labels, others=tuple(made[planted:]))


def planted(customers: CustomerExamples, features: Any, labels: NDArray[Any]) -> CustomerExamples:
    """`customers` and one more for each canary, who gives nothing else: `features` (k, ...), `labels` (k, ...)."""
    count, most = len(labels), customers.max_examples

    def beside(array: NDArray[Any], more: NDArray[Any]) -> NDArray[Any]:
        added = np.zeros((count, most, *more.shape[1:]), dtype=array.dtype)
        added[:, 0] = more
        return np.concatenate([array, added])

    held = customers.features
    return CustomerExamples(
        features={name: beside(held[name], features[name]) for name in held}
        if isinstance(held, dict)
        else beside(held, features),
        labels=beside(customers.labels, labels),
        mask=beside(customers.mask, np.ones(count, dtype=np.bool_)),
    )


def exposures(losses: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Bits (k,) of canaries with losses (k,) among those, `others` (k, r), of what might have been planted instead.

    Of equal losses half are taken to be less.
    """
    less = (others < losses[:, None]).sum(axis=1) + 0.5 * (others == losses[:, None]).sum(axis=1)
    return np.asarray(math.log2(others.shape[1] + 1) - np.log2(1 + less))


def mean_exposure(bits: NDArray[np.float64], *, confidence: float = 0.95, seed: int = 0) -> Measure:
    """The mean of canaries' exposures (k,), with a bootstrap over canaries; `UNKNOWN` of a model that knows none."""
    rng = np.random.default_rng(seed)
    means = bits[rng.integers(len(bits), size=(_RESAMPLES, len(bits)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    value = float(bits.mean())
    return Measure(
        name="canary exposure (bits)",
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        scope="internal",
        how=f"{len(bits)} planted sentences, bootstrap over them; {UNKNOWN:.2f} if the model knows none",
        confidence=confidence,
    )


def chance_exposure(others: int) -> float:
    """What a model shows on average that knows none, in bits: a rank by lot among `others` and the canary itself."""
    return float(_by_lot(others).mean())


def found_from(planted: int, others: int, *, power: float, confidence: float = 0.95) -> int:
    """How many of `planted` sentences, known by heart, lift the interval above chance with a chance of `power`.

    Those are of rank 1, the rest of a rank by lot; the mean's distribution is taken as normal.
    """
    from scipy.stats import norm

    lot = _by_lot(others)
    chance, most = float(lot.mean()), float(lot[0])
    known = np.arange(planted + 1) / planted
    mean = known * most + (1 - known) * chance
    variance = known * most**2 + (1 - known) * (lot**2).mean() - mean**2
    needed = (norm.ppf((1 + confidence) / 2) + norm.ppf(power)) * np.sqrt(np.maximum(variance, 0) / planted)
    return int(np.flatnonzero(mean - chance > needed)[0])


def _by_lot(others: int) -> NDArray[np.float64]:
    """The exposures of all ranks among `others` and the canary itself, the first rank's first."""
    found: NDArray[np.float64] = math.log2(others + 1) - np.log2(np.arange(1, others + 2))
    return found
