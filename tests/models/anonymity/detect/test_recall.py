"""Recall of the shipped weights in sentences whose wording and values nothing was made on."""

from __future__ import annotations

from benchmarks._text_spans import STRUCTURED, evaluate, own


def test_held_out_sentences() -> None:
    """The floors of the benchmark, on six sentences of each template."""
    found = evaluate(own("held_out", count=570))
    assert found["name"].recall >= 0.85
    assert found["address"].recall >= 0.85
    assert found[STRUCTURED].recall >= 0.97
