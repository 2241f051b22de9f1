"""Dirac canaries: customers whose gradient is one coordinate of their own, in a run of the real trainer.

The trained model gets a side vector w with one coordinate for each of m canaries. The loss of canary i is -F w_i
with F far above the clipping norm C, so that its clipped gradient is -C along its own coordinate and nothing else
(Nasr et al. 2023, *Tight Auditing of Differentially Private Machine Learning*, call such gradients Dirac canaries).
The side vector is trained by plain gradient descent at rate 1 from 0, so after T steps, with q the sampling rate,
sigma the noise multiplier and B the divisor of every step,

    score_i = w_i B / C = (number of steps that canary i took part in) + sigma * (sum of T standard normals).

An included canary's score has mean T q and variance T q (1 - q) + T sigma^2, an excluded one's mean 0 and variance
T sigma^2, each independent of the others. A coin of the audit, not of the trainer, includes each with chance 1/2.

With per-layer clipping a variable gets C / sqrt(K) of K layers. The side vector is then spread over S tables, each a
layer, and the score is their sum over sqrt(S): its noise is the same, and one part counts a = sqrt(S / K), which is
1 if canaries are trained alone. Real customers do not move the side vector at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.attacks.canary import planted
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.probe import squeezed
from models.privacy.runlog import RunLog
from models.privacy.trainer import Training

if TYPE_CHECKING:
    from models.cases.case import Facts, UseCase

PLACE, SIZE = "canary_place", "canary_size"
_LARGE: Final = 1e4  # F in clipping norms
_TABLES: Final = 4  # S, under per-layer clipping


@dataclass(frozen=True, kw_only=True)
class CanaryRun:
    """The `scores` (m,) of a run's canaries, which were `included` (m,), its log, and what one part counts (a)."""

    scores: NDArray[np.float64]
    included: NDArray[np.bool_]
    part: float
    log: RunLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Company:
    """A use case's customers, with the facts that its model is built from: whom canaries are planted among."""

    case: UseCase
    facts: Facts
    customers: CustomerExamples


def run_alone(plan: PrivacyPlan, included: NDArray[np.bool_]) -> CanaryRun:
    """Train the canaries that are `included` (m,) and nobody else under `plan`. No customer's data is touched.

    Raises PrivacyError for a plan whose clipping norm is not fixed.
    """
    tables = _side_tables(plan, len(included))
    place, size, side = _side(tables)
    model = keras.Model({PLACE: place, SIZE: size}, side)
    chosen = np.flatnonzero(included)
    nobody = CustomerExamples(
        features={PLACE: np.zeros((0, 1), np.int32), SIZE: np.zeros((0, 1, 1), np.float32)},
        labels=np.zeros((0, 1), np.float32),
        mask=np.zeros((0, 1), np.bool_),
    )
    canaries = planted(nobody, _features(chosen, plan), np.zeros(len(chosen), np.float32))
    training = Training(
        plan, model, canaries, loss=lambda _, outputs: -outputs, optimizer=keras.optimizers.SGD(1.0)
    )
    return _finished(training, plan, tables, included)


def run_among(plan: PrivacyPlan, included: NDArray[np.bool_], company: Company) -> CanaryRun:
    """Train a use case's own model on its customers and the canaries that are `included` (m,).

    The model, its loss and its optimiser are the case's; what it learnt is given up. The epsilon of `plan` is spent
    on the customers. Raises PrivacyError for a plan whose clipping norm is not fixed, and for a model whose outputs
    have no fixed size.
    """
    case, customers = company.case, company.customers
    own = case.build_model(company.facts)
    tables = _side_tables(plan, len(included))
    model, loss = _extended(own, tables, case.loss, customers)
    held = _named(own, customers)
    rows = customers.mask.shape
    nobodies = {PLACE: np.zeros(rows, np.int32), SIZE: np.zeros((*rows, 1), np.float32)}
    beside = CustomerExamples(features=held | nobodies, labels=customers.labels, mask=customers.mask)
    chosen = np.flatnonzero(included)
    nothing = {name: np.zeros((len(chosen), *array.shape[2:]), array.dtype) for name, array in held.items()}
    labels = np.zeros((len(chosen), *customers.labels.shape[2:]), customers.labels.dtype)
    everybody = planted(beside, nothing | _features(chosen, plan), labels)
    training = Training(
        plan,
        model,
        everybody,
        loss=loss,
        optimizer=_Apart(case.optimizer(), [table.trainable_variables[0] for table in tables]),
        tables=_lookups(own, case),
    )
    return _finished(training, plan, tables, included)


def _side_tables(plan: PrivacyPlan, canaries: int) -> list[Any]:
    if plan.clipping == "adaptive":
        raise PrivacyError(
            "an adaptive clipping norm follows the canaries, so the run would not be the plan's; audit a plan "
            "with a fixed one"
        )
    count = _TABLES if plan.clipping == "per-layer" else 1
    return [keras.layers.Embedding(canaries, 1, embeddings_initializer="zeros") for _ in range(count)]


def _side(tables: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The two inputs of a canary and its side output (B, 1): F w_i, or 0 for a real customer."""
    place = keras.Input((), dtype="int32", name=PLACE)
    size = keras.Input((1,), name=SIZE)
    found = [table(place) for table in tables]
    whole = found[0] if len(found) == 1 else keras.layers.Add()(found)
    return place, size, keras.layers.Multiply()([whole, size])


def _features(chosen: NDArray[np.int64], plan: PrivacyPlan) -> dict[str, NDArray[Any]]:
    size = np.full((len(chosen), 1), _LARGE * max(1.0, plan.clipping_norm), np.float32)
    return {PLACE: chosen.astype(np.int32), SIZE: size}


def _extended(
    own: Any, tables: Sequence[Any], loss: Callable[[Any, Any], Any], customers: CustomerExamples
) -> tuple[Any, Callable[[Any, Any], Any]]:
    """The model with the side output as one more column, and its loss."""
    dtypes = {each.name: each.dtype for each in own.inputs}
    inputs = {
        name: keras.Input(array.shape[2:], dtype=dtypes[name], name=name)
        for name, array in _named(own, customers).items()
    }
    structure = own.input if isinstance(customers.features, dict) else own.inputs[0]
    said = own(keras.tree.map_structure(lambda each: inputs[each.name], structure))
    shape = tuple(said.shape[1:])
    if None in shape:
        raise PrivacyError("the model's outputs have no fixed size; audit its plan with canaries alone")
    place, size, side = _side(tables)
    flat = said if len(shape) == 1 else keras.layers.Flatten()(said)
    model = keras.Model(inputs | {PLACE: place, SIZE: size}, keras.layers.Concatenate(axis=-1)([flat, side]))

    def both(labels: Any, outputs: Any) -> Any:
        mine = tf.reshape(outputs[:, :-1], (-1, *shape))
        return tf.cast(loss(labels, squeezed(mine)), tf.float32) - tf.cast(outputs[:, -1], tf.float32)

    return model, both


def _named(own: Any, customers: CustomerExamples) -> dict[str, NDArray[Any]]:
    """What the model reads, by the names of its inputs; a case may keep more beside it."""
    if isinstance(customers.features, dict):
        return {each.name: customers.features[each.name] for each in own.inputs}
    return {own.inputs[0].name: customers.features}


def _lookups(own: Any, case: UseCase) -> Any:
    return [
        table if table.feature else replace(table, feature=own.inputs[0].name)
        for table in case.embedding_tables(own)
    ]


class _Apart:
    """An optimiser that leaves some variables to plain gradient descent at rate 1, the others to the case's own."""

    def __init__(self, own: Any, apart: Sequence[Any]) -> None:
        self._own, self._apart = own, {id(variable) for variable in apart}
        self.use_ema = own.use_ema

    def build(self, variables: Sequence[Any]) -> None:
        self._own.build([variable for variable in variables if id(variable) not in self._apart])

    def apply(self, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        pairs = list(zip(gradients, variables, strict=True))
        for gradient, variable in pairs:
            if id(variable) in self._apart:
                variable.assign_sub(gradient)
        others = [pair for pair in pairs if id(pair[1]) not in self._apart]
        self._own.apply([gradient for gradient, _ in others], [variable for _, variable in others])

    def finalize_variable_values(self, variables: Sequence[Any]) -> None:
        self._own.finalize_variable_values(
            [variable for variable in variables if id(variable) not in self._apart]
        )


def _finished(
    training: Training, plan: PrivacyPlan, tables: Sequence[Any], included: NDArray[np.bool_]
) -> CanaryRun:
    while training.done < plan.steps:
        training.step()
    log = training.finish().log
    side = sum(np.asarray(table.trainable_variables[0], np.float64)[:, 0] for table in tables)
    scores = np.asarray(side) * plan.expected_batch / (plan.clipping_norm * math.sqrt(len(tables)))
    part = math.sqrt(len(tables) / log.clipping_groups) if plan.clipping == "per-layer" else 1.0
    return CanaryRun(scores=scores, included=included, part=part, log=log)
