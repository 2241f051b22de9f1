"""Fitting of the tagger: the CRF's likelihood climbed by AdaGrad on labelled texts, weights rounded to bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.anonymity.detect.tagger import LABELS, Lexicon, Weights
from models.anonymity.detect.tokens import BITS, features, tokenised

_N = len(LABELS)
_SCALE = 16.0
# What a label is worth beforehand, in bytes: a name that is missed costs more than a word too many
_LENIENT = np.array([0, 16, 16, 0, 0, -16, -16, -16], dtype=np.int32)
_SEEN = 6  # features that occur less often are not learnt
# share of the tokens that are learnt without some of their features, so that none of them is relied on alone:
# the word itself with all that holds it; what stands around it; long combinations
_LEFT_OUT = (
    (0.25, (0, 5, 6, 9, 12, 13, 14)),
    (0.25, (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 19, 20, 21, 22, 27, 28)),
    (0.3, (7, 8, 9, 10, 11, 20, 21)),
    (0.1, (23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35)),
)
_FORBIDDEN = tuple((a, b) for b in (2, 4, 6) for a in range(_N) if a not in (b - 1, b))
Array = Any
Example = tuple[str, Sequence[tuple[int, int, str]]]


def fitted(
    examples: Sequence[Example],
    lexicon: Lexicon,
    *,
    rounds: int,
    seed: int,
    batch: int = 128,
    rate: float = 0.25,
) -> Weights:
    """Weights fitted to (text, spans) examples, kinds NAME, ADDRESS, GROUP and PLACE.

    Unknown words are what the tagger meets in practice, so a word's own features are left out now and then.
    """
    rng = np.random.default_rng(seed)
    lengths = np.array([len(text) for text, _ in examples])
    rare = _counts(examples, lexicon) < _SEEN
    of_feature = np.zeros((1 << BITS, _N), dtype=np.float32)
    seen = np.full((1 << BITS, _N), 1e-3, dtype=np.float32)
    step, start = np.zeros((_N, _N)), np.zeros(_N)
    step_seen, start_seen = np.full((_N, _N), 1.0), np.full(_N, 1.0)
    for from_, to in _FORBIDDEN:
        step[from_, to] = -5.0
    for round_ in range(rounds):
        order = _in_batches(lengths, batch, rng)
        loss = 0.0
        for first in range(0, len(order), batch):
            chosen = [examples[i] for i in order[first : first + batch]]
            numbers, gold, mask = _padded(chosen, lexicon, rare, rng)
            emitted = of_feature[numbers].sum(axis=2)
            back, step_back, start_back, likely = _gradient(emitted, gold, mask, step, start)
            loss -= likely
            touched = np.broadcast_to(back[:, :, None, :], (*numbers.shape, _N))[mask].reshape(-1, _N)
            _climb(of_feature, seen, numbers[mask].reshape(-1), touched, rate)
            step_seen += step_back**2
            start_seen += start_back**2
            step += rate * step_back / np.sqrt(step_seen)
            start += rate * start_back / np.sqrt(start_seen)
        print(f"round {round_}: loss {loss / len(examples):.4f}", flush=True)
    return _rounded(of_feature, step, start, lexicon)


def averaged(several: Sequence[Weights]) -> Weights:
    """The mean of several fits with one lexicon: what differs from fit to fit is chance."""
    first = several[0]
    of_feature, step, start = (
        np.rint(np.mean(values, axis=0, dtype=np.float32))
        for values in zip(*((one.of_feature, one.step, one.start) for one in several), strict=True)
    )
    return Weights(of_feature.astype(np.int8), step.astype(np.int32), start.astype(np.int32), first.lexicon)


def _in_batches(lengths: Array, batch: int, rng: Any) -> Array:
    """The examples in a random order in which those of a batch are of like length, so that little is padding."""
    order = rng.permutation(len(lengths))
    near = [
        part[np.argsort(lengths[part])] for part in np.array_split(order, max(1, len(order) // (40 * batch)))
    ]
    whole = np.concatenate(near)
    parts = np.array_split(whole, max(1, len(whole) // batch))
    return np.concatenate([parts[i] for i in rng.permutation(len(parts))])


def _counts(examples: Sequence[Example], lexicon: Lexicon) -> Array:
    """How often each feature occurs [2^BITS]."""
    counts = np.zeros(1 << BITS, dtype=np.int64)
    for first in range(0, len(examples), 4096):
        numbers = features(tokenised([text for text, _ in examples[first : first + 4096]]), lexicon)
        counts += np.bincount(numbers.reshape(-1), minlength=1 << BITS)
    return counts


def _padded(
    examples: Sequence[Example], lexicon: Lexicon, rare: Array, rng: Any
) -> tuple[Array, Array, Array]:
    """Feature numbers [texts, tokens, features], labels [texts, tokens] and which of them are real."""
    tokens = tokenised([text for text, _ in examples])
    all_ = features(tokens, lexicon).T.copy()
    all_[rare[all_]] = 0
    for share, left_out in _LEFT_OUT:
        all_[np.ix_(rng.random(len(all_)) < share, left_out)] = 0
    longest = int((tokens.bounds[:, 1] - tokens.bounds[:, 0]).max())
    numbers = np.zeros((len(examples), longest, all_.shape[1]), dtype=np.int32)
    gold = np.zeros((len(examples), longest), dtype=np.int64)
    mask = np.zeros((len(examples), longest), dtype=bool)
    for row, (_, spans) in enumerate(examples):
        low, high = tokens.bounds[row]
        numbers[row, : high - low] = all_[low:high]
        mask[row, : high - low] = True
        starts, ends = (
            tokens.starts[low:high] - tokens.offsets[row],
            tokens.ends[low:high] - tokens.offsets[row],
        )
        for start, end, kind in spans:
            inside = np.flatnonzero((starts < end) & (ends > start))
            if kind == "PLACE":
                gold[row, inside] = LABELS.index("PLACE")
            elif f"B-{kind}" in LABELS and len(inside):
                gold[row, inside] = LABELS.index(f"I-{kind}")
                gold[row, inside[0]] = LABELS.index(f"B-{kind}")
    return numbers, gold, mask


def _gradient(
    emitted: Array, gold: Array, mask: Array, step: Array, start: Array
) -> tuple[Array, Array, Array, float]:
    """Gradients of the log-likelihood for emissions, steps and starts, and the log-likelihood (forward-backward)."""
    count, longest = gold.shape
    forward = np.empty((count, longest, _N))
    forward[:, 0] = emitted[:, 0] + start
    for t in range(1, longest):
        ahead = _logsum(forward[:, t - 1, :, None] + step) + emitted[:, t]
        forward[:, t] = np.where(mask[:, t, None], ahead, forward[:, t - 1])
    whole = _logsum(forward[:, -1][:, :, None])[:, 0]
    backward = np.zeros((count, longest, _N))
    pairs = np.zeros((_N, _N))
    for t in range(longest - 2, -1, -1):
        later = emitted[:, t + 1] + backward[:, t + 1]
        alive = mask[:, t + 1]
        joint = forward[:, t, :, None] + step + later[:, None, :] - whole[:, None, None]
        pairs += np.exp(joint[alive]).sum(axis=0)
        backward[:, t] = np.where(alive[:, None], _logsum((step + later[:, None, :]).swapaxes(1, 2)), 0.0)
    share = np.exp(forward + backward - whole[:, None, None]) * mask[:, :, None]
    true = np.eye(_N)[gold] * mask[:, :, None]
    both = mask[:, 1:]
    seen = np.zeros((_N, _N))
    np.add.at(seen, (gold[:, :-1][both], gold[:, 1:][both]), 1.0)
    path = (np.take_along_axis(emitted, gold[:, :, None], axis=2)[:, :, 0] * mask).sum() + start[
        gold[:, 0]
    ].sum()
    path += step[gold[:, :-1][both], gold[:, 1:][both]].sum()
    return true - share, seen - pairs, (true - share)[:, 0].sum(axis=0), float(path - whole.sum())


def _logsum(values: Array) -> Array:
    """log of the sum of exp over axis 1."""
    top = values.max(axis=1)
    return top + np.log(np.exp(values - top[:, None]).sum(axis=1))


def _climb(of_feature: Array, seen: Array, numbers: Array, back: Array, rate: float) -> None:
    unique, place = np.unique(numbers, return_inverse=True)
    total = np.stack([np.bincount(place, back[:, label], len(unique)) for label in range(_N)], axis=1)
    seen[unique] += total**2
    of_feature[unique] += rate * total / np.sqrt(seen[unique]) - 5e-5 * np.sign(of_feature[unique])
    of_feature[0] = 0.0  # the feature of words that were left out


def _rounded(of_feature: Array, step: Array, start: Array, lexicon: Lexicon) -> Weights:
    scaled = np.clip(np.rint(of_feature * _SCALE), -127, 127).astype(np.int8)
    steps, starts = (np.rint(values * _SCALE).astype(np.int32) + _LENIENT for values in (step, start))
    return Weights(scaled, steps, starts, lexicon)
