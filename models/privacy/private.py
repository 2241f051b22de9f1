"""Private training in Keras's habits: compile, fit, callbacks.

private = Private(model, epsilon=3, customers=60_000)
private.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
private.fit(images, labels)
print(private.statement())
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.privacy.accounting import claim
from models.privacy.cap import DPCap, dp_cap
from models.privacy.checkpoint import Checkpoints
from models.privacy.clipping.rule import Clipping
from models.privacy.errors import PrivacyError
from models.privacy.examples import CustomerExamples
from models.privacy.plan import PrivacyPlan
from models.privacy.runlog import RunLog
from models.privacy.statement import statement
from models.privacy.tables import Table
from models.privacy.trainer import Training
from models.values.evidence import PrivacyClaim
from models.values.target import PrivacyTarget


class Private:
    """A Keras model that is trained under differential privacy, with the customer as the unit.

    Give a `plan`, or the target `epsilon` and the public bound `customers` of how many there are, from which
    `compile` makes one: delta = min(1e-5, 1/(10 N)). The model's initial weights must be public.
    """

    def __init__(
        self,
        model: Any,
        *,
        plan: PrivacyPlan | None = None,
        epsilon: float = 3.0,
        customers: int | None = None,
    ) -> None:
        if (plan is None) == (customers is None):
            raise PrivacyError("give either a plan, or a public bound of how many customers there are")
        self.model, self._plan = model, plan
        self._epsilon, self._customers = epsilon, customers
        self._asked: DPCap | None = None
        self._sizes: dict[str, Any] = {}
        self._log: RunLog | None = None

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = "mean_squared_error",
        *,
        tables: Sequence[Table] = (),
        batch_size: int = 256,
        epochs: int = 10,
        max_examples: int | DPCap = 1,
        clipping_norm: float = 1.0,
        clipping: Clipping = "flat",
        quantile: float = 0.5,
    ) -> None:
        """Choose optimiser and loss; without a plan of your own also the sizes from which one is made.

        `batch_size` is the expected number of customers in a step, `epochs` how often a customer takes part on
        average, `max_examples` how many examples a customer gives at most: a public number, or a DPCap, with which
        `fit` chooses it from the data and pays for it within epsilon. `clipping` is "flat", "per-layer" or
        "adaptive", which starts at `clipping_norm` and follows `quantile` of the customers' norms. Any loss is
        taken per example.
        """
        with self.model.distribute_strategy.scope():
            self.model.compile(optimizer=optimizer)
        self._optimizer, self._tables, self._loss = self.model.optimizer, tables, _per_example(loss)
        if self._customers is not None:
            bound = self._customers
            target = PrivacyTarget(
                epsilon=self._epsilon, delta=PrivacyTarget.default_delta(bound), n_public=bound
            )
            self._sizes = {
                "target": target,
                "expected_batch": min(batch_size, bound),
                "steps": max(1, round(epochs * bound / batch_size)),
                "clipping_norm": clipping_norm,
                "clipping": clipping,
                "quantile": quantile,
            }
            self._asked, self._plan = None, None
            if isinstance(max_examples, DPCap):
                self._asked = _affordable(max_examples, self._epsilon)
            else:
                self._plan = PrivacyPlan.calibrate(max_examples=max_examples, **self._sizes)

    @property
    def plan(self) -> PrivacyPlan:
        """The plan. Raises PrivacyError before `compile`, or before `fit` if its cap is chosen from the data."""
        if self._plan is None:
            missing = "compile" if self._asked is None else "fit"
            raise PrivacyError(f"there is no plan yet; call {missing} first")
        return self._plan

    def fit(
        self,
        x: Any,
        y: NDArray[Any],
        *,
        customer: NDArray[Any] | None = None,
        callbacks: Sequence[Any] = (),
        checkpoints: Checkpoints | None = None,
        verbose: int = 1,
    ) -> Any:
        """Train on rows `x` (rows, ...) or a dict of such arrays, with labels `y` (rows, ...).

        `customer` (rows,) tells whose each row is; without it every row counts as a customer of its own. Of a
        customer with more than the plan's `max_examples` rows so many are drawn at random. Callbacks get the
        epsilon spent so far and nothing of the data; what they see of the model is noised. All planned steps
        run: a callback that stops the training raises PrivacyError. Returns Keras's History.

        With a DPCap the first call chooses the cap and makes the plan; to go on in another process give that plan,
        since to choose again costs again.
        """
        last = None if checkpoints is None else checkpoints.last
        self._choose_cap(customer, resumed=last is not None)
        examples = CustomerExamples.from_rows(x, y, customer, max_examples=self.plan.max_examples)
        training = Training(
            self.plan,
            self.model,
            examples,
            loss=self._loss,
            optimizer=self._optimizer,
            tables=self._tables,
            resume=last,
        )
        per_epoch = min(self.plan.steps, max(1, round(1 / self.plan.sampling_rate)))
        epochs = math.ceil(self.plan.steps / per_epoch)
        told = keras.callbacks.CallbackList(
            list(callbacks),
            add_history=True,
            add_progbar=verbose > 0,
            model=self.model,
            epochs=epochs,
            steps=per_epoch,
            verbose=verbose,
        )
        told.on_train_begin()
        for epoch in range(training.done // per_epoch, epochs):
            self._epoch(training, epoch, per_epoch, told)
            if checkpoints is not None:
                checkpoints.save(training.checkpoint())
        result = training.finish()
        self._log = result.log
        told.on_train_end()
        return self.model.history

    def claim(self) -> PrivacyClaim:
        """The epsilon of what ran. Raises PrivacyError before a training."""
        if self._log is None:
            raise PrivacyError("nothing was trained yet; call fit first")
        return claim(self.plan, self._log)

    def statement(self, language: str = "en") -> str:
        """The privacy statement of what ran, in English or Chinese."""
        return statement(self.claim(), language)

    def _choose_cap(self, customer: NDArray[Any] | None, *, resumed: bool) -> None:
        """Choose the cap from how many rows each customer has, and make the plan that pays for it."""
        if self._asked is None or self._plan is not None:
            return
        if resumed:
            raise PrivacyError(
                "to choose the cap again would cost again; go on with Private(model, plan=...)"
            )
        if customer is None:
            raise PrivacyError(
                "every row is a customer of its own, so there is no cap to choose; give customer="
            )
        counts = np.unique(customer, return_counts=True)[1]
        self._plan = PrivacyPlan.calibrate(
            max_examples=dp_cap(counts, **self._asked.model_dump()), **self._sizes
        )

    def _epoch(self, training: Training, epoch: int, per_epoch: int, told: Any) -> None:
        told.on_epoch_begin(epoch)
        for place in range(training.done - epoch * per_epoch, per_epoch):
            if training.done == self.plan.steps:
                break
            told.on_train_batch_begin(place)
            training.step()
            told.on_train_batch_end(place, {})
        training.flush()
        told.on_epoch_end(epoch, {"epsilon": round(training.spent(), 3)})
        if getattr(self.model, "stop_training", False):
            raise PrivacyError(
                "a callback stopped the training; all planned steps must run, since when to stop would tell of the "
                "data. Plan fewer epochs"
            )


def _affordable(asked: DPCap, epsilon: float) -> DPCap:
    """The cap that is asked for, unless it would cost all; better said before the data is looked at."""
    if asked.epsilon >= epsilon:
        raise PrivacyError(
            f"choosing the cap costs epsilon {asked.epsilon:g}, all of the {epsilon:g} there is; choose it for less"
        )
    return asked


def _per_example(loss: Any) -> Any:
    """Keras's loss of a name, an object or a function, as one number an example."""
    found = keras.losses.get(loss)
    call = found.call if isinstance(found, keras.losses.Loss) else found
    of_keras = isinstance(loss, str | keras.losses.Loss)  # these take the mean over the last axis

    def each(labels: Any, outputs: Any) -> Any:
        outputs = keras.ops.cast(outputs, "float32")
        if of_keras and len(outputs.shape) == 1:
            labels, outputs = labels[:, None], outputs[:, None]
        return call(labels, outputs)

    return each
