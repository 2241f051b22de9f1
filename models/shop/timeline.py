"""The timeline: how many orders each second of the shop's year holds, so that orders are numbered by time."""

from __future__ import annotations

import numpy as np

from models.shop.purchases import Integers


class Timeline:
    """Numbers the orders of a whole shop by time while holding a chunk of them (a counting sort).

    First `count` every chunk, then `number` the same chunks in the same order. Four bytes a second from
    `first` to `last` (seconds since 1970): 140 MB for the shop's year, for any number of orders below 2^32.
    """

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        # Orders of second s, at s + 1; once all are counted, orders before second s, at s.
        self._orders = np.zeros(last - first + 2, dtype=np.uint32)
        self._complete = False

    def count(self, at: Integers) -> None:
        """Take note of orders placed `at` [orders]."""
        second, count = np.unique(at - self._first, return_counts=True)
        self._orders[second + 1] += count.astype(np.uint32)

    def number(self, at: Integers) -> Integers:
        """The number in the whole shop, from 1, of each order [orders]; at one second, in the order given."""
        if not self._complete:
            np.cumsum(self._orders, out=self._orders)
            self._complete = True
        order = np.argsort(at, kind="stable")
        second, start, count = np.unique((at - self._first)[order], return_index=True, return_counts=True)
        turn = np.arange(1, len(at) + 1) - np.repeat(start, count)
        numbers = np.empty(len(at), dtype=np.int64)
        numbers[order] = np.repeat(self._orders[second].astype(np.int64), count) + turn
        self._orders[second] += count.astype(np.uint32)
        return numbers
