from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from models.cases.arrays import DatedExamples
from models.cases.case import CaseError
from models.cases.fraud_metrics import AveragePrecision, CardPrecision, RecallAtAlerts
from models.privacy.examples import CustomerExamples

METRICS = (AveragePrecision(), RecallAtAlerts(share=0.1), CardPrecision(cards=5))


def _test(customers: int = 200, seed: int = 1) -> tuple[Any, DatedExamples]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((customers, 6)) < 0.1).astype(np.float32)
    held = DatedExamples(
        features=np.zeros((*labels.shape, 1), np.float32),
        labels=labels,
        mask=rng.random(labels.shape) < 0.7,
        groups=np.arange(customers) // 2,
        day=rng.integers(0, 10, labels.shape),
    )
    return rng.normal(size=labels.shape) + 2 * labels, held


def test_average_precision_is_that_of_scikit_learn() -> None:
    outputs, test = _test()
    said = AveragePrecision().exact(outputs, test, seed=1)
    assert said.value == pytest.approx(average_precision_score(test.labels[test.mask], outputs[test.mask]))


def test_recall_is_that_of_the_highest_scores() -> None:
    outputs, test = _test()
    scores, fraud = outputs[test.mask], test.labels[test.mask] > 0.5
    highest = np.argsort(-scores)[: len(scores) // 10]
    said = RecallAtAlerts(share=0.1).exact(outputs, test, seed=1)
    assert said.value == pytest.approx(fraud[highest].sum() / fraud.sum())
    assert said.name == "recall at 10 % alerts"


def test_card_precision_is_that_of_the_handbook() -> None:
    """REF: day by day, the highest score of each card; a card whose fraud was found is not looked at again."""
    outputs, test = _test()
    blocked: set[int] = set()
    parts = []
    for day in range(10):
        here = test.mask & (test.day == day)
        cards = [card for card in np.flatnonzero(here.any(axis=1)) if card not in blocked]
        best = sorted(cards, key=lambda card: -outputs[card][here[card]].max())[:5]
        found = [card for card in best if (test.labels[card][here[card]] > 0.5).any()]
        blocked |= set(found)
        parts.append(len(found) / 5)
    assert CardPrecision(cards=5).exact(outputs, test, seed=1).value == pytest.approx(np.mean(parts))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_is_internal_with_an_interval(metric: Any) -> None:
    outputs, test = _test()
    said = metric.exact(outputs, test, seed=1)
    assert said.scope == "internal"
    assert 0 <= said.low < said.value < said.high <= 1
    assert metric.chance is None
    with pytest.raises(CaseError, match="no private release"):
        metric.released(outputs, test, epsilon=1.0, delta=1e-5)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_nobody_has_nothing(metric: Any) -> None:
    outputs, test = _test()
    empty = DatedExamples(**{name: held[:0] for name, held in vars(test).items()})
    assert metric.exact(outputs[:0], empty, seed=1).value == 0.0


def test_without_days_there_is_no_card_precision() -> None:
    outputs, test = _test()
    undated = CustomerExamples(features=test.features, labels=test.labels, mask=test.mask)
    with pytest.raises(CaseError, match="the day of each example"):
        CardPrecision().exact(outputs, undated, seed=1)
