"""Spans: personal values found in a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """A value at characters `start` to `end` (half open); `kind` is the placeholder's name, such as NAME or CARD."""

    start: int
    end: int
    kind: str


def apart(spans: Iterable[Span]) -> list[Span]:
    """`spans` in the order of the text, without those that overlap an earlier one of the iterable."""
    kept: list[Span] = []
    for span in spans:
        if span.end > span.start and all(
            span.end <= other.start or span.start >= other.end for other in kept
        ):
            kept.append(span)
    return sorted(kept)
