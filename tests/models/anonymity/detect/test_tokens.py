"""Tokens and tags: no text's result depends on the texts beside it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.detect.tagger import LABELS, Lexicon, Weights, decoded, tagged
from models.anonymity.detect.tokens import tokenised

TEXTS = st.lists(st.text(alphabet="aB3 ，王小明\n.'é😀\0", max_size=12), max_size=6)


def words(text: str) -> list[str]:
    tokens = tokenised([text])
    low, high = tokens.bounds[0]
    shift = int(tokens.offsets[0])
    pairs = zip(tokens.starts[low:high], tokens.ends[low:high], strict=True)
    return [text[int(a) - shift : int(b) - shift] for a, b in pairs]


def test_words() -> None:
    assert words("Hi, I'm Ana Müller-3") == ["Hi", ",", "I", "'", "m", "Ana", "Müller", "-", "3"]
    assert words("我叫王小明 tel 138\n\nok") == ["我", "叫", "王", "小", "明", "tel", "138", "\n\n", "ok"]
    assert words("") == []


@settings(deadline=None)
@given(TEXTS)
def test_each_text_is_tagged_as_if_alone(texts: list[str]) -> None:
    """Padding keeps the texts of different customers apart (docs/privacy.md, rule 1)."""
    assert tagged(texts) == [tagged([text])[0] for text in texts]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_decoding_equals_trying_all_paths_in_order(lengths: list[int], seed: int) -> None:
    """Decoding all texts of a batch in step gives what the plain recursion gives for each."""
    rng = np.random.default_rng(seed)
    n = len(LABELS)
    scores = rng.integers(-60, 60, (sum(lengths) + 1, n)).astype(np.int32)
    weights = Weights(
        np.zeros((1, n), np.int8),
        rng.integers(-40, 40, (n, n)),
        rng.integers(-20, 20, n),
        Lexicon(np.zeros(1, np.uint8)),
    )
    ends = np.cumsum(lengths)
    bounds = np.stack([ends - lengths, ends], axis=1)
    labels = decoded(scores, bounds, weights, sure=10**6)
    for low, high in bounds:
        chosen = labels[low:high]
        if high > low:
            assert _worth(scores[low:high], chosen, weights) == _best(scores[low:high], weights)


def _worth(scores: np.ndarray, labels: np.ndarray, weights: Weights) -> int:
    total = weights.start[labels[0]] + sum(int(row[k]) for row, k in zip(scores, labels, strict=True))
    return int(total + sum(weights.step[a, b] for a, b in pairwise(labels)))


def _best(scores: np.ndarray, weights: Weights) -> int:
    best = scores[0] + weights.start
    for row in scores[1:]:
        best = (best[:, None] + weights.step).max(axis=0) + row
    return int(best.max())
