"""The trainer: DP-SGD over customers.

Abadi et al., *Deep Learning with Differential Privacy* (2016), algorithm 1, with customers as the unit. In
every step: Poisson-sample customers, sum their clipped gradients, add Gaussian noise once, divide by a
public constant, hand the result to the optimiser. What the optimiser does with it (momentum, Adam, moving
averages) is post-processing and costs nothing. All steps run and none is chosen by looking at data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from models.privacy import checkpoint
from models.privacy.ahead import Ahead
from models.privacy.checkpoint import Checkpoints
from models.privacy.clipping.adaptive import following
from models.privacy.clipping.queries import query_of
from models.privacy.epsilon import running_epsilon
from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.gradients import CHUNK, ClippedGradients, Loss, masked_arrays
from models.privacy.graphs import compiled
from models.privacy.noise import Entropy, GaussianNoise, source
from models.privacy.plan import PrivacyPlan
from models.privacy.query import CustomerSumQuery, Drawn
from models.privacy.replicas import Replicas
from models.privacy.runlog import RunLog, StatisticLog, StepLog
from models.privacy.sampler import PoissonSampler
from models.privacy.tables import PendingTable, Table

OnStep = Callable[[int, int, float], None]
"""`on_step(step, steps, epsilon)`: public facts only; epsilon is an upper bound of what is spent so far."""

_MESSAGES = 40


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """What a step needs and no data decides: customers (n,), noise, and for each table noise and rows."""

    chosen: Any
    noise: Any
    stddevs: list[float]
    missed: list[tuple[Any, Any]]


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A finished training. `losses` holds the sampled customers' mean loss of every step: internal."""

    log: RunLog
    losses: tuple[float, ...] = field(repr=False)

    def beside(self, statistics: Sequence[StatisticLog]) -> FitResult:
        """The same with `statistics` that were released of the same customers under the same plan."""
        return replace(self, log=self.log.model_copy(update={"statistics": tuple(statistics)}))


def fit(  # each argument is one independent thing that a training needs
    plan: PrivacyPlan,
    model: Any,
    customers: CustomerExamples,
    *,
    loss: Loss,
    optimizer: Any,
    tables: Sequence[Table] = (),
    entropy: Entropy | None = None,
    on_step: OnStep | None = None,
    checkpoints: Checkpoints | None = None,
) -> FitResult:
    """Train `model` in place under `plan`; the initial weights must not depend on private data.

    `tables` names embeddings that are trained by plain SGD with lazy noise, so that a step costs what it
    touches; `optimizer` trains the rest. `entropy` is the source that the plan names unless a test hands in
    another. About forty `checkpoints` are saved; after the last one a training goes on: no step before it runs
    again and none is left out. Steps after it do run again, with new noise; nothing of their first time was
    released, so they are charged once.

    Raises PrivacyError for a model or loss that mixes customers, for customers with more than the plan's
    `max_examples`, and for a checkpoint of another plan.
    """
    if customers.max_examples > plan.max_examples:
        raise PrivacyError(
            f"customers have up to {customers.max_examples} examples, the plan allows {plan.max_examples}; "
            "cap them before sampling"
        )
    last = None if checkpoints is None else checkpoints.last
    training = Training(
        plan, model, customers, loss=loss, optimizer=optimizer, tables=tables, entropy=entropy, resume=last
    )
    every = max(1, plan.steps // _MESSAGES)
    while training.done < plan.steps:
        training.step()
        if training.done % every == 0:
            if checkpoints is not None:
                checkpoints.save(training.checkpoint())
            if on_step is not None:
                on_step(training.done, plan.steps, training.spent())
    return training.finish()


class Training:
    """One training while it runs; it notes what each step really did."""

    def __init__(
        self,
        plan: PrivacyPlan,
        model: Any,
        customers: CustomerExamples,
        *,
        loss: Loss,
        optimizer: Any,
        tables: Sequence[Table] = (),
        entropy: Entropy | None = None,
        resume: bytes | None = None,
    ) -> None:
        entropy = entropy or source(plan.noise_source)
        self._plan, self._model, self._optimizer = plan, model, optimizer
        self._customers = customers.customers
        apart = {id(table.variable) for table in tables}
        self._dense = [variable for variable in model.trainable_variables if id(variable) not in apart]
        self._shapes = [tuple(variable.shape) for variable in self._dense]
        self._replicas = _replicas(plan, model, tables)
        self._replicas.build(optimizer, self._dense)
        self._sampler = PoissonSampler(plan.sampling_rate, entropy)
        self._noise = GaussianNoise(entropy.split())
        query = self._query(self._noise)
        self._state = query.initial_global_state()
        self._clip = float(self._state.l2_norm_clip)
        self._clipping = query.clipping if plan.adaptive is None else "adaptive"
        self._gradients = ClippedGradients(model, customers, loss=loss, query=query, sparse=frozenset(apart))
        self._divisor = plan.expected_batch
        self._steps: list[StepLog] = []
        self._losses: list[float] = []
        states: Sequence[Any] = [None] * len(tables)
        if resume is not None:
            self._steps, self._losses, states = checkpoint.load(resume, plan, model, optimizer)
        features = masked_arrays(customers)[0] if tables else None  # a copy of the data, for tables only
        per_batch = plan.noise_stddev / plan.expected_batch
        self._tables = [
            PendingTable(table, features, self._noise, stddev=per_batch, state=state)
            for table, state in zip(tables, states, strict=True)
        ]
        flat = tf.TensorSpec([sum(map(math.prod, self._shapes))], tf.float32)
        pending = [
            (tf.TensorSpec([None, table.rows.shape[1]], tf.float32), tf.TensorSpec([None], tf.int64))
            for table in tables
        ]
        self._following = following(plan, self._steps, entropy)
        norm = () if self._following is None else (tf.TensorSpec([], tf.float32),)
        step = self._replicas.together(self._whole_step)
        self._graph = compiled(step, tf.TensorSpec([None], tf.int64), flat, pending, *norm)
        self._ahead = Ahead(self._prepare)
        self._last = tf.function(self._update, autograph=False, reduce_retracing=True)

    @property
    def done(self) -> int:
        """How many steps were made."""
        return len(self._steps)

    def step(self) -> None:
        """One step; an empty batch gets its noise and counts like any other."""
        norm = () if self._following is None else (self._following.tensor,)
        ready = self._ahead.take(more=not norm and self.done + 1 < self._plan.steps)
        sampled = len(ready.chosen)
        if sampled <= CHUNK or self._replicas.count > 1:
            (loss, count, *within), read = self._graph(ready.chosen, ready.noise, ready.missed, *norm)
            sampled = int(count)
            mean_loss = float(loss) / max(sampled, 1)
        else:
            self._catch_up(ready.missed)
            total, mean_loss, *within = self._gradients.counted_sum(ready.chosen.numpy(), *norm)
            read = self._last(total, ready.noise)
        _check_read(ready.missed, read)
        self._note(sampled, mean_loss, ready.stddevs, within)

    def spent(self) -> float:
        """An upper bound of the epsilon spent so far; public. No part exceeds the whole."""
        return min(_spent(self._plan, self.done), self._plan.target.epsilon)

    def flush(self) -> None:
        """Give every row of the tables the noise that it lacks, before anything looks at them."""
        self._settle()
        for table in self._tables:
            table.flush()

    def checkpoint(self) -> bytes:
        """The whole state after the last step."""
        self._settle()
        states = [table.state() for table in self._tables]
        return checkpoint.dump(self._plan, self._model, self._optimizer, self._steps, self._losses, states)

    def finish(self) -> FitResult:
        """The frozen log of all steps; all noise that is still due is added, and averaged weights take over."""
        self.flush()
        if self._optimizer.use_ema:
            self._optimizer.finalize_variable_values(self._dense)
        log = RunLog(
            plan_digest=self._plan.digest(),
            sampler=self._sampler.name,
            sampling_rate=self._sampler.rate,
            noise_source=self._noise.source,
            population=self._replicas.over_processes(self._customers),
            variables=len(self._dense),
            steps=tuple(self._steps),
            tables=tuple(table.log() for table in self._tables),
            clipping=self._clipping,
            clipping_groups=1 + max(self._gradients.groups),
            cap=self._plan.cap,
        )
        return FitResult(log=log, losses=tuple(self._losses))

    def _prepare(self) -> _Ready:
        """Draw the next step's customers and noise; called in order, in a second thread."""
        chosen = self._sampler.sample(self._customers)
        stddev = self._noise_stddev()
        noise = tf.constant(self._noise.flat(self._shapes, stddev=stddev))
        stddevs = self._noise.taken() if self._replicas.first else []
        missed = [tuple(map(tf.constant, table.before(chosen))) for table in self._tables]
        return _Ready(chosen=tf.constant(chosen), noise=noise, stddevs=stddevs, missed=missed)

    def _settle(self) -> None:
        """Bring the tables to where the last step left them: noise that counts as added is added."""
        ready = self._ahead.outstanding()
        if ready is None:
            for table in self._tables:
                table.made()
            return
        self._catch_up(ready.missed)
        nothing = [(tf.zeros_like(noise), rows) for noise, rows in ready.missed]
        self._ahead.put_back(replace(ready, missed=nothing))

    def _query(self, noise: GaussianNoise | Drawn) -> CustomerSumQuery:
        return query_of(self._plan, self._model, noise)

    def _noise_stddev(self) -> float:
        """The standard deviation of the noise on the next sum: the plan's, unless the clipping norm moves."""
        if self._following is None:
            return self._plan.noise_stddev
        stddev = self._plan.sum_noise_multiplier * self._following.value
        for table in self._tables:
            table.stddev = stddev / self._divisor
        return stddev

    def _whole_step(
        self, places: Any, noise: Any, missed: list[Any], *norm: Any
    ) -> tuple[tuple[Any, ...], list[Any]]:
        """One batch from its customers' numbers to the updated variables, as one graph.

        Returned are the sum of losses and the number of customers, and what `_update` returns. With a clipping
        `norm` of this step also how many customers are within it.
        """
        places = self._replicas.share(places)
        with tf.control_dependencies(self._catch_up(missed)):
            total, loss, *within = self._gradients.counted_chunk_sum(places, *norm)
        numbers = (loss, tf.size(places), *(within if norm else ()))
        return numbers, self._update(total, noise)

    def _catch_up(self, missed: list[Any]) -> list[Any]:
        return [table.table.add(*noise) for table, noise in zip(self._tables, missed, strict=True)]

    def _update(self, total: list[Any], noise: Any) -> list[Any]:
        """Noise, divide and apply; the row numbers that each table's sum names."""
        sums = {id(v): part for v, part in zip(self._model.trainable_variables, total, strict=True)}
        query = self._query(Drawn(self._replicas.once(noise), self._shapes, stddev=self._plan.noise_stddev))
        noised, _, _ = query.get_noised_result([sums[id(v)] for v in self._dense], self._state)
        mean = [part / self._divisor for part in self._replicas.total(noised)]
        self._replicas.apply(self._optimizer, mean, self._dense)
        slices = [sums[id(pending.table.variable)] for pending in self._tables]
        for pending, rows in zip(self._tables, slices, strict=True):
            pending.table.descend(rows, self._divisor)
        return [rows.indices for rows in slices]

    def _note(self, sampled: int, mean_loss: float, stddevs: list[float], within: list[Any]) -> None:
        clip, count = self._clip, None
        if self._following is not None:
            clip, count = self._following.value, self._following.move(float(within[0]))
        self._losses.append(mean_loss)
        self._steps.append(
            StepLog(
                sampled=sampled,
                noise_stddev=min(stddevs, default=0.0),
                noise_draws=len(stddevs),
                clipping_norm=clip,
                divisor=self._divisor,
                share=None if count is None else count.share,
                count_stddev=None if count is None else count.stddev,
            )
        )


def _replicas(plan: PrivacyPlan, model: Any, tables: Sequence[Table]) -> Replicas:
    found = Replicas(model)
    if plan.adaptive is not None and found.count > 1:
        raise PrivacyError(
            f"adaptive clipping follows one count on one device, the model is mirrored on {found.count}; build the "
            "model outside the strategy's scope or clip flat or per-layer"
        )
    if tables and found.count > 1:
        raise PrivacyError(
            f"tables with lazy noise are trained on one device, the model is mirrored on {found.count}; build the "
            "model outside the strategy's scope or train the tables by the optimiser"
        )
    return found


def _check_read(missed: list[tuple[Any, Any]], read: list[Any]) -> None:
    """Raise PlanViolation if a step read a row that was not among those that got their noise before it."""
    for (_, asked), rows in zip(missed, read, strict=True):
        if not np.array_equal(rows, asked) and not np.isin(rows, asked).all():
            raise PlanViolation("a step read rows that lacked noise; catch up with all rows before reading")


def _spent(plan: PrivacyPlan, step: int) -> float:
    return running_epsilon(
        sampling_rate=plan.sampling_rate,
        noise_multiplier=plan.noise_multiplier,
        steps=step,
        delta=plan.target.delta,
        beside=plan.beside,
    )
