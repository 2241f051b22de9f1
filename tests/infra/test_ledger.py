"""Ledger: never more than the cap, never less than before."""

import math
import multiprocessing
import os
import signal
import sqlite3
import stat
import threading

import pytest

from infra.ledger import BudgetExceeded, InvalidSpend, Ledger, LedgerError

CAP = {"cap_epsilon": 3.0, "cap_delta": 1e-4}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "state/ledger.db")


def spend(ledger, epsilon=1.0, delta=1e-5, account="shop", **more):
    return ledger.reserve(account, epsilon=epsilon, delta=delta, what="train/fraud", **(CAP | more))


def test_a_reservation_is_spent_and_can_be_committed(ledger):
    reservation = spend(ledger)
    assert not ledger.is_committed(reservation.id)
    assert (ledger.spent("shop").epsilon, ledger.spent("shop").delta, ledger.spent("shop").entries) == (
        1,
        1e-5,
        1,
    )
    ledger.commit(reservation.id)
    ledger.commit(reservation.id)
    assert ledger.is_committed(reservation.id)
    assert ledger.spent("shop").epsilon == 1
    assert [(e.what, e.committed) for e in ledger.entries("shop")] == [("train/fraud", True)]
    assert ledger.spent("other").entries == 0
    assert not ledger.is_committed("none")


def test_the_cap_holds_and_the_message_says_the_way_out(ledger):
    spend(ledger, 2.6)
    with pytest.raises(
        BudgetExceeded, match=r"'shop' has epsilon 0\.4 left, 1 asked; lower the target or wait"
    ):
        spend(ledger, 1.0)
    with pytest.raises(BudgetExceeded, match="delta"):
        spend(ledger, 0.1, delta=1e-3)
    spend(ledger, 0.4)
    assert ledger.spent("shop").epsilon == 3
    with pytest.raises(BudgetExceeded):
        spend(ledger, 1e-12)
    spend(ledger, account="other")


@pytest.mark.parametrize(("parts", "cap"), [(10, 1.0), (3, 0.3), (7, 0.7)])
def test_decimals_add_up_exactly(ledger, parts, cap):
    for _ in range(parts):
        spend(ledger, 0.1, delta=0, cap_epsilon=cap)
    assert ledger.spent("shop").epsilon == cap
    with pytest.raises(BudgetExceeded):
        spend(ledger, 1e-300, delta=0, cap_epsilon=cap)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.1, 1e9, True], ids=repr)
@pytest.mark.parametrize("field", ["epsilon", "delta", "cap_epsilon", "cap_delta"])
def test_numbers_that_make_no_sense_are_refused(ledger, field, bad):
    with pytest.raises(InvalidSpend, match=field):
        spend(ledger, **{field: bad})
    assert ledger.spent("shop").entries == 0


@pytest.mark.parametrize(
    ("field", "bad"), [("epsilon", 0.0), ("delta", 1.0), ("account", ""), ("account", "a@b c")]
)
def test_more_nonsense_is_refused(ledger, field, bad):
    with pytest.raises(InvalidSpend):
        spend(ledger, **{field: bad})


def _reserve_all(path, barrier):
    ledger = Ledger(path)
    barrier.wait()
    for _ in range(6):
        try:
            spend(ledger, 0.5)
        except BudgetExceeded:
            return


@pytest.mark.parametrize("kind", ["process", "thread"])
def test_at_once_never_exceeds_the_cap(tmp_path, kind):
    context, path = multiprocessing.get_context("fork"), tmp_path / "ledger.db"
    barrier = context.Barrier(4) if kind == "process" else threading.Barrier(4)
    make = context.Process if kind == "process" else threading.Thread
    runners = [make(target=_reserve_all, args=(path, barrier)) for _ in range(4)]
    [runner.start() for runner in runners]
    [runner.join() for runner in runners]
    assert all(getattr(runner, "exitcode", 0) == 0 for runner in runners)
    spent = Ledger(path).spent("shop")
    assert (spent.epsilon, spent.entries) == (3.0, 6)


def _reserve_and_die(path):
    spend(Ledger(path), 2.0)
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_after_the_reservation_stays_spent(tmp_path):
    path = tmp_path / "ledger.db"
    process = multiprocessing.get_context("fork").Process(target=_reserve_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert Ledger(path).spent("shop").epsilon == 2.0
    with pytest.raises(BudgetExceeded):
        spend(Ledger(path), 2.0)


FORBIDDEN = [
    "DELETE FROM entry",
    "UPDATE entry SET epsilon = 0.001",
    "UPDATE entry SET epsilon = 0.001, state = 'committed'",
    "UPDATE entry SET delta = 0, state = 'committed'",
    "UPDATE entry SET account = 'other', state = 'committed'",
    "UPDATE entry SET what = 'x', state = 'committed'",
    "UPDATE entry SET cap_epsilon = 9, state = 'committed'",
    "UPDATE entry SET reserved_at = '', state = 'committed'",
    "UPDATE entry SET id = hex(randomblob(16)), state = 'committed'",
    "UPDATE entry SET state = 'reserved'",
    "UPDATE entry SET state = 'released'",
    "UPDATE OR REPLACE entry SET epsilon = 0.001",
    "INSERT OR REPLACE INTO entry SELECT id, account, 0.001, 0, 3, 0.1, what, reserved_at, state FROM entry",
    "INSERT INTO entry VALUES (hex(randomblob(16)), 'shop', 1, 0, 3, 0.1, 'x', 'now', 'committed')",
    *(
        f"INSERT INTO entry VALUES (hex(randomblob(16)), 'shop', {spend}, 3, 0.1, 'x', 'now', 'reserved')"
        for spend in ("-1, 0", "0, 0", "9e999, 0", "4, 0", "NULL, 0", "'a', 0", "1, -0.1", "1, 1", "1, NULL")
    ),
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_file_itself_refuses_to_forget(ledger, tmp_path, statement):
    spend(ledger)
    db = sqlite3.connect(tmp_path / "state/ledger.db", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)
    db.close()
    assert (ledger.spent("shop").epsilon, ledger.spent("shop").entries) == (1.0, 1)


def test_a_committed_entry_stays_committed(ledger, tmp_path):
    ledger.commit(spend(ledger).id)
    db = sqlite3.connect(tmp_path / "state/ledger.db", isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE entry SET state = 'reserved'")
    db.close()


def test_unknown_reservations_and_broken_files_fail_closed(ledger, tmp_path):
    with pytest.raises(LedgerError, match="no such reservation"):
        ledger.commit("0" * 32)
    (tmp_path / "broken.db").write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerError, match="train nothing"):
        spend(Ledger(tmp_path / "broken.db"))


def test_only_the_owner_may_read_it(ledger, tmp_path):
    spend(ledger)
    assert stat.S_IMODE((tmp_path / "state/ledger.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
