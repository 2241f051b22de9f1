"""Membership attacks against those of ART, on a network that was trained without privacy on Adult."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from benchmarks.claims import claim
from benchmarks.rivals.membership import NoEnvironment, Unfinished, attacked
from models.attacks.references import attack_members
from models.privacy.examples import CustomerExamples
from models.privacy.twin import fit_twin

SIDE, TARGETS, SHADOWS, RATE = 1000, 3, 4, 0.01
HIDDEN, STEPS, BATCH, LEARNING_RATE = (256, 128), 1500, 64, 1e-3
OURS = ("LiRA, online", "RMIA, online")
Rows = tuple[NDArray[np.float32], NDArray[np.int64]]


def claims(data: Path | None) -> Iterator[dict[str, object]]:
    """TPR at 1 % FPR of LiRA and RMIA beside ART's shadow models; needs `data`."""
    asked = "median TPR at 1 % FPR >= that of the best of ART's attack models, in the same run"
    try:
        if data is None:
            raise Unfinished("no PRIVET_BENCH_DATA")
        ours, arts, gap = _compared(_adult(data))
    except (Unfinished, NoEnvironment) as why:
        for name in OURS:
            yield claim(
                f"{name}: strength beside ART's shadow models", asked=asked, measured=str(why), holds=None
            )
        return
    best = max(arts, key=lambda name: median(arts[name]))
    for name in OURS:
        yield claim(
            f"{name}: strength beside ART's shadow models, on Adult without privacy",
            asked=asked,
            measured={
                "Privet": median(ours[name]),
                "ART's best": median(arts[best]),
                "of each target": ours | arts,
                "how": f"{TARGETS} targets, each with the same {SIDE} members and {SIDE} others for both and {SHADOWS} "
                f"reference or shadow models for both, trained alike on {SIDE} customers each; ART's ties are shared, "
                "Privet's are misses",
                "loss of others / members": gap,
            },
            holds=median(ours[name]) >= median(arts[best]),
        )


def _compared(rows: Rows) -> tuple[dict[str, list[float]], dict[str, list[float]], list[str]]:
    """TPR of every attack of Privet and of ART on every target, and how over-fitted the targets are."""
    ours: dict[str, list[float]] = {}
    arts: dict[str, list[float]] = {}
    gaps = []
    for seed in range(TARGETS):
        order = np.random.default_rng(seed).permutation(len(rows[1]))
        pool, elsewhere = ((rows[0][part], rows[1][part]) for part in np.split(order, [2 * SIDE])[:2])
        elsewhere = elsewhere[0][: 2 * SIDE], elsewhere[1][: 2 * SIDE]
        members, others = (_customers(pool, part) for part in (slice(SIDE), slice(SIDE, None)))
        target = _fit(members, 1000 + seed)
        for found in attack_members(
            target, members, others, loss=_loss, fit=_fit, seconds=600, references=SHADOWS, seed=seed
        ):
            ours.setdefault(found.attack, []).append(found.tpr_at_1_percent.value)
        arrays = {
            "pool": pool[0], "pool_labels": pool[1],
            "elsewhere": elsewhere[0], "elsewhere_labels": elsewhere[1],
        }  # fmt: skip
        for name, scores in attacked(target.get_weights(), arrays, _settings(seed)).items():
            arts.setdefault(name, []).append(_shared(scores[:SIDE], scores[SIDE:]))
        gaps.append(_gap(target, members, others))
    return ours, arts, gaps


def _shared(members: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """The share of members at RATE false positives; of those tied at the threshold, as many as of the others."""
    allowed = RATE * len(others)
    threshold = np.sort(others)[::-1][int(allowed)]
    tied = (allowed - (others > threshold).sum()) / (others == threshold).sum()
    return round(float((members > threshold).mean() + tied * (members == threshold).mean()), 4)


def _fit(customers: CustomerExamples, seed: int) -> Any:
    """A network trained on `customers` without privacy until it knows them by heart."""
    keras.utils.set_random_seed(seed)
    hidden = [keras.layers.Dense(width, activation="relu") for width in HIDDEN]
    width = customers.leaves()[0].shape[-1]
    model = keras.Sequential([keras.layers.Input((width,)), *hidden, keras.layers.Dense(2)])
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    fit_twin(model, customers, loss=_loss, optimizer=optimizer, steps=STEPS, batch=BATCH, seed=seed)
    return model


def _settings(seed: int) -> dict[str, Any]:
    return {
        "hidden": HIDDEN, "steps": STEPS, "batch": BATCH, "learning_rate": LEARNING_RATE,
        "shadows": SHADOWS, "seed": seed,
    }  # fmt: skip


def _loss(labels: Any, outputs: Any) -> Any:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs)


def _gap(model: Any, members: CustomerExamples, others: CustomerExamples) -> str:
    from models.attacks.membership import customer_losses

    means = [customer_losses(model, customers, loss=_loss).mean() for customers in (others, members)]
    return f"{means[0]:.2f} / {means[1]:.2f}"


def _customers(rows: Rows, part: slice) -> CustomerExamples:
    """Each row is a customer's only example."""
    features, labels = rows[0][part], rows[1][part]
    return CustomerExamples(
        features=features[:, None], labels=labels[:, None], mask=np.ones((len(labels), 1), np.bool_)
    )


def _adult(folder: Path) -> Rows:
    """All 30,162 rows: indicators of the categories and the age, and whether the salary is the higher one."""
    table = pd.read_parquet(folder / "adult_arx" / "adult.parquet")
    salary = table.pop("salary-class")
    age = (table.pop("age").to_numpy(np.float32) - 40) / 13
    features = np.column_stack([pd.get_dummies(table).to_numpy(np.float32), age])
    return features, (salary == salary.max()).to_numpy(np.int64)
