"""Lazy noise: Gaussian noise on the rows of a large table, added when a row is next read.

DP-SGD adds noise to every row of an embedding table in every step, although a step reads few of them.
With plain SGD the noise of step s enters a row as N(0, d_s^2) in every coordinate, d_s being the learning
rate of that step times the noise on the mean gradient, and nothing looks at the row until it is read or
released. Until then its pending noise is independent of all else, and a sum of independent Gaussians is
one Gaussian: so a single draw of variance d_a^2 + ... + d_b^2 just before the row is read gives every read
and released value the same joint distribution as noise in every step (up to rounding). The mechanism is
DP-SGD's and so is its accounting; the cost follows the rows that are read, not the table.

It holds for SGD without momentum and without decay of the table only: other updates look at every row.
The time that a step takes depends on how many distinct rows were read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from models.privacy.errors import PlanViolation, PrivacyError
from models.privacy.noise import GaussianNoise
from models.privacy.normals import Floats32

_AT_ONCE = 1 << 16
_GROWTH = 1 << 10
_RELATIVE = 1e-9


@dataclass(frozen=True, kw_only=True)
class LazyLog:
    """What a table got: counts for the run log. Public but for `row_steps` while noise is pending.

    `row_steps` counts every row once for every step whose noise was added to it; `variance` is the sum
    over rows of the variance added and `due` the one that `steps` steps owe to every row.
    """

    rows: int
    steps: int
    row_steps: int
    variance: float
    due: float

    @property
    def complete(self) -> bool:
        """Whether every row has the noise of every step, once."""
        settled = math.isclose(self.variance, self.due, rel_tol=_RELATIVE, abs_tol=0.0)
        return settled and self.row_steps == self.rows * self.steps

    def check(self) -> LazyLog:
        """Itself; raises PlanViolation if a row lacks noise, since then no epsilon can be claimed."""
        if not self.complete:
            raise PlanViolation(
                f"a table of {self.rows} rows lacks noise of its {self.steps} steps or has it twice; "
                "flush it before release, evaluation and every checkpoint that leaves the training"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class LazyState:
    """All that a resumed training needs beside the table. Internal: it tells which rows were read when."""

    upto: NDArray[np.int64]
    variances: NDArray[np.float64]
    row_steps: int
    variance: float


class LazyNoise:
    """The pending noise of `table`, a tf.Variable of shape (rows, width).

    In every step: `catch_up` with the rows that the step will read, read and update them, `advance` with
    these rows and the standard deviation of the noise that the step owes to every row. At the end, and
    before anything else looks at the table, `flush`.
    """

    def __init__(self, table: Any, noise: GaussianNoise, *, state: LazyState | None = None) -> None:
        self._table, self._noise = table, noise
        self._rows, self._width = (int(size) for size in table.shape)
        state = state or LazyState(
            upto=np.zeros(self._rows, np.int64), variances=np.zeros(1), row_steps=0, variance=0.0
        )
        if state.upto.shape != (self._rows,) or state.upto.max(initial=0) >= len(state.variances):
            raise PrivacyError("the state is of another table; resume with the one saved beside it")
        self._upto = state.upto.copy()
        self._reached = np.concatenate([state.variances, np.zeros(_GROWTH)])  # [t]: d_1^2 + ... + d_t^2
        self.steps = len(state.variances) - 1
        self._row_steps, self._variance = state.row_steps, state.variance
        self._chosen = np.zeros(self._rows, dtype=np.int64)

    def catch_up(self, rows: NDArray[np.int64]) -> None:
        """Add the pending noise of `rows` (n,), which may repeat, to the table."""
        noise = self.missed(rows)
        self._table.scatter_add(tf.IndexedSlices(noise, tf.constant(rows)))

    def missed(self, rows: NDArray[np.int64]) -> Floats32:
        """The pending noise of `rows` (n,), as (n, width), to be added to them now: it counts as added.

        Rows may repeat: one of equal ones gets the noise, the others zeros, so that the shape is always
        that of `rows` and one `scatter_add` does it.
        """
        places = np.arange(len(rows))
        self._chosen[rows] = places
        taken = np.flatnonzero((self._upto[rows] < self.steps) & (self._chosen[rows] == places))
        noise = np.zeros((len(rows), self._width), dtype=np.float32)
        noise[taken] = self._settle(rows[taken])
        return noise

    def advance(self, stddev: float, *, read: NDArray[np.int64]) -> None:
        """Note a finished step that read the rows `read` and owes N(0, stddev^2) to all of every row.

        For SGD `stddev` is the learning rate times noise multiplier times clipping norm, divided by the
        expected batch. Raises PlanViolation if a row was read without its pending noise: then the step
        saw what no released or noised value may show.
        """
        if not 0 <= stddev < math.inf:
            raise PrivacyError(f"standard deviation {stddev} of an update is none; give a number from 0 on")
        if np.any(self._upto[read] < self.steps):
            raise PlanViolation("a step read rows that lacked noise; catch up with all rows before reading")
        if self.steps + 1 == len(self._reached):
            self._reached = np.concatenate([self._reached, np.zeros(len(self._reached))])
        self._reached[self.steps + 1] = self._reached[self.steps] + float(stddev) ** 2
        self.steps += 1

    def flush(self) -> LazyLog:
        """Add all pending noise of all rows to the table; what is then in the log can be claimed."""
        pending = np.flatnonzero(self._upto < self.steps)
        for start in range(0, len(pending), _AT_ONCE):
            rows = pending[start : start + _AT_ONCE]
            self._table.scatter_add(tf.IndexedSlices(self._settle(rows), tf.constant(rows)))
        return self.log()

    def log(self) -> LazyLog:
        """What has been added so far, counted where it was added."""
        return LazyLog(
            rows=self._rows,
            steps=self.steps,
            row_steps=self._row_steps,
            variance=self._variance,
            due=self._rows * float(self._reached[self.steps]),
        )

    def state(self) -> LazyState:
        """The state to store beside the table as it is now."""
        return LazyState(
            upto=self._upto.copy(),
            variances=self._reached[: self.steps + 1].copy(),
            row_steps=self._row_steps,
            variance=self._variance,
        )

    def _settle(self, rows: NDArray[np.int64]) -> Floats32:
        """The pending noise of distinct `rows`, noted as added."""
        due = self._reached[self.steps] - self._reached[self._upto[rows]]
        self._row_steps += int(np.sum(self.steps - self._upto[rows]))
        self._variance += float(due.sum())
        self._upto[rows] = self.steps
        drawn = self._noise.standard(len(rows) * self._width).reshape(len(rows), self._width)
        drawn *= np.sqrt(due).astype(np.float32)[:, None]
        return drawn
