"""The tagger: a linear-chain CRF over hashed features that finds names and addresses (Lafferty et al. 2001).

Its weights ship with the package, one byte each. They were fitted on invented sentences and texts that are free for any
use (README.md beside this file says which), never on a shop's data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from models.anonymity.detect.tokens import BITS, KEY_BITS, Lexicon, Tokens, features, tokenised

LABELS = ("O", "B-NAME", "I-NAME", "B-ADDRESS", "I-ADDRESS", "B-GROUP", "I-GROUP", "PLACE")
LISTS = ("given name", "surname", "place", "common English word", "common Chinese word")
FOUND = {"NAME": (1, 2), "ADDRESS": (3, 4)}
SURE = 80  # five nats: the odds against O are under 1 : 148 before the neighbours speak
_LONGEST = 96  # tokens of a segment that is decoded at once; longer ones are cut
Array = Any


class Weights(NamedTuple):
    """`of_feature` [2^BITS, labels] int8, `step` [labels, labels] int32 (from, to), `start` [labels] int32.

    `lexicon` holds words of public lists (LISTS, one bit each).
    """

    of_feature: Array
    step: Array
    start: Array
    lexicon: Lexicon


@cache
def shipped() -> Weights:
    """The weights of this release."""
    with files("models.anonymity.detect").joinpath("tagger.npz").open("rb") as file, np.load(file) as kept:
        of_feature = np.zeros((1 << BITS, len(LABELS)), dtype=np.int8)
        of_feature[np.cumsum(kept["gaps"], dtype=np.int64)] = kept["rows"].T
        bits = np.zeros(1 << KEY_BITS, dtype=np.uint8)
        bits[np.cumsum(kept["keys"], dtype=np.int64)] = kept["bits"]
        return Weights(of_feature, kept["step"], kept["start"], Lexicon(bits))


def packed(weights: Weights) -> dict[str, Array]:
    """The arrays of a weights' file: only features that weigh anything, by their distance from the one before."""
    used = np.flatnonzero(weights.of_feature.any(axis=1))
    gaps = np.diff(used, prepend=0)
    rows = np.ascontiguousarray(weights.of_feature[used].T)
    keys = np.flatnonzero(weights.lexicon.bits)
    lexicon = {
        "keys": np.diff(keys, prepend=0).astype(np.uint16),
        "bits": weights.lexicon.bits[keys],
    }
    return {
        "gaps": gaps.astype(np.uint32),
        "rows": rows,
        "step": weights.step,
        "start": weights.start,
        **lexicon,
    }


def tagged(texts: Sequence[str], weights: Weights | None = None) -> list[list[tuple[int, int, str]]]:
    """For each text the (start, end, kind) of its names and addresses, in characters and in their order."""
    weights = shipped() if weights is None else weights
    tokens = tokenised(texts)
    labels = decoded(scored(features(tokens, weights.lexicon), weights.of_feature), tokens.bounds, weights)
    found: list[list[tuple[int, int, str]]] = [[] for _ in texts]
    for kind, (begin, inside) in FOUND.items():
        for text, first, last in _runs(labels, tokens, begin, inside):
            start = int(tokens.starts[first] - tokens.offsets[text])
            found[text].append((start, int(tokens.ends[last] - tokens.offsets[text]), kind))
    return [sorted(spans) for spans in found]


def scored(numbers: Array, of_feature: Array) -> Array:
    """The sum of the weights of each token's features [tokens, labels] int32; 8 bytes of weights at a time."""
    rows = of_feature.view(np.uint64)[:, 0]
    total = np.zeros((numbers.shape[1], len(LABELS)), dtype=np.int16)
    for feature in numbers:
        total += rows[feature].view(np.int8).reshape(-1, len(LABELS))
    return total.astype(np.int32)


def decoded(scores: Array, bounds: Array, weights: Weights, sure: int = SURE) -> Array:
    """The most likely label of each token [tokens] (Viterbi), each text on its own.

    A token whose O outweighs every other label by more than `sure` is O; only the runs between such tokens are
    decoded, all of a batch in step.
    """
    change = np.zeros(len(scores) + 1, dtype=np.int64)
    np.add.at(change, bounds[:, 0], 1)
    np.add.at(change, bounds[:, 1], -1)
    inside = np.append(np.cumsum(change)[:-1] > 0, False)
    first = np.zeros(len(scores) + 1, dtype=bool)
    first[bounds[:, 0]] = True
    unsure = (scores[:, 0] - scores[:, 1:].max(axis=1) <= sure) & inside[:-1]
    labels = np.zeros(len(scores), dtype=np.int8)
    segments = _segments(unsure, first)
    if len(segments.starts):
        ends = segments.starts + segments.lengths
        led = segments.whole_before & ~first[segments.starts]
        followed = segments.whole_after & inside[ends] & ~first[ends]
        before = np.where(led[:, None], weights.step[0], weights.start)
        after = np.where(followed[:, None], weights.step[:, 0], 0)
        _viterbi(scores, segments, before, after, weights.step, labels)
    return labels


class _Segments(NamedTuple):
    """Runs of tokens, the longest first: where they start, how long, and whether they were not cut there."""

    starts: Array
    lengths: Array
    whole_before: Array
    whole_after: Array


def _segments(unsure: Array, first: Array) -> _Segments:
    """The runs of unsure tokens, apart where a text begins and cut at the longest length."""
    before = np.concatenate(([False], unsure[:-1]))
    begins = unsure & (~before | first[:-1])
    starts = np.flatnonzero(begins)
    lengths = np.bincount(np.cumsum(begins)[unsure] - 1, minlength=len(starts))
    pieces = -(-lengths // _LONGEST)
    owner = np.repeat(np.arange(len(starts)), pieces)
    part = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    rest = lengths[owner] - part * _LONGEST
    order = np.argsort(-np.minimum(rest, _LONGEST), kind="stable")
    found = _Segments(
        starts[owner] + part * _LONGEST, np.minimum(rest, _LONGEST), part == 0, rest <= _LONGEST
    )
    return _Segments(*(values[order] for values in found))


def _viterbi(
    scores: Array, segments: _Segments, before: Array, after: Array, step: Array, labels: Array
) -> None:
    """Write the best labels of the segments into `labels`; `before`, `after` [segments, labels] weigh their ends."""
    starts, lengths = segments.starts, segments.lengths
    longest = int(lengths[0])
    alive = [int(np.searchsorted(-lengths, -place, side="left")) for place in range(longest)]
    best = scores[starts] + before
    came: list[Array] = []
    for place in range(1, longest):
        n = alive[place]
        paths = best[:n, :, None] + step
        back = paths.argmax(axis=1)
        came.append(back)
        best[:n] = np.take_along_axis(paths, back[:, None, :], axis=1)[:, 0] + scores[starts[:n] + place]
    label = (best + after).argmax(axis=1)
    for place in range(longest - 1, -1, -1):
        n = alive[place]
        labels[starts[:n] + place] = label[:n]
        if place:
            label[:n] = came[place - 1][np.arange(n), label[:n]]


def _runs(labels: Array, tokens: Tokens, begin: int, inside: int) -> Iterator[tuple[int, int, int]]:
    """(text, first token, last token) of each span of one kind."""
    marked = (labels == begin) | (labels == inside)
    before = np.concatenate(([False], marked[:-1]))
    first = np.flatnonzero(marked & (~before | (labels == begin)))
    if not len(first):
        return
    run = np.cumsum(marked & (~before | (labels == begin)))[marked] - 1
    last = first + np.bincount(run, minlength=len(first)) - 1
    text = np.searchsorted(tokens.bounds[:, 0], first, side="right") - 1
    yield from zip(text.tolist(), first.tolist(), last.tolist(), strict=True)


__all__ = [
    "BITS",
    "FOUND",
    "LABELS",
    "LISTS",
    "Lexicon",
    "Weights",
    "decoded",
    "packed",
    "scored",
    "shipped",
    "tagged",
]
