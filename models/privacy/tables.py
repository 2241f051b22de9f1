"""Tables: large embeddings trained by plain SGD on the rows that a step touches, with lazy noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.lazy import LazyNoise, LazyState
from models.privacy.noise import GaussianNoise
from models.privacy.normals import Floats32
from models.privacy.runlog import TableLog


@dataclass(frozen=True, kw_only=True)
class Table:
    """An embedding's `variable` (rows, width) that `feature` looks up, and the learning rate of its SGD.

    `feature` is the name of the array of row numbers among the examples' features; None if it is the only one.
    Without momentum or decay: those look at every row in every step, and noise could not wait.
    """

    variable: Any
    learning_rate: float
    feature: str | None = None

    @property
    def rows(self) -> tf.Variable:
        """The variable as TensorFlow's own."""
        return self.variable.value if hasattr(self.variable, "value") else self.variable

    def add(self, change: Any, rows: Any) -> Any:
        """Add `change` (n, width) to `rows` (n,), which may repeat."""
        return self.rows.scatter_add(tf.IndexedSlices(change, rows))

    def descend(self, slices: Any, divisor: float = 1.0) -> None:
        """Subtract learning rate times `slices` / `divisor` from the rows that they name."""
        self.add(slices.values * (-self.learning_rate / divisor), slices.indices)

    def read_by(self, features: Any, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of the rows that the customers at `chosen` look up; they may repeat."""
        array = features if self.feature is None else features[self.feature]
        return np.asarray(array[chosen], dtype=np.int64).reshape(-1)


class PendingTable:
    """A table in training: who reads a row first adds the noise that the row still lacks.

    `stddev` is that of the noise on the mean gradient; set anew, it is that of the steps from the next one on.
    """

    def __init__(
        self,
        table: Table,
        features: Any,
        noise: GaussianNoise,
        *,
        stddev: float,
        state: LazyState | None = None,
    ) -> None:
        self.table, self._features, self.stddev, self._owed = table, features, stddev, stddev
        self._lazy = LazyNoise(table.rows, noise, state=state)
        self._read: NDArray[np.int64] | None = None

    def before(self, chosen: NDArray[np.int64]) -> tuple[Floats32, NDArray[np.int64]]:
        """The noise that rows lack which the customers at `chosen` read, (n, width), and the rows (n,).

        For the next step: the one before it, if any, counts as made. The noise counts as added.
        """
        self.made()
        self._owed = self.stddev
        self._read = self.table.read_by(self._features, chosen)
        return self._lazy.missed(self._read), self._read

    def made(self) -> None:
        """Note that the step was made whose rows were asked for last: it owes its noise to all rows."""
        if self._read is not None:
            self._lazy.advance(self._owed * self.table.learning_rate, read=self._read)
        self._read = None

    def flush(self) -> None:
        """Give every row the noise that it lacks."""
        self._lazy.flush()

    def log(self) -> TableLog:
        """What the table got so far."""
        log = self._lazy.log()
        return TableLog(
            rows=log.rows,
            steps=log.steps,
            row_steps=log.row_steps,
            variance=log.variance,
            learning_rate=self.table.learning_rate,
        )

    def state(self) -> LazyState:
        """What a checkpoint needs beside the table."""
        return self._lazy.state()
