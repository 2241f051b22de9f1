"""Ways to make lists: the private model, its twins, models that lack a part, and what learns less or nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import ibis
import keras
import numpy as np
from numpy.typing import NDArray

from models.cases.als import AlsPlan, fit_als
from models.cases.case import Facts
from models.cases.recommender import RECOMMENDER
from models.cases.recommender_baskets import HISTORY
from models.cases.recommender_events import CODES, Events
from models.cases.recommender_popularity import LIST, POPULARITY, popular
from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.statistics import clipped_sum, noised_sum
from models.privacy.tables import Table
from models.privacy.trainer import fit
from models.privacy.twin import fit_twin
from models.values.scope import Measure
from models.values.target import PrivacyTarget

SEED, HEAD, MOST_TESTED = 1, 1000, 20_000
NEVER = 1e-9  # a learning rate: a table that stays where it was
Lists = NDArray[np.int64]
Found = dict[str, Any]
Change = Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Feature rows on an engine and the public catalogue, of so many customers (a public bound)."""

    rows: Any
    catalogue: Facts
    customers: int

    @classmethod
    def of(cls, tables: list[Any], customers: int) -> Data:
        """Features computed once."""
        rows = ibis.memtable(RECOMMENDER.features(*tables).to_pyarrow())
        return cls(rows=rows, catalogue=RECOMMENDER.facts(*tables), customers=customers)

    def target(self, epsilon: float) -> PrivacyTarget:
        """At the default delta."""
        delta = PrivacyTarget.default_delta(self.customers)
        return PrivacyTarget(epsilon=epsilon, delta=delta, n_public=self.customers)

    def facts(self, epsilon: float | None) -> Facts:
        """The catalogue with the popularity that a training at `epsilon` releases, or with the exact one."""
        given = POPULARITY.contributions(self.rows.filter(self.rows.part == "train"), self.catalogue)
        if epsilon is None:
            return self.catalogue | {POPULARITY.name: clipped_sum(given)}
        noise = RECOMMENDER.plan(self.target(epsilon)).statistics[POPULARITY.name]
        noised, _ = noised_sum(given, name=POPULARITY.name, noise_multiplier=noise)
        return self.catalogue | {POPULARITY.name: noised}

    def train(self, facts: Facts) -> CustomerExamples:
        """The examples of the training customers."""
        return RECOMMENDER.examples(self.rows, "train", facts)

    def test(self, facts: Facts) -> CustomerExamples:
        """The examples of the test customers, of MOST_TESTED at most."""
        found = RECOMMENDER.examples(self.rows, "test", facts)
        return found.take(np.arange(min(found.customers, MOST_TESTED)))


def private(data: Data, epsilon: float) -> Found:
    """The use case as it is trained, and how long plan, popularity, examples and training took."""
    started = time.perf_counter()
    plan, facts = RECOMMENDER.plan(data.target(epsilon)), data.facts(epsilon)
    model = _trained(plan, facts, data.train(facts))
    return {"seconds": round(time.perf_counter() - started, 1)} | _of_model(model, data, facts)


def lacking(data: Data, epsilon: float) -> Iterator[tuple[str, Found]]:
    """What carries the result: private trainings of networks that cannot see a part."""
    plan, facts = RECOMMENDER.plan(data.target(epsilon)), data.facts(epsilon)
    train = data.train(facts)
    bands = tuple(f"band_{number}" for number in range(len(CODES)))
    for name, blind, rate in (
        ("own history's bands", _constant(*bands), None),
        ("the table of items", _constant(), NEVER),
        ("both towers", _constant("category", "department", "price"), NEVER),
    ):
        model = _trained(plan, facts, train, change=blind, rate=rate)
        yield f"private without {name}", _of_model(model, data, facts)


def twins(data: Data, epsilon: float) -> dict[str, Found]:
    """The same training without clipping and noise, beside the DP-released popularity and beside the exact one."""
    facts = {"twin": data.facts(epsilon), "twin, exact popularity": data.facts(None)}
    return {name: _of_model(_twin(data, known), data, known) for name, known in facts.items()}


def simple(data: Data, epsilon: float) -> dict[str, Found]:
    """Popularity, DP-ALS, and either behind the customer's own history."""
    facts = data.facts(epsilon)
    test = data.test(facts)
    assert RECOMMENDER.baseline is not None
    liked, near = RECOMMENDER.baseline(test, facts), _als(data, epsilon, facts, test)
    lists = {
        "DP popularity": liked,
        "DP-ALS": near,
        "own history, then DP popularity": _own_first(test, liked),
        "own history, then DP-ALS": _own_first(test, near),
    }
    return {name: measured(found, test) for name, found in lists.items()}


def measured(lists: Lists, test: CustomerExamples) -> Found:
    """Both metrics."""
    return {metric.name: metric.exact(lists, test, seed=SEED) for metric in RECOMMENDER.metrics}


def shown(found: Mapping[str, Any]) -> Found:
    """Numbers with their intervals, for a line of JSON."""
    return {
        name: [round(number, 4) for number in (value.value, value.low, value.high)]
        if isinstance(value, Measure)
        else value
        for name, value in found.items()
    }


def _of_model(model: Any, data: Data, facts: Facts) -> Found:
    test = data.test(facts)
    return measured(RECOMMENDER.outputs(model, test, facts), test)


def _built(facts: Facts) -> Any:
    keras.utils.set_random_seed(SEED)
    return RECOMMENDER.build_model(facts)


def _trained(
    plan: PrivacyPlan,
    facts: Facts,
    train: CustomerExamples,
    *,
    change: Change | None = None,
    rate: float | None = None,
) -> Any:
    model = _built(facts)
    if change is not None:
        change(model)
    tables = RECOMMENDER.embedding_tables(model)
    if rate is not None:
        tables = tuple(Table(variable=t.variable, learning_rate=rate, feature=t.feature) for t in tables)
    fit(plan, model, train, loss=RECOMMENDER.loss, optimizer=RECOMMENDER.optimizer(), tables=tables)
    return model


def _constant(*layers: str) -> Change:
    """Lets public look-ups say the same of everything, as they do of number 0."""

    def change(model: Any) -> None:
        for name in layers:
            (rows,) = model.get_layer(name).get_weights()
            model.get_layer(name).set_weights([np.repeat(rows[:1], len(rows), axis=0)])

    return change


def _twin(data: Data, facts: Facts) -> Any:
    train, model = data.train(facts), _built(facts)
    fit_twin(
        model,
        train,
        loss=RECOMMENDER.loss,
        optimizer=RECOMMENDER.optimizer(),
        steps=RECOMMENDER.recipe.steps,
        batch=round(RECOMMENDER.recipe.sampling_rate * train.customers),
        seed=SEED,
        tables=RECOMMENDER.embedding_tables(model),
    )
    return model


def _histories(examples: CustomerExamples) -> Lists:
    assert isinstance(examples.features, dict)
    return np.asarray(examples.features["items"][:, :, :HISTORY], dtype=np.int64)


def _own_first(test: CustomerExamples, rest: Lists) -> Lists:
    """What was bought most often, then most lately (histories are in this order), then the first of `rest`."""
    both = np.concatenate([_histories(test), rest], axis=2).reshape(-1, HISTORY + LIST)
    late = (both == 0) | np.array([np.isin(range(HISTORY + LIST), _again(row)) for row in both])
    order = np.argsort(late, axis=1, kind="stable")[:, :LIST]
    return np.take_along_axis(both, order, axis=1).reshape(*test.mask.shape, LIST)


def _again(row: Lists) -> Lists:
    """The places at which a number stands that stood before."""
    return np.setdiff1d(np.arange(len(row)), np.unique(row, return_index=True)[1])


def _als(data: Data, epsilon: float, facts: Facts, test: CustomerExamples) -> Lists:
    """The items nearest to each customer's own factor, which is computed for that customer alone."""
    rows = data.rows.filter((data.rows.part == "train") & (data.rows.place == 0))
    plan = AlsPlan(target=data.target(epsilon), share=1 - POPULARITY.share)
    found = fit_als(plan, Events.of(rows).history, items=len(facts["category"]), head=popular(facts, HEAD))
    history = _histories(test).reshape(-1, HISTORY)
    lists = []
    for start in range(0, len(history), 1000):
        near = found.customers(history[start : start + 1000]) @ found.factors.T
        near[:, 0] = -np.inf
        top = np.argpartition(-near, LIST, axis=1)[:, :LIST]
        order = np.argsort(-np.take_along_axis(near, top, axis=1), axis=1)
        lists.append(np.take_along_axis(top, order, axis=1))
    return np.concatenate(lists).reshape(*test.mask.shape, LIST)
