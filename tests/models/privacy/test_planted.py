"""Planted bugs of private training: each small change to correct code fails the test that is there for it.

`make prove` applies them one at a time to a copy of the code and prints a table: bug, test that caught it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted import Bug, check

HERE = "tests/models/privacy"
SUMS = f"{HERE}/clipping/test_sums.py::test_sums_equal_those_of_each_alone"
LOG = f"{HERE}/test_trainer.py::test_the_log_is_the_plans_and_can_be_claimed"
APPLIED = f"{HERE}/test_trainer.py::test_noise_of_the_applied_update"
BOOKKEEPING, TRAINER = "models/privacy/clipping/bookkeeping.py", "models/privacy/trainer.py"
GROUPS = "models/privacy/clipping/groups.py"
FACTORS = "tf.where(finite, share / tf.maximum(norm, share), 0.0)"
CLAIMS = f"{HERE}/test_clipping_claims.py"
FOLLOWED = f"{HERE}/test_adaptive_training.py"
ADAPTIVE = f"{HERE}/clipping/test_adaptive.py"
DRAW = "noise = tf.constant(self._noise.flat(self._shapes, stddev=stddev))"


BUGS = {
    "clipped after averaging": Bug(
        file=GROUPS,
        old=FACTORS,
        new="tf.fill(tf.shape(norm), share / tf.maximum(tf.reduce_mean(norm), share))",
        caught_by=f"{SUMS}[dense-4]",
    ),
    "clipped per variable with C each": Bug(
        file=GROUPS,
        old="tf.sqrt(tf.add_n(parts))",
        new="tf.sqrt(tf.reduce_max(parts, axis=0))",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "last variable not in the norm": Bug(
        file=BOOKKEEPING,
        old="if use[0] else None for use in uses]",
        new="if use[0] else None for use in uses[:-1]] + [None]",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "clipping norm ignored": Bug(
        file=GROUPS,
        old=FACTORS,
        new="tf.where(finite, 1.0 / tf.maximum(norm, 1.0), 0.0)",
        caught_by=f"{SUMS}[dense-1]",
    ),
    "two customers clipped as one": Bug(
        file="models/privacy/gradients.py",
        old="examples=self._examples,",
        new="examples=2 * self._examples,",
        caught_by=f"{HERE}/test_gradients.py::test_equals_numpy[0.5]",
    ),
    "every example clipped by itself": Bug(
        file="models/privacy/gradients.py",
        old="examples=self._examples,",
        new="examples=1,",
        caught_by=f"{HERE}/test_gradients.py::test_equals_numpy[0.05]",
    ),
    "rows of one id squared before they add up": Bug(
        file="models/privacy/clipping/records.py",
        old="same = tf.cast(ids[:, :, None] == ids[:, None, :], products.dtype)",
        new="same = tf.eye(tf.shape(ids)[1], dtype=products.dtype)[None]",
        caught_by=f"{SUMS}[lookup-4]",
    ),
    "use of a tied table as output forgotten": Bug(
        file="models/privacy/clipping/records.py",
        old="total.append(2.0 * _of_tied(inputs, rows, ids, found))",
        new="",
        caught_by=f"{SUMS}[tied-1]",
    ),
    "noise in one step of ten": Bug(
        file=TRAINER,
        old=DRAW,
        new=DRAW.replace("=stddev", "=stddev * (self.done % 10 == 0)"),
        caught_by=LOG,
    ),
    "noise without C": Bug(
        file=TRAINER,
        old=DRAW,
        new=DRAW.replace("=stddev", "=self._plan.noise_multiplier"),
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "noise for the sum divided twice": Bug(
        file="models/privacy/query.py",
        old="tf.cast(total, tf.float32) + part",
        new="tf.cast(total, tf.float32) + part / 16",
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "noise drawn and not added": Bug(
        file="models/privacy/query.py",
        old="tf.cast(total, tf.float32) + part",
        new="tf.cast(total, tf.float32) + 0 * part",
        caught_by=f"{APPLIED}[0.2-16]",
    ),
    "the same noise in every step": Bug(
        file=TRAINER,
        old=DRAW,
        new=f"{DRAW}\n        noise = self.__dict__.setdefault('first', noise)",
        caught_by=f"{HERE}/test_trainer.py::test_every_step_draws_fresh_noise",
    ),
    "fixed key of the keystream": Bug(
        file="models/privacy/entropy.py",
        old="counter_mode(key=os.urandom(32)",
        new="counter_mode(key=bytes(32)",
        caught_by=f"{HERE}/test_trainer.py::test_two_trainings_do_not_share_noise",
    ),
    "Philox under the keystream's name": Bug(
        file="models/privacy/entropy.py",
        old="return KeyStream() if name == KEYSTREAM else Philox()",
        new="return Philox()",
        caught_by=f"{HERE}/test_noise.py::test_a_plan_gets_the_source_that_it_names",
    ),
    "sampled at a lower rate than planned": Bug(
        file=TRAINER,
        old="PoissonSampler(plan.sampling_rate, entropy)",
        new="PoissonSampler(plan.sampling_rate * 0.8, entropy)",
        caught_by=LOG,
    ),
    "batches of a fixed size": Bug(
        file="models/privacy/sampler.py",
        old="return places[1 : np.searchsorted(places, customers)]",
        new="return np.sort(np.argsort(self._entropy.uniform(customers))[: round(customers * self.rate)])",
        caught_by=f"{HERE}/test_sampler.py::test_batch_sizes_vary_as_under_poisson_sampling",
    ),
    "empty batches without noise": Bug(
        file=TRAINER,
        old="        if sampled <= CHUNK or",
        new="        if not sampled:\n            return self._note(0, 0.0, [], [])\n        if sampled <= CHUNK or",
        caught_by=f"{HERE}/test_trainer.py::test_empty_batches_get_noise_and_count",
    ),
    "divided by the real batch": Bug(
        file=TRAINER,
        old=DRAW,
        new=f"self._divisor = float(max(len(chosen), 1))\n        {DRAW}",
        caught_by=LOG,
    ),
    "rows protected, customers claimed": Bug(
        file="models/privacy/examples.py",
        old="np.arange(rows) if customer is None else",
        new="np.arange(rows) if True else",
        caught_by=f"{HERE}/test_private.py::test_rows_by_customer",
    ),
    "a customer that is not finite spoils the sum": Bug(
        file=BOOKKEEPING,
        old="tf.cond(tf.reduce_all(finite), lambda: sums(None), lambda: sums(finite))",
        new="sums(None)",
        caught_by=f"{HERE}/test_gradients.py::test_a_broken_customer_counts_zero",
    ),
    "batch normalisation let through": Bug(
        file="models/privacy/layers.py",
        old="    if isinstance(layer, _STATISTICS) or (kept and not recordable(layer)):",
        new="    if kept and False:",
        caught_by=f"{HERE}/test_layers.py::test_statistics_over_batches_are_refused_by_name",
    ),
    "in-batch negatives let through": Bug(
        file="models/privacy/gradients.py",
        old="    probe.check_loss()\n",
        new="",
        caught_by=f"{HERE}/test_probe.py::test_in_batch_negatives_are_refused",
    ),
    "lazy noise never flushed": Bug(
        file=TRAINER,
        old="        for table in self._tables:\n            table.flush()\n",
        new="",
        caught_by=f"{HERE}/test_tables.py::test_rows_never_read_have_the_noise_of_all_steps",
    ),
    "noise of rows drawn ahead lost when somebody looks": Bug(
        file=TRAINER,
        old="        self._catch_up(ready.missed)\n        nothing",
        new="        nothing",
        caught_by=f"{HERE}/test_tables.py::test_whoever_looks_in_between_sees_the_noise_of_all_steps_so_far[flush]",
    ),
    "noise on every device": Bug(
        file="models/privacy/replicas.py",
        old="noise * tf.cast(tf.equal(self._number(), 0), noise.dtype)",
        new="noise",
        caught_by=f"{HERE}/test_replicas.py::test_noise_on_two_devices_is_in_the_update_once",
    ),
    "two processes go on with the same noise": Bug(
        file="models/privacy/ahead.py",
        old="if os.getpid() != self._pid:",
        new="if False:",
        caught_by=f"{HERE}/test_ahead.py::test_a_forked_process_gets_nothing",
    ),
    "layers clipped to C each, noise for C in all": Bug(
        file=GROUPS,
        old="share = clip / math.sqrt(1 + max(groups))",
        new="share = clip",
        caught_by=f"{HERE}/clipping/test_groups.py::test_one_customer_moves_the_sum_by_c_in_all_layers_together",
    ),
    "count of clipped customers without noise": Bug(
        file="models/privacy/clipping/adaptive.py",
        old="stddev=below_estimate_stddev",
        new="stddev=0.0",
        caught_by=f"{ADAPTIVE}::test_the_count_is_noised",
    ),
    "a customer moves the count by 1, noise for 1/2": Bug(
        file="models/privacy/gradients.py",
        old="tf.where(norms <= clip, 0.5, -0.5)",
        new="tf.where(norms <= clip, 1.0, 0.0)",
        caught_by=f"{ADAPTIVE}::test_a_customer_moves_the_count_by_one_half_and_the_sum_by_the_norm",
    ),
    "noise of the sum not raised for the count": Bug(
        file="models/privacy/plan.py",
        old="return self.adaptive.sum_noise_multiplier(self.noise_multiplier)",
        new="return self.noise_multiplier",
        caught_by=f"{ADAPTIVE}::test_the_plan_raises_the_noise_of_the_sum",
    ),
    "accounting forgets the count": Bug(
        file="models/privacy/clipping/rule.py",
        old="math.hypot(norm / sum_stddev, 0.5 / count_stddev) ** -1",
        new="sum_stddev / norm",
        caught_by=f"{ADAPTIVE}::test_sum_and_count_together_have_the_planned_noise",
    ),
    "gradients clipped to the first norm, noise for the last": Bug(
        file=TRAINER,
        old="self._gradients.counted_chunk_sum(places, *norm)",
        new="self._gradients.counted_chunk_sum(places)",
        caught_by=f"{FOLLOWED}::test_each_step_clips_to_its_own_norm",
    ),
    "noise for the first norm, gradients clipped to the last": Bug(
        file=TRAINER,
        old="stddev = self._plan.sum_noise_multiplier * self._following.value",
        new="stddev = self._plan.noise_stddev",
        caught_by=f"{FOLLOWED}::test_each_step_is_noised_for_its_own_norm",
    ),
    "tables owe the noise of the first norm": Bug(
        file=TRAINER,
        old="table.stddev = stddev / self._divisor",
        new="pass",
        caught_by=f"{FOLLOWED}::test_lazy_tables_owe_the_noise_of_every_norm",
    ),
    "a log with a count without noise accepted": Bug(
        file="models/privacy/runlog.py",
        old="log, lambda step: _count_is_noised(plan, step)",
        new="log, lambda step: True",
        caught_by=f"{CLAIMS}::test_an_adaptive_step_that_differs_gets_no_claim",
    ),
    "clipping norm of a step taken on trust": Bug(
        file="models/privacy/runlog.py",
        old="return [plan.clipping_norm, *followed][: len(log.steps)]",
        new="return [step.clipping_norm for step in log.steps]",
        caught_by=f"{CLAIMS}::test_an_adaptive_step_that_differs_gets_no_claim",
    ),
    "cap chosen without noise": Bug(
        file="models/privacy/cap.py",
        old="chosen = _drawn(weights(np.asarray(counts_per_customer, dtype=np.int64), asked), entropy)",
        new="chosen = int(np.argmax(np.float64(weights(np.asarray(counts_per_customer), asked))))",
        caught_by=f"{HERE}/test_cap.py::test_draws_follow_the_chances",
    ),
    "cap with the noise of half its sensitivity": Bug(
        file="models/privacy/cap.py",
        old="rate = asked.epsilon * (1 - _ROUNDING) / 2",
        new="rate = asked.epsilon * (1 - _ROUNDING)",
        caught_by=f"{HERE}/test_cap.py::test_no_neighbour_changes_a_chance_by_more_than_e_to_the_epsilon",
    ),
    "sensitivity of the cap's ranks taken too low": Bug(
        file="models/privacy/cap.py",
        old="max(q, 1 - q)\n",
        new="min(q, 1 - q)\n",
        caught_by=f"{HERE}/test_cap.py::test_no_neighbour_changes_a_chance_by_more_than_e_to_the_epsilon",
    ),
    "claim forgets what the cap cost": Bug(
        file="models/privacy/accounting.py",
        old="    pure = 0.0 if log.cap is None else log.cap.epsilon\n",
        new="    pure = 0.0\n",
        caught_by=f"{CLAIMS}::test_a_run_of_the_plan_is_claimed_within_its_target",
    ),
    "a log with another sampling rate accepted": Bug(
        file="models/privacy/runlog.py",
        old="log.sampling_rate == plan.sampling_rate",
        new="True",
        caught_by=f"{HERE}/test_runlog.py::test_every_difference_is_named",
    ),
}


@pytest.mark.prove
def test_every_planted_bug_is_caught_by_its_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, BUGS, capsys, by_assertion=False)
