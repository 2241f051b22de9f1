"""Text spans: how much of labelled personal data detection finds, and how much of what it finds is right.

The rule. Kinds are put into groups (a postcode or place in an address belongs to "address"). A labelled span is
found if at least half of its characters lie in detected spans of its group; a detected span is right if at least
half of its characters lie in labelled spans of its group. `exact` counts labelled spans with a detected span of the
same group and the same two ends. Labelled kinds that are no target (companies, jobs, ages, nationalities, bare places
and dates) are not asked for; an address detected at a place, a date of birth at a date and a name at a title are
no mistakes (PRESIDIO says which). Of `structured`, any structured kind will do; `typed` is the share found under its
own.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

STRUCTURED = "structured"
Part = Literal["tuned", "held out", "all"]
Spans = Sequence[tuple[int, int, str]]

# labelled kind of presidio-research -> (group asked for, or none; groups for which it counts as right)
PRESIDIO: Mapping[str, tuple[str | None, frozenset[str]]] = {
    "PERSON": ("name", frozenset({"name"})),
    "TITLE": (None, frozenset({"name"})),
    "STREET_ADDRESS": ("address", frozenset({"address"})),
    "ZIP_CODE": ("address", frozenset({"address"})),
    "GPE": (None, frozenset({"address"})),
    "DATE_TIME": (None, frozenset({STRUCTURED})),
    **{
        kind: (STRUCTURED, frozenset({STRUCTURED}))
        for kind in (
            "CREDIT_CARD",
            "PHONE_NUMBER",
            "EMAIL_ADDRESS",
            "DOMAIN_NAME",
            "IBAN_CODE",
            "US_SSN",
            "IP_ADDRESS",
            "US_DRIVER_LICENSE",
        )
    },
}
# labelled kind of presidio-research -> the placeholder's kind, for those that differ
OWN_KINDS = {
    "CREDIT_CARD": "CARD",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "DOMAIN_NAME": "URL",
    "IBAN_CODE": "IBAN",
    "US_SSN": "ID",
    "IP_ADDRESS": "IP",
    "US_DRIVER_LICENSE": "LICENCE",
    "PERSON": "NAME",
    "STREET_ADDRESS": "ADDRESS",
    "ZIP_CODE": "ADDRESS",
}
GROUPS = {"NAME": "name", "ADDRESS": "address"}


class Score(NamedTuple):
    """Of one group: labelled and detected spans, the share of the labelled ones found, found with both ends right and
    found under its own kind, the share of the detected ones that is right, the share found of each labelled kind."""

    labelled: int
    detected: int
    recall: float
    exact: float
    typed: float
    precision: float
    by_kind: dict[str, float]


class Sentence(NamedTuple):
    """A text, the (start, end, kind, group asked for or none, groups it may be called) of its labels."""

    text: str
    labels: tuple[tuple[int, int, str, str | None, frozenset[str]], ...]


def presidio(part: Part = "all") -> list[Sentence]:
    """The sentences of presidio-research, synth_dataset_v2: all, or the half by template number that rules were
    tuned on (even), or the other one (odd). From the folder PRIVET_BENCH_DATA."""
    import pandas as pd

    table = pd.read_parquet(_data() / "pii_presidio_research" / "synth_dataset_v2.parquet")
    if part != "all":
        table = table[table.template_id % 2 == (0 if part == "tuned" else 1)]
    made = []
    for text, spans in zip(table.full_text, table.spans, strict=True):
        labels = [(s["start_position"], s["end_position"], s["entity_type"]) for s in json.loads(spans)]
        nothing: tuple[str | None, frozenset[str]] = (None, frozenset())
        made.append(
            Sentence(text, tuple((a, b, kind, *PRESIDIO.get(kind, nothing)) for a, b, kind in labels))
        )
    return made


def own(part: Literal["test", "held_out"], count: int = 2850, seed: int = 20) -> list[Sentence]:
    """Chinese sentences of the project's own generator, of templates that were not trained on.

    Those of `test` were read while word lists were made; those of `held_out` were written before they were measured.
    """
    from models.shop.labelled import sentences

    made = []
    for text, spans, _ in sentences(count, language="zh", part=part, seed=seed):
        groups = [(a, b, kind, GROUPS.get(kind, STRUCTURED)) for a, b, kind in spans]
        made.append(
            Sentence(text, tuple((a, b, kind, group, frozenset({group})) for a, b, kind, group in groups))
        )
    return made


def evaluate(sentences: Sequence[Sentence], detected: Iterable[Spans] | None = None) -> dict[str, Score]:
    """Group -> Score of `detected` spans (Privet's own detection if not given) against the labels."""
    if detected is None:
        detected = privet([sentence.text for sentence in sentences])
    counts: dict[str, Any] = defaultdict(
        lambda: {"found": defaultdict(list), "exact": [], "typed": [], "right": []}
    )
    for sentence, spans in zip(sentences, detected, strict=True):
        spans = list(spans)
        called = [(a, b, GROUPS.get(kind, STRUCTURED)) for a, b, kind in spans]
        for start, end, kind, group, _ in sentence.labels:
            if group is None:
                continue
            alike = [(a, b) for a, b, found in spans if found == OWN_KINDS.get(kind, kind)]
            counts[group]["typed"].append(2 * _held(start, end, alike) >= end - start)
            held = _held(start, end, [(a, b) for a, b, g in called if g == group])
            counts[group]["found"][kind].append(2 * held >= end - start)
            counts[group]["exact"].append((start, end, group) in called)
        for start, end, group in called:
            held = _held(start, end, [(a, b) for a, b, _, _, groups in sentence.labels if group in groups])
            counts[group]["right"].append(2 * held >= end - start)
    return {group: _score(count) for group, count in counts.items()}


def privet(texts: Sequence[str]) -> list[Spans]:
    """What Privet finds in texts as `redact` does: the sweep first, then the analysis of what it flags."""
    import re

    from models.anonymity.detect.analysis import detected
    from models.anonymity.suspicion import NAMES, NUMBERS

    numbers, names = (re.compile(pattern, re.ASCII) for pattern in (NUMBERS, NAMES))
    flags = [(numbers.search(text) is not None, names.search(text) is not None) for text in texts]
    made: list[Spans] = [()] * len(texts)
    for with_numbers in (True, False):
        chosen = [i for i, (number, name) in enumerate(flags) if number == with_numbers and (number or name)]
        for i, spans in zip(chosen, detected([texts[i] for i in chosen], numbers=with_numbers), strict=True):
            made[i] = [(span.start, span.end, span.kind) for span in spans]
    return made


def faults(sentences: Sequence[Sentence], group: str) -> tuple[list[str], list[str]]:
    """What of a group was missed and what was called so wrongly, with some of the text around, for tuning by hand."""
    missed, wrong = [], []
    for sentence, spans in zip(sentences, privet([s.text for s in sentences]), strict=True):
        called = [(start, end) for start, end, kind in spans if GROUPS.get(kind, STRUCTURED) == group]
        for start, end, _, asked, _ in sentence.labels:
            if asked == group and 2 * _held(start, end, called) < end - start:
                missed.append(_around(sentence.text, start, end))
        for start, end in called:
            if (
                2 * _held(start, end, [(a, b) for a, b, _, _, g in sentence.labels if group in g])
                < end - start
            ):
                wrong.append(_around(sentence.text, start, end))
    return missed, wrong


def _around(text: str, start: int, end: int) -> str:
    return f"{text[max(0, start - 25) : start]}<<{text[start:end]}>>{text[end : end + 15]}"


def _held(start: int, end: int, spans: Sequence[tuple[int, int]]) -> int:
    """How many of the characters from start to end lie in `spans`."""
    return sum(any(a <= place < b for a, b in spans) for place in range(start, end))


def _score(count: Any) -> Score:
    found = [hit for hits in count["found"].values() for hit in hits]
    return Score(
        labelled=len(found),
        detected=len(count["right"]),
        recall=_share(found),
        exact=_share(count["exact"]),
        typed=_share(count["typed"]),
        precision=_share(count["right"]),
        by_kind={kind: _share(hits) for kind, hits in count["found"].items()},
    )


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")


def _data() -> Path:
    return Path(os.environ["PRIVET_BENCH_DATA"])
