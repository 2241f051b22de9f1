"""Ahead: what a step needs and no data decides is made while the step before it is computed.

Who takes part, the noise, and the noise that rows of a table still lack need random bits and public numbers
only. A second thread makes them, so that they take no time of the training's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from models.privacy.errors import PrivacyError

T = TypeVar("T")


class Ahead(Generic[T]):
    """Calls `make` once for every `take`, by one thread at a time and in order."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make, self._pid = make, os.getpid()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="noise")
        self._next: Future[T] | None = None

    def take(self, *, more: bool) -> T:
        """The next result; with `more` the one after it is begun. Raises PrivacyError in a forked process."""
        if os.getpid() != self._pid:
            raise PrivacyError(
                "a training cannot go on in a forked process: both would use the same noise; train in one of them"
            )
        taken = self._make() if self._next is None else self._next.result()
        self._next = self._thread.submit(self._make) if more else None
        return taken

    def outstanding(self) -> T | None:
        """What was made, or is being made, and not taken yet."""
        return None if self._next is None else self._next.result()

    def put_back(self, changed: T) -> None:
        """Have the next `take` give `changed` in place of what is outstanding."""
        self._next = Future()
        self._next.set_result(changed)
