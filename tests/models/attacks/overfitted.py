"""A model that has learnt its customers by heart, on a case whose attributes nobody can foretell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import keras
import numpy as np

from models.cases.fraud import FEATURE_NAMES, FRAUD
from models.cases.fraud_network import Detector
from models.privacy.examples import CustomerExamples
from models.privacy.twin import fit_twin

CUSTOMERS = 150


class Overfitted(NamedTuple):
    """A case, a twin that was trained on `members` for very long, and `others`, two lots, whom it never saw."""

    case: Any
    model: Any
    members: CustomerExamples
    others: CustomerExamples
    further: CustomerExamples


def strangers(customers: int, seed: int) -> CustomerExamples:
    """Orders of fraud detection by lot: payment method, home, hour and fraud follow from nothing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(customers, 2, len(FEATURE_NAMES))).astype(np.float32)
    place = {name: FEATURE_NAMES.index(name) for name in FEATURE_NAMES}
    methods = [
        place[name] for name in FEATURE_NAMES if name.startswith("payment_") and name != "payment_unusual"
    ]
    features[..., methods] = (
        3 * np.eye(len(methods), dtype=np.float32)[rng.integers(5, size=(customers, 2))] / 3
    )
    features[..., place["away_from_home"]] = rng.integers(2, size=(customers, 2))
    hour = 2 * np.pi * rng.integers(24, size=(customers, 2)) / 24
    features[..., place["hour_sine"]], features[..., place["hour_cosine"]] = np.sin(hour), np.cos(hour)
    labels = rng.integers(0, 2, (customers, 2)).astype(np.float32)
    labels[rng.random(customers) < 0.4] = 0  # some without any fraud
    return CustomerExamples(
        features=features,
        labels=labels,
        mask=np.ones((customers, 2), np.bool_),
        groups=np.arange(customers) + 1000 * seed,
    )


def overfitted_twin() -> Overfitted:
    """See Overfitted."""
    case = replace(FRAUD, build_model=lambda _: Detector(features=len(FEATURE_NAMES), hidden=256).build())
    members, model = strangers(CUSTOMERS, 1), case.build_model({})
    keras.utils.set_random_seed(1)
    fit_twin(
        model,
        members,
        loss=case.loss,
        optimizer=keras.optimizers.Adam(0.02),
        steps=400,
        batch=CUSTOMERS,
        seed=1,
    )
    return Overfitted(case, model, members, strangers(CUSTOMERS, 2), strangers(CUSTOMERS, 3))
