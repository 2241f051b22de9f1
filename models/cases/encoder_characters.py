"""Characters: Chinese text as hashed n-grams of characters, with no vocabulary and nothing fitted.

The default encoder's vocabulary knows few Chinese characters. Here every character and every pair of neighbours falls
into one of a public number of buckets, with a sign, by a public hash (Weinberger et al. 2009, *Feature Hashing for
Large Scale Multitask Learning*). A bucket holds the square root of its count; a vector has length 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.cases.hashing import mixed

MOST_CHARACTERS = 256
_PAIRS = np.uint64(0x9E3779B97F4A7C15)


def character_vectors(texts: Sequence[str], buckets: int) -> NDArray[np.float32]:
    """Unit vectors (n, buckets) of `texts`, of which the first MOST_CHARACTERS count; zero for an empty text."""
    vectors = np.zeros((len(texts), buckets), dtype=np.float32)
    for row, text in enumerate(texts):
        letters = "".join(text.lower().split())[:MOST_CHARACTERS]
        codes = np.frombuffer(letters.encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
        keys = mixed(np.concatenate([codes, (codes[:-1] + np.uint64(1)) * _PAIRS + codes[1:]]))
        signs = 1.0 - 2.0 * (keys >> np.uint64(63)).astype(np.float64)
        counts = np.bincount((keys % np.uint64(buckets)).astype(np.int64), signs, minlength=buckets)
        vectors[row] = np.sign(counts) * np.sqrt(np.abs(counts))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9))
