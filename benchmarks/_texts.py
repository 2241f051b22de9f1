"""Texts: how much personal data is found in sentences that others labelled, and how fast clean texts are swept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks._text_spans import STRUCTURED, Score, evaluate, own, presidio
from benchmarks.claims import claim
from infra.engine import Engine, open_engine
from models.anonymity.suspicion import NAMES, NUMBERS
from models.anonymity.text import redact
from models.shop.labelled import Language

if TYPE_CHECKING:
    import ibis.expr.types as ir

TEXTS, SENTENCES, ROUNDS = 400_000, 20_000, 3
LANGUAGES: tuple[Language, ...] = ("zh", "en")
WORDS = ("please", "again", "soon", "today", "thanks", "kindly", "now", "still")


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """The claims on texts; two of them need `data`."""
    if data is None:
        yield claim("presidio-research", asked="its data", measured="no PRIVET_BENCH_DATA", holds=None)
    else:
        everything, held_out = evaluate(presidio()), evaluate(presidio("held out"))
        for part, found in (("all", everything), ("every second template: read, but not tuned on", held_out)):
            yield _found(f"presidio-research, {part}", found, 0.95)
    for part, said in (
        ("held_out", "held-out templates and values"),
        ("test", "templates read, but not trained on"),
    ):
        yield _found(f"2,850 Chinese sentences, {said}", evaluate(own(part)), 0.97)
    yield _languages()
    if data is not None:
        yield from _sweep(data)


def _found(what: str, found: dict[str, Score], structured: float) -> dict[str, object]:
    least = {STRUCTURED: structured, "name": 0.85, "address": 0.85}
    measured = {
        group: {"recall": round(s.recall, 3), "exact": round(s.exact, 3), "precision": round(s.precision, 3)}
        for group, s in found.items()
    }
    right = sum(s.precision * s.detected for s in found.values()) / sum(s.detected for s in found.values())
    measured["all"] = {"precision": round(right, 3)}
    recalled = all(found[group].recall >= asked for group, asked in least.items())
    return claim(
        f"personal data found by span: {what}",
        asked=f"recall >= {structured} structured, >= 0.85 names and addresses, precision of these >= 0.85",
        measured=measured,
        holds=recalled and all(found[group].precision >= 0.85 for group in ("name", "address")),
    )


def _sweep(data: Path) -> Iterator[dict[str, object]]:
    """Different clean texts: customers' questions (banking77), each with three words behind it."""
    source = data / "banking77" / "train.parquet"
    word = "list_extract([{}], 1 + (i // {}) % 8)"
    listed = ", ".join(f"'{name}'" for name in WORDS)
    words = " || ' ' || ".join(word.format(listed, step) for step in (10_003, 80_024, 640_192))
    with tempfile.TemporaryDirectory() as folder, open_engine(Path(folder)) as engine:
        questions = f"(SELECT text AS text, row_number() OVER () - 1 AS n FROM read_parquet('{source}'))"
        made = f"SELECT text || ' ' || {words} AS text FROM range({TEXTS}) AS t(i), {questions} WHERE n = i % 10003"
        engine.connection.execute(f"CREATE TABLE texts AS {made}")
        text = engine.ibis.table("texts").text
        flagged = engine.ibis.table("texts").select(flagged=text.re_search(NUMBERS) | text.re_search(NAMES))
        swept, found = _rate(engine, flagged)
        share = round(float(found.flagged.mean().execute()), 4)
        cleared, _ = _rate(engine, engine.ibis.table("texts").select(text=redact(text)))
    yield claim(
        f"pattern sweep of {TEXTS:,} different clean texts (customers' questions)",
        asked=">= 100,000 texts/s",
        measured={"texts/s": swept, "flagged for analysis": share, "redaction, analysis included": cleared},
        holds=swept >= 100_000,
    )


def _languages() -> dict[str, object]:
    """Redaction of Chinese and of English sentences of the same kind, most of them with personal data."""
    import pyarrow as pa

    from models.shop.labelled import sentences

    taken: dict[Language, float] = {}
    with tempfile.TemporaryDirectory() as folder, open_engine(Path(folder)) as engine:
        for language in LANGUAGES:
            made = sentences(SENTENCES, language=language, part="train", seed=1)
            engine.connection.register("source", pa.table({"text": [one.text for one in made]}))
            engine.connection.execute(f"CREATE TABLE {language} AS SELECT text FROM source")
            text = engine.ibis.table(language).text
            taken[language] = _seconds(engine, engine.ibis.table(language).select(text=redact(text)))
    ratio = round(taken["zh"] / taken["en"], 2)
    return claim(
        f"redaction of {SENTENCES:,} Chinese sentences / of as many English ones",
        asked="<= 2",
        measured={"ratio": ratio, "texts/s": {name: round(SENTENCES / taken[name]) for name in LANGUAGES}},
        holds=ratio <= 2,
    )


def _rate(engine: Engine, made: ir.Table) -> tuple[int, ir.Table]:
    """Texts a second (median of rounds), and the table that was made."""
    rate = round(TEXTS / _seconds(engine, made))
    return rate, engine.ibis.table("made")


def _seconds(engine: Engine, made: ir.Table) -> float:
    """How long it takes to make a table, as "made" (median of rounds)."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        engine.materialise(made, "made")
        taken.append(time.perf_counter() - started)
    return median(taken)
