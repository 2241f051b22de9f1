"""Quiet starts: what other languages' programs write while they start is kept from the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what libraries write to standard error while they are imported or started from the terminal.

    TensorFlow 2.21 says before its logging is set up that it found no GPU, whatever its log level; Spark 4.3 says how
    to set one. A program that is started inside writes nowhere for good. Python's own messages and exceptions are not
    touched.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
