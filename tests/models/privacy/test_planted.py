"""Planted bugs of private training: each small change to correct code fails the test that is there for it.

`make prove` applies them one at a time to a copy of the code and prints a table: bug, test that caught it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HERE = "tests/models/privacy"
SUMS = "clipping/test_sums.py::test_sums_equal_those_of_each_alone"
LOG = "test_trainer.py::test_the_log_is_the_plans_and_can_be_claimed"
APPLIED = "test_trainer.py::test_noise_of_the_applied_update"
BOOKKEEPING, TRAINER = "clipping/bookkeeping.py", "trainer.py"
FACTORS = "tf.where(finite, clip / tf.maximum(norms, clip), 0.0)"
DRAW = "noise = self._noise.arrays(self._shapes, stddev=self._plan.noise_stddev)"


@dataclass(frozen=True, kw_only=True)
class Bug:
    """`old` becomes `new` in a file of models/privacy; `caught_by` is the test that must then fail."""

    file: str
    old: str
    new: str
    caught_by: str


BUGS = {
    "clipped after averaging": Bug(
        file=BOOKKEEPING,
        old=FACTORS,
        new="tf.fill(tf.shape(norms), clip / tf.maximum(tf.reduce_mean(norms), clip))",
        caught_by=f"{SUMS}[dense-4]",
    ),
    "clipped per variable with C each": Bug(
        file=BOOKKEEPING,
        old="tf.sqrt(tf.add_n([",
        new="tf.sqrt(tf.reduce_max(axis=0, input_tensor=[",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "last variable not in the norm": Bug(
        file=BOOKKEEPING,
        old="for group, found in groups if group]",
        new="for group, found in groups[:-1] if group]",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "clipping norm ignored": Bug(
        file=BOOKKEEPING,
        old=FACTORS,
        new="tf.where(finite, 1.0 / tf.maximum(norms, 1.0), 0.0)",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "two customers clipped as one": Bug(
        file="gradients.py",
        old="examples=self._examples, clip",
        new="examples=2 * self._examples, clip",
        caught_by="test_gradients.py::test_equals_numpy[0.5]",
    ),
    "every example clipped by itself": Bug(
        file="gradients.py",
        old="examples=self._examples, clip",
        new="examples=1, clip",
        caught_by="test_gradients.py::test_equals_numpy[0.05]",
    ),
    "rows of one id squared before they add up": Bug(
        file="clipping/records.py",
        old="same = tf.cast(ids[:, :, None] == ids[:, None, :], products.dtype)",
        new="same = tf.eye(tf.shape(ids)[1], dtype=products.dtype)[None]",
        caught_by=f"{SUMS}[lookup-4]",
    ),
    "use of a tied table as output forgotten": Bug(
        file="clipping/records.py",
        old="total.append(2.0 * _of_tied(inputs, rows, ids, found))",
        new="",
        caught_by=f"{SUMS}[tied-1]",
    ),
    "noise in one step of ten": Bug(
        file=TRAINER,
        old=DRAW,
        new="noise = self._noise.arrays(self._shapes, stddev=self._plan.noise_stddev * (self.done % 10 == 0))",
        caught_by=LOG,
    ),
    "noise without C": Bug(
        file=TRAINER,
        old=DRAW,
        new="noise = self._noise.arrays(self._shapes, stddev=self._plan.noise_multiplier)",
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "noise for the sum divided twice": Bug(
        file="query.py",
        old="tf.cast(total, tf.float32) + part",
        new="tf.cast(total, tf.float32) + part / 16",
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "noise drawn and not added": Bug(
        file="query.py",
        old="tf.cast(total, tf.float32) + part",
        new="tf.cast(total, tf.float32) + 0 * part",
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "the same noise in every step": Bug(
        file=TRAINER,
        old=DRAW,
        new=f"{DRAW}\n        noise = self.__dict__.setdefault('first', noise)",
        caught_by="test_trainer.py::test_every_step_draws_fresh_noise",
    ),
    "fixed key of the keystream": Bug(
        file="entropy.py",
        old="counter_mode(key=os.urandom(32)",
        new="counter_mode(key=bytes(32)",
        caught_by="test_trainer.py::test_two_trainings_do_not_share_noise",
    ),
    "Philox under the keystream's name": Bug(
        file="entropy.py",
        old="return KeyStream() if name == KEYSTREAM else Philox()",
        new="return Philox()",
        caught_by="test_noise.py::test_a_plan_gets_the_source_that_it_names",
    ),
    "sampled at a lower rate than planned": Bug(
        file=TRAINER,
        old="PoissonSampler(plan.sampling_rate, entropy)",
        new="PoissonSampler(plan.sampling_rate * 0.8, entropy)",
        caught_by=LOG,
    ),
    "batches of a fixed size": Bug(
        file="sampler.py",
        old="return np.flatnonzero(self._entropy.uniform(customers) < self.rate)",
        new="return np.sort(np.argsort(self._entropy.uniform(customers))[: round(customers * self.rate)])",
        caught_by="test_sampler.py::test_batch_sizes_vary_as_under_poisson_sampling",
    ),
    "empty batches without noise": Bug(
        file=TRAINER,
        old=DRAW,
        new=f"if not len(chosen):\n            return self._note(0, 0.0)\n        {DRAW}",
        caught_by="test_trainer.py::test_empty_batches_get_noise_and_count",
    ),
    "divided by the real batch": Bug(
        file=TRAINER,
        old=DRAW,
        new=f"self._divisor = float(max(len(chosen), 1))\n        {DRAW}",
        caught_by=LOG,
    ),
    "rows protected, customers claimed": Bug(
        file="examples.py",
        old="np.arange(rows) if customer is None else",
        new="np.arange(rows) if True else",
        caught_by="test_private.py::test_rows_by_customer",
    ),
    "a customer that is not finite spoils the sum": Bug(
        file=BOOKKEEPING,
        old="tf.cond(tf.reduce_all(finite), lambda: sums(None), lambda: sums(finite))",
        new="sums(None)",
        caught_by="test_gradients.py::test_a_broken_customer_counts_zero",
    ),
    "batch normalisation let through": Bug(
        file="layers.py",
        old="    if isinstance(layer, _STATISTICS) or (kept and not recordable(layer)):",
        new="    if kept and False:",
        caught_by="test_layers.py::test_statistics_over_batches_are_refused_by_name",
    ),
    "in-batch negatives let through": Bug(
        file="gradients.py",
        old="    probe.check_loss()\n",
        new="",
        caught_by="test_probe.py::test_in_batch_negatives_are_refused",
    ),
    "lazy noise never flushed": Bug(
        file=TRAINER,
        old="        for table in self._tables:\n            table.flush()\n",
        new="",
        caught_by="test_tables.py::test_rows_never_read_have_the_noise_of_all_steps",
    ),
    "a log with another sampling rate accepted": Bug(
        file="runlog.py",
        old="log.sampling_rate == plan.sampling_rate",
        new="True",
        caught_by="test_runlog.py::test_every_difference_is_named",
    ),
}


@pytest.mark.prove
def test_every_planted_bug_is_caught_by_its_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("models", "tests", "tasks", "infra", "expectations", "flows"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _failing(tmp_path, sorted({bug.caught_by for bug in BUGS.values()})) == ""
    missed = []
    for name, bug in BUGS.items():
        path = tmp_path / "models" / "privacy" / bug.file
        correct = path.read_text()
        assert correct.count(bug.old) == 1, f"{name}: the code to change is not there once"
        path.write_text(correct.replace(bug.old, bug.new))
        failed = _failing(tmp_path, [bug.caught_by])
        path.write_text(correct)
        missed += [] if failed else [name]
        with capsys.disabled():
            print(f"| {name} | {bug.caught_by} | {failed or 'MISSED'} |", flush=True)
    assert missed == []


def _failing(folder: Path, tests: list[str]) -> str:
    """The last line of a run of `tests` that failed by assertion or error; empty if all passed."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            *(f"{HERE}/{test}" for test in tests),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout[-2000:] + done.stderr[-1000:]
    return "" if done.returncode == 0 else done.stdout.strip().splitlines()[-1]
