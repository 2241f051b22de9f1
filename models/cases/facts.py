"""Arrays as a file: facts and weights, which are kept without objects."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays of numbers and text as one file; ValueError for objects, which would be pickles."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(contents: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a file that `packed` made; ValueError for a pickle in it."""
    with np.load(io.BytesIO(contents), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
