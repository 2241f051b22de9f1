"""Customer service: how well intents are told apart privately, in English and Chinese, and what a model gives away.

banking77 (10,003 questions, 77 intents) and Chinese food reviews (11,987) are split 80 / 20 by a fixed seed; each text
is its own customer. First weights and the zero-shot baseline come from public names of the intents.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ibis
import numpy as np
import pandas as pd

from benchmarks import _support_tasks
from benchmarks.claims import claim
from models.attacks.sentences import Lot
from models.cases.case import Facts, Recipe, UseCase
from models.cases.support import support_case
from models.cases.support_model import Lora
from models.privacy.auc import exact_auc
from models.privacy.examples import CustomerExamples
from models.privacy.trainer import fit
from models.privacy.twin import fit_twin
from models.values.target import PrivacyTarget

EPSILON = 8.0
TRAIN = 0.8
HEAD = Recipe(sampling_rate=1.0, steps=50, max_examples=1, clipping_norm=0.5, learning_rate=0.1)
LORA = Recipe(sampling_rate=0.25, steps=60, max_examples=1, clipping_norm=5.0, learning_rate=0.01)
TOKENS = 64
REVIEWS = {"negative": "差评，难吃，太慢，不满意", "positive": "好评，好吃，很快，满意"}
CANARIES, OTHERS, LONG = 60, 1023, 2000


@dataclass(frozen=True, kw_only=True)
class Data:
    """A case with its public facts, and examples of both parts."""

    case: UseCase
    facts: Facts
    train: CustomerExamples
    test: CustomerExamples

    @property
    def target(self) -> PrivacyTarget:
        """Epsilon 8 of all training customers."""
        n_public = self.train.customers
        return PrivacyTarget(epsilon=EPSILON, delta=PrivacyTarget.default_delta(n_public), n_public=n_public)

    def private(self) -> Any:
        """A model trained under the target."""
        model = self.case.build_model(self.facts)
        plan = self.case.plan(self.target)
        fit(plan, model, self.train, loss=self.case.loss, optimizer=self.case.optimizer())
        return model

    def twin(self, *, steps: int | None = None) -> Any:
        """The same without privacy; longer with `steps`."""
        model, recipe = self.case.build_model(self.facts), self.case.recipe
        batch = round(recipe.sampling_rate * self.train.customers)
        fit_twin(model, self.train, loss=self.case.loss, optimizer=self.case.optimizer(), batch=batch, seed=0,
                 steps=steps or recipe.steps)  # fmt: skip
        return model

    def outputs(self, model: Any) -> Any:
        """Logits (n, 1, c) of the test part."""
        return self.case.outputs(model, self.test, self.facts)

    def accuracy(self, model: Any) -> float:
        """Of the test part."""
        return self.case.metrics[0].exact(self.outputs(model), self.test, seed=0).value


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """All claims of customer service; without data none could be tried."""
    banking = None if data is None else data / "banking77" / "train.parquet"
    reviews = None if data is None else data / "chinese_reviews" / "waimai_10k.parquet"
    yield from _banking(banking)
    yield _chinese(reviews)
    yield from _support_tasks.claims(data)


def _banking(path: Path | None) -> Iterator[dict[str, object]]:
    head = f"banking77, epsilon {EPSILON:g}: accuracy of a private head on frozen MiniLM"
    if path is None or not path.exists():
        yield claim(head, asked=">= 0.87, <= 600 s", measured="no data; set PRIVET_BENCH_DATA", holds=None)
        return
    frame = pd.read_parquet(path).rename(columns={"category": "intent"})
    names = {intent: intent.replace("_", " ") for intent in sorted(frame.intent.unique())}
    started = time.perf_counter()
    held = load(frame, names, support_case(max_tokens=TOKENS, buckets=0, recipe=HEAD))
    model = held.private()
    accuracy, seconds = held.accuracy(model), time.perf_counter() - started
    assert held.case.baseline is not None
    zero_shot = held.case.metrics[0].exact(held.case.baseline(held.test, held.facts), held.test, seed=0).value
    measured = {"accuracy": round(accuracy, 4), "zero-shot": round(zero_shot, 4), "seconds": round(seconds)}
    yield claim(head, asked=">= 0.87, <= 600 s", measured=measured, holds=accuracy >= 0.87 and seconds <= 600)
    twin = held.accuracy(held.twin())
    yield claim(
        "banking77: its twin without privacy", asked=">= 0.92", measured=round(twin, 4), holds=twin >= 0.92
    )
    yield _canaries(held)
    yield _lora(frame, names, accuracy)


def _lora(frame: pd.DataFrame, names: dict[str, str], head: float) -> dict[str, object]:
    started = time.perf_counter()
    case = support_case(max_tokens=32, buckets=0, lora=Lora(rank=8, layers=1), recipe=LORA)
    held = load(frame, names, case)
    accuracy = held.accuracy(held.private())
    seconds = time.perf_counter() - started
    return claim(
        f"banking77, epsilon {EPSILON:g}: accuracy with private LoRA in the last layer / a private head alone",
        asked=">= head + 0.005, <= 2400 s",
        measured={"accuracy": round(accuracy, 4), "head": round(head, 4), "seconds": round(seconds)},
        holds=accuracy >= head + 0.005 and seconds <= 2400,
    )


def _chinese(path: Path | None) -> dict[str, object]:
    text = f"Chinese reviews, epsilon {EPSILON:g}: AUC; characters and pairs of them hashed into 4,096 public buckets"
    if path is None or not path.exists():
        return claim(text, asked=">= 0.93", measured="no data; set PRIVET_BENCH_DATA", holds=None)
    frame = pd.read_parquet(path).rename(columns={"review": "text"})
    frame["intent"] = np.where(frame.label == 1, "positive", "negative")
    held = load(frame, REVIEWS, support_case(buckets=4096, recipe=HEAD))
    found = {
        name: round(_auc(held, model), 4)
        for name, model in (("private", held.private()), ("twin", held.twin()))
    }
    return claim(text, asked=">= 0.93", measured=found, holds=found["private"] >= 0.93)


def _auc(held: Data, model: Any) -> float:
    logits = held.outputs(model)
    chances = 1 / (1 + np.exp(-(logits[..., 1] - logits[..., 0])))
    return exact_auc(chances.astype(np.float64), held.test, seed=0).value


def _canaries(held: Data) -> dict[str, object]:
    """Exposure of planted sentences in the private model, and in a twin that is trained until it shows."""
    assert held.case.read is not None
    classes = len(held.facts["intents"])
    lot = Lot.draw(held.case.read, language="en", planted=CANARIES, others=OTHERS, classes=classes, seed=1)
    inside = replace(held, train=lot.among(held.train))
    private, twin = (
        lot.exposure(model, held.case.loss) for model in (inside.private(), inside.twin(steps=LONG))
    )
    shown = {
        name: [round(number, 2) for number in (one.value, one.low, one.high)]
        for name, one in (("private", private), ("twin", twin))
    }
    return claim(
        f"{CANARIES} canaries in banking77, mean exposure in bits of 10 (1.44 if nothing is known)",
        asked="private: 1.44 in its interval; twin, trained longer: above it",
        measured=shown,
        holds=private.low <= 1.45 and twin.low > 1.45,
    )


def load(frame: pd.DataFrame, names: dict[str, str], case: UseCase) -> Data:
    """Texts and intents of `frame`, each its own customer; `names` are the public words for each intent."""
    order = np.random.default_rng(0).permutation(len(frame))
    part = np.where(order < TRAIN * len(frame), "train", "test")
    numbers = [f"{number:06}" for number in range(len(frame))]
    tickets = pd.DataFrame(
        {"ticket_id": numbers, "customer_id": numbers, "intent": frame.intent, "text": frame.text}
    )
    people = pd.DataFrame({"customer_id": numbers, "part": part})
    tables = [ibis.memtable(table.reset_index(drop=True)) for table in (tickets, people, _answers(names))]
    facts, rows = case.facts(*tables), case.features(*tables)
    made: Sequence[CustomerExamples] = [case.examples(rows, name, facts) for name in ("train", "test")]
    return Data(case=case, facts=facts, train=made[0], test=made[1])


def _answers(names: dict[str, str]) -> pd.DataFrame:
    rows = [
        {"entry_id": intent, "intent": intent, "question": words, "answer": words, "language": "en"}
        for intent, words in names.items()
    ]
    return pd.DataFrame(rows)
