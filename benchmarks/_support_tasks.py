"""Customer service on the embedded shop, the category of the next purchase from profile text, the reference network."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ibis
import numpy as np

from benchmarks.claims import claim
from benchmarks.fashion_mnist import _bytes, _folder
from models.anonymity.text import Known, redacted
from models.cases import reference
from models.cases.case import UseCase
from models.cases.profile_text import PROFILE_TEXT
from models.cases.support import SUPPORT
from models.privacy.private import Private
from models.privacy.trainer import fit
from models.privacy.twin import fit_twin
from models.shop.generate import make_shop
from models.values.target import PrivacyTarget

EPSILONS = (1.0, 3.0, 8.0)
CUSTOMERS, PROFILES = 50_000, 20_000
BATCH, EPOCHS = 500, 20
_PIXELS = 784


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """What each case reaches; nothing was asked but that it is reported."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "shop")
        make_shop(folder, customers=CUSTOMERS)
        shop = _Shop(folder)
        yield _reached(SUPPORT, shop.letters(), CUSTOMERS, f"customer service, {CUSTOMERS:,} customers")
        yield _reached(
            PROFILE_TEXT, shop.profiles(), PROFILES, f"profile text, {PROFILES:,} customers, ten classes"
        )
    yield from _images(data)


class _Shop:
    """The tables of a shop in the form of its releases; pseudonyms apart, which change no figure here."""

    def __init__(self, folder: Path) -> None:
        engine = ibis.duckdb.connect()
        self._csv = {
            name: engine.read_csv(str(folder / f"{name}.csv"))
            for name in ("customers", "tickets", "answers", "products")
        }
        self._orders, self._lines = (
            engine.read_parquet(str(folder / f"{name}.parquet")) for name in ("orders", "order_lines")
        )

    def letters(self) -> list[Any]:
        people, tickets = self._csv["customers"], self._csv["tickets"]
        held = tickets.join(people.select("customer_id", "name", "email", "phone", "address"), "customer_id")
        known = [Known(kind, held[kind].cast("string")) for kind in ("name", "email", "phone", "address")]  # type: ignore[arg-type]
        table, names = redacted(held, ["text"], "customer_id", known)
        letters = table.select("ticket_id", "customer_id", "intent", text=table[names["text"]])
        return [
            ibis.memtable(letters.to_pyarrow()),
            people.select("customer_id", "part", "household"),
            self._csv["answers"],
        ]

    def profiles(self) -> list[Any]:
        people = self._csv["customers"]
        people = people.filter(people.customer_id <= f"C{PROFILES:07}")
        decade = (2026 - people.birth_date.year()) // 10 * 10
        people = people.mutate(
            birth_date=decade.cast("string") + "-" + (decade + 9).cast("string"),
            postcode=people.postcode.cast("string").substr(0, 3) + "**",
        )
        return [people, self._orders, self._lines, self._csv["products"]]


def _reached(case: UseCase, tables: list[Any], n_public: int, text: str) -> dict[str, object]:
    """Accuracy on test customers of the baseline, the twin and private models, and the seconds of one of these."""
    facts = case.facts(*tables)
    rows = ibis.memtable(case.features(*tables).to_pyarrow())
    started = time.perf_counter()
    train, test = (case.examples(rows, part, facts) for part in ("train", "test"))
    seconds = time.perf_counter() - started
    assert case.baseline is not None

    def measured(outputs: Any) -> list[float]:
        found = case.metrics[0].exact(outputs, test, seed=0)
        return [round(number, 4) for number in (found.value, found.low, found.high)]

    reached: dict[str, object] = {"baseline": measured(case.baseline(test, facts))}
    twin = case.build_model(facts)
    batch = round(case.recipe.sampling_rate * train.customers)
    fit_twin(
        twin, train, loss=case.loss, optimizer=case.optimizer(), steps=case.recipe.steps, batch=batch, seed=0
    )
    reached["twin"] = measured(case.outputs(twin, test, facts))
    for epsilon in EPSILONS:
        started = time.perf_counter()
        model = case.build_model(facts)
        delta = PrivacyTarget.default_delta(n_public)
        plan = case.plan(PrivacyTarget(epsilon=epsilon, delta=delta, n_public=n_public))
        fit(plan, model, train, loss=case.loss, optimizer=case.optimizer())
        reached[f"epsilon {epsilon:g}"] = measured(case.outputs(model, test, facts))
    reached["seconds"] = round(seconds + time.perf_counter() - started, 1)
    return claim(f"{text}: accuracy with its interval", asked="reported", measured=reached, holds=True)


def _images(data: Path | None) -> Iterator[dict[str, object]]:
    """The reference network on 5,000 images of MNIST and, where it can be had, on Fashion-MNIST."""
    text = "reference network (64, 64, dropout 0.5), test accuracy"
    small = None if data is None else data / "mnist_small"
    if small is not None and small.is_dir():
        rows = np.loadtxt(small / "mnist_5k.csv.gz", delimiter=",", dtype=np.float32)
        test = _part(small, "t10k")
        yield _network(
            f"{text}: MNIST, 5,000 customers",
            (rows[:, :_PIXELS] / 255, rows[:, _PIXELS].astype(np.int64)),
            test,
        )
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = _folder(Path(scratch))
            parts = _part(folder, "train"), _part(folder, "t10k")
        except (OSError, subprocess.SubprocessError) as missing:
            yield claim(
                f"{text}: Fashion-MNIST", asked="reported", measured=f"no data ({missing})", holds=None
            )
            return
    yield _network(f"{text}: Fashion-MNIST, 60,000 customers", *parts)


def _part(folder: Path, part: str) -> tuple[Any, Any]:
    """Images (n, 784) in [0, 1] and labels (n,)."""
    images = _bytes(folder / f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, _PIXELS)
    return images.astype(np.float32) / 255, _bytes(folder / f"{part}-labels-idx1-ubyte.gz", 8).astype(
        np.int64
    )


def _network(text: str, train: tuple[Any, Any], test: tuple[Any, Any]) -> dict[str, object]:
    reached, started = {}, time.perf_counter()
    twin = reference.build_model()
    twin.compile(reference.optimizer(1e-3), reference.loss())
    twin.fit(*train, batch_size=128, epochs=EPOCHS, verbose=0)
    reached["twin"] = _accuracy(twin, test)
    for epsilon in EPSILONS:
        private = Private(reference.build_model(), epsilon=epsilon, customers=len(train[1]))
        private.compile(reference.optimizer(), reference.loss(), batch_size=BATCH, epochs=EPOCHS)
        private.fit(*train, verbose=0)
        reached[f"epsilon {epsilon:g}"] = _accuracy(private.model, test)
    reached["seconds"] = round(time.perf_counter() - started, 1)
    return claim(text, asked="reported", measured=reached, holds=True)


def _accuracy(model: Any, test: tuple[Any, Any]) -> float:
    found = model.predict(test[0], batch_size=1000, verbose=0).argmax(axis=1)
    return round(float((found == test[1]).mean()), 4)
