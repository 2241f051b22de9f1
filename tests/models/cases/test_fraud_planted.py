"""Planted bugs of fraud detection: each fails, by an assertion, the test that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planted import Bug, check

CODE, HERE = "models/cases", "tests/models/cases"
CARDS, SHOP, NETWORK = f"{HERE}/test_card_fraud.py", f"{HERE}/test_fraud.py", f"{HERE}/test_fraud_network.py"
METRICS, WINDOWS = f"{HERE}/test_fraud_metrics.py", f"{HERE}/test_windows.py"

BUGS = {
    "windows over everybody's events": Bug(
        file=f"{CODE}/windows.py",
        old='group = [table[name] for name in ("customer_id", *same)]',
        new="group = [table[name] for name in same]",
        caught_by=f"{CARDS}::test_other_customers_features_stay_as_they_are",
    ),
    "a label read before it is known": Bug(
        file=f"{CODE}/windows.py",
        old="over(_hours(table, hours, delay, *same))",
        new="over(_hours(table, hours, 1, *same))",
        caught_by=f"{SHOP}::test_a_label_counts_once_it_can_be_known",
    ),
    "an order counts towards its own past": Bug(
        file=f"{CODE}/windows.py",
        old="group_by=[table.customer_id, table.hour], order_by=_order(table), preceding=(None, 1)",
        new="group_by=[table.customer_id, table.hour], order_by=_order(table), preceding=(None, 0)",
        caught_by=f"{WINDOWS}::test_windows_are_those_of_their_definition",
    ),
    "a terminal's frauds read without delay": Bug(
        file=f"{CODE}/card_fraud_terminals.py",
        old="- first - LABEL_DELAY) // PERIOD - 1",
        new="- first) // PERIOD - 1",
        caught_by=f"{CARDS}::test_a_transaction_reads_periods_that_ended_and_whose_labels_are_known",
    ),
    "a terminal's period read before it ended": Bug(
        file=f"{CODE}/card_fraud_terminals.py",
        old="- first - LABEL_DELAY) // PERIOD - 1",
        new="- first - LABEL_DELAY) // PERIOD",
        caught_by=f"{CARDS}::test_a_transaction_reads_periods_that_ended_and_whose_labels_are_known",
    ),
    "entries of a customer without a limit": Bug(
        file=f"{CODE}/card_fraud_terminals.py",
        old="kept.filter(kept.turn < each)",
        new="kept",
        caught_by=f"{CARDS}::test_one_customer_moves_a_statistic_by_at_most_one",
    ),
    "the latest entries of a customer, not the first": Bug(
        file=f"{CODE}/card_fraud_terminals.py",
        old='order_by=["day", "event"]',
        new='order_by=[ibis.desc("day"), "event"]',
        caught_by=f"{CARDS}::test_a_statistic_of_the_past_knows_no_future",
    ),
    "thinning not taken off the log-odds": Bug(
        file=f"{CODE}/fraud_network.py",
        old="math.log(self.weight * self.thinning)",
        new="math.log(self.weight)",
        caught_by=f"{NETWORK}::test_weight_and_thinning_are_taken_off_exactly",
    ),
    "gradients at the end of the way for contributions": Bug(
        file=f"{CODE}/fraud_network.py",
        old="(np.tanh(there) - np.tanh(here)) / np.where(far, there - here, 1.0)",
        new="1 - np.tanh(there) ** 2",
        caught_by=f"{NETWORK}::test_contributions_add_up_to_the_difference_of_log_odds",
    ),
    "a reason that is not true of the customer": Bug(
        file=f"{CODE}/fraud_reasons.py",
        old="weight[~np.stack(true)] = 0.0",
        new="assert true",
        caught_by=f"{NETWORK}::test_reasons_are_what_counts_and_is_true",
    ),
    "a blocked card looked at again": Bug(
        file=f"{CODE}/fraud_metrics.py",
        old="left[customers[(looked > 0) & fraud]] = 0",
        new="assert cards",
        caught_by=f"{METRICS}::test_card_precision_is_that_of_the_handbook",
    ),
    "an exact metric with the scope of a release": Bug(
        file=f"{CODE}/fraud_metrics.py",
        old='scope="internal"',
        new='scope="dp_released"',
        caught_by=f"{METRICS}::test_each_is_internal_with_an_interval",
    ),
}


@pytest.mark.prove
def test_every_planted_bug_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(tmp_path, BUGS, capsys, by_assertion=True)
