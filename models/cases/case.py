"""A use case: what is learnt from which tables, by which features, with which public choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from models.cases.metrics import Metric
from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.statistics import Statistic
from models.values.base import Value
from models.values.errors import PrivetError
from models.values.target import PrivacyTarget

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

    from models.privacy.tables import Table

Facts = dict[str, NDArray[Any]]
"""What is public, or released with noise, beyond the rows of one customer: arrays of numbers and text, no objects."""


class CaseError(PrivetError, ValueError):
    """Tables or a name that a use case cannot work with."""


class Recipe(Value):
    """The public choices of a training; they were made on public synthetic data, never on a shop's own."""

    sampling_rate: float = Field(gt=0, le=1)
    steps: int = Field(ge=1)
    max_examples: int = Field(ge=1)
    clipping_norm: float = Field(gt=0)
    learning_rate: float = Field(gt=0)

    def plan(self, target: PrivacyTarget, statistics: tuple[Statistic, ...] = ()) -> PrivacyPlan:
        """The plan of this recipe and these statistics under `target`, with the least noise that keeps it.

        Raises CaseError for a target whose delta is an exception: customers' data is trained on by the rule.
        """
        if target.delta_exception is not None:
            raise CaseError("a use case takes no exception from delta <= 1/(10 N); lower delta")
        return PrivacyPlan.calibrate(
            target,
            expected_batch=self.sampling_rate * target.n_public,
            steps=self.steps,
            max_examples=self.max_examples,
            clipping_norm=self.clipping_norm,
            statistics={statistic.name: statistic.share for statistic in statistics},
        )


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """Something of a customer that an attacker wants to know, one of `values` public values, numbered from 0.

    `truth(customers)` (n,) int64 is the value of each, -1 where it is none of them. `having(customers, value)` are the
    same customers as the attacker knows them, had each this value: whose value it is are unchanged. Attackers know all
    the rest of a customer. `name` says it in plain English.
    """

    name: str
    values: int
    truth: Callable[[CustomerExamples], NDArray[np.int64]]
    having: Callable[[CustomerExamples, int], CustomerExamples]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Embedded:
    """Vectors (n, d) that a model makes of n customers, and what they were made of, `given` (n, k): `what` it is.

    It is numbers, or with `sets` 0 and 1: which of k public things were there.
    """

    what: str
    vectors: NDArray[Any]
    given: NDArray[Any]
    sets: bool = False


def _no_facts(*_: object) -> Facts:
    return {}


def _no_attributes(_: Facts) -> tuple[Attribute, ...]:
    return ()


def _no_tables(_: object) -> tuple[Table, ...]:
    return ()


def _said(model: Any, customers: CustomerExamples, _: Facts) -> Any:
    from models.privacy.twin import outputs

    return outputs(model, customers)


@dataclass(frozen=True, kw_only=True)
class UseCase:
    """One use case. `tables` names the released tables, in the order in which they are handed in, and what they need.

    * `facts(*tables)` reads *public* tables only; `statistics` of the training customers join its result under their
      names, with their noise.
    * `features(*tables)` gives rows with customer_id, part (train, test, holdout) and, where known, household: a
      customer's columns come from that customer's own rows, public tables and constants, as of the event's time.
    * `examples(rows, part, facts)` turns them into arrays for one part of the customers.
    * `build_model(facts)` and `optimizer()` are fresh at every call. `inputs` names the model's inputs, or the columns
      of its only one. `embedding_tables(model)` are trained by SGD with lazy noise.
    * `loss(labels, outputs)` is per example. The first of `metrics` decides whether a model is any good, against
      `baseline(test, facts)`: outputs of something simpler that sees DP-released and public facts alone. Without one,
      against chance. What the metrics read is `outputs(model, customers, facts)`, (n, m, ...): the model's own unless a
      case makes more of them, such as lists.
    * `attributes(facts)` are what attackers on the model try to learn of a customer (docs/risk.md).
    * `embedded(case, rows, part, model, facts)` are vectors that the model makes of the customers of a part, from which
      attackers try to reconstruct what they were made of. None: it makes no vectors.
    * `read(texts)` are the model's inputs (n, ...) of texts, of a model that reads text: audits plant sentences by it.
    * `score(rows, model, facts)` are predictions: keys and what is said of them.
    * `answer(frame, model, facts)` answers a request of the columns `request` (name -> MLflow's type): a frame in the
      form of the release, as a served model gets it.
    * `sized(width)` is the same case with a model of another width; its own is `size`. `coarsened(level)`, 0 to 4, is
      the same case that reads, in training and in scoring, features rounded to a public step: the coarser, the less
      of a customer is there to be learnt. Both for searching a balance (models/balance/space.py).
    * `personalises`: it shows or offers customers what fits them. `decides`: it marks or ranks them or what they do,
      without a person. Rules of law ask for both.
    """

    name: str
    title: str
    tables: dict[str, tuple[str, ...]]
    inputs: tuple[str, ...]
    features: Callable[..., ir.Table]
    examples: Callable[[ir.Table, str, Facts], CustomerExamples]
    build_model: Callable[[Facts], Any]
    optimizer: Callable[[], Any]
    loss: Callable[[Any, Any], Any]
    recipe: Recipe
    metrics: tuple[Metric, ...]
    score: Callable[[ir.Table, Any, Facts], pa.Table]
    request: dict[str, str]
    answer: Callable[[pd.DataFrame, Any, Facts], pd.DataFrame]
    facts: Callable[..., Facts] = _no_facts
    statistics: tuple[Statistic, ...] = ()
    embedding_tables: Callable[[Any], tuple[Table, ...]] = _no_tables
    baseline: Callable[[CustomerExamples, Facts], Any] | None = None
    attributes: Callable[[Facts], tuple[Attribute, ...]] = _no_attributes
    embedded: Callable[[UseCase, ir.Table, str, Any, Facts], Embedded] | None = None
    outputs: Callable[[Any, CustomerExamples, Facts], Any] = _said
    read: Callable[[Sequence[str]], dict[str, NDArray[Any]]] | None = None
    size: int | None = None
    sized: Callable[[int], UseCase] | None = None
    coarsened: Callable[[int], UseCase] | None = None
    personalises: bool = False
    decides: bool = False

    def plan(self, target: PrivacyTarget) -> PrivacyPlan:
        """The plan of a training under `target`. Raises CaseError for a target with an exception."""
        return self.recipe.plan(target, self.statistics)


def require_columns(table: ir.Table, columns: tuple[str, ...], name: str) -> None:
    """Raise CaseError if `table` lacks one of `columns`, naming them."""
    if missing := [column for column in columns if column not in table.columns]:
        raise CaseError(
            f"table {name!r} lacks column {', '.join(missing)}; add it to the release's columns in the spec"
        )
