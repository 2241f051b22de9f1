"""Answers: approved texts that staff wrote, found for a letter by its sentences; where none is near, a human answers.

Nothing is ever generated. The answer base is a public table: its entries, and so the intents that a model tells apart,
come from the shop's staff and not from customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.cases.case import CaseError, Facts, require_columns

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.cases.support_reader import Reader

COLUMNS: Final = ("entry_id", "intent", "language", "question", "answer")
# Public thresholds, set on invented questions: how near a sentence must be to an approved question (cosine), by
# language; how much nearer one of another intent may be; and how sure the model must be. Beyond them a human answers.
NEAR: Final = {"en": 0.4, "zh": 0.3}
BESIDE: Final = 0.1
SURE: Final = 0.7


class Found(NamedTuple):
    """For each letter (n,): the place of the nearest answer of its intent, how near, and whether a human answers."""

    place: NDArray[np.int64]
    similarity: NDArray[np.float32]
    to_human: NDArray[np.bool_]


def answer_base(table: ir.Table, reader: Reader) -> Facts:
    """The answer base as arrays: `intents` (c,) in order, and for its entries (k,) text, intent and vector."""
    require_columns(table, COLUMNS, "support_answers")
    rows = table.select(*COLUMNS).order_by("entry_id").to_pandas()
    if rows.empty:
        raise CaseError("the answer base has no entry; let staff write at least one answer for each intent")
    if unknown := sorted(set(rows.language) - set(NEAR)):
        raise CaseError(f"the answer base has language {unknown[0]!r}; known are {', '.join(NEAR)}")
    intents, of_entry = np.unique(rows.intent.to_numpy(dtype=str), return_inverse=True)
    return {
        "intents": intents,
        "entry_id": rows.entry_id.to_numpy(dtype=str),
        "entry_intent": of_entry.astype(np.int64),
        "entry_language": rows.language.to_numpy(dtype=str),
        "entry_answer": rows.answer.to_numpy(dtype=str),
        "entry_vectors": reader.vectors(rows.question.tolist()),
    }


def intent_vectors(facts: Facts) -> NDArray[np.float32]:
    """For each intent (c, width) the mean vector of its approved questions in each language, these added up."""
    found = np.zeros((len(facts["intents"]), facts["entry_vectors"].shape[1]), dtype=np.float32)
    for language in NEAR:
        of = facts["entry_language"] == language
        counts = np.bincount(facts["entry_intent"][of], minlength=len(found))
        summed = np.zeros_like(found)
        np.add.at(summed, facts["entry_intent"][of], facts["entry_vectors"][of])
        found += summed / np.maximum(counts, 1)[:, None]
    return found


def search(texts: Sequence[str], probabilities: NDArray[Any], reader: Reader, facts: Facts) -> Found:
    """The nearest approved question of the likeliest intent, by the nearest sentence of each text.

    `probabilities` is (n, c). A letter goes to a human if its intent is not sure, if no approved question is near, or
    if one of another intent is clearly nearer.
    """
    pieces = reader.pieces(texts)
    likeness = np.full((len(texts), len(facts["entry_id"])), -1.0, dtype=np.float32)
    np.maximum.at(likeness, pieces.owner, pieces.vectors @ facts["entry_vectors"].T)
    intent, nearest = probabilities.argmax(axis=1), likeness.max(axis=1)
    likeness[facts["entry_intent"][None, :] != intent[:, None]] = -1.0
    place = likeness.argmax(axis=1)
    similarity = np.take_along_axis(likeness, place[:, None], axis=1)[:, 0]
    near = np.array([NEAR[language] for language in facts["entry_language"][place]])
    to_human = (similarity < near) | (similarity < nearest - BESIDE) | (probabilities.max(axis=1) < SURE)
    return Found(place, similarity, to_human)
