"""The ledger: what trainings have spent of a privacy budget, durable and never decreasing.

Spend before use: a reservation counts as spent from the moment it is made, whatever becomes of the run,
so a crash can waste budget but never win it back. Spends add up by basic composition (Dwork & Roth 2014,
theorem 3.16): epsilons and deltas are summed, in exact decimal arithmetic as they were written.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from infra.storage import make_private_file
from models.values.base import Value
from models.values.errors import PrivetError

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:=-]{0,127}")
_BUSY_SECONDS = 60
_SCHEMA = """
CREATE TABLE entry (
    id TEXT PRIMARY KEY CHECK (length(id) = 32),
    account TEXT NOT NULL CHECK (length(account) > 0),
    epsilon REAL NOT NULL CHECK (epsilon > 0 AND epsilon < 1e9),
    delta REAL NOT NULL CHECK (delta >= 0 AND delta < 1),
    cap_epsilon REAL NOT NULL CHECK (cap_epsilon >= epsilon AND cap_epsilon < 1e9),
    cap_delta REAL NOT NULL CHECK (cap_delta >= delta AND cap_delta < 1),
    what TEXT NOT NULL CHECK (length(what) > 0),
    reserved_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'committed'))
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_account ON entry (account);
CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger never forgets'); END;
CREATE TRIGGER entry_starts_reserved BEFORE INSERT ON entry
WHEN NEW.state <> 'reserved' OR EXISTS (SELECT 1 FROM entry WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the ledger only adds reservations'); END;
CREATE TRIGGER entry_only_commits BEFORE UPDATE ON entry
WHEN NEW.state <> 'committed'
  OR OLD.id IS NOT NEW.id OR OLD.account IS NOT NEW.account OR OLD.what IS NOT NEW.what
  OR OLD.epsilon IS NOT NEW.epsilon OR OLD.delta IS NOT NEW.delta
  OR OLD.cap_epsilon IS NOT NEW.cap_epsilon OR OLD.cap_delta IS NOT NEW.cap_delta
  OR OLD.reserved_at IS NOT NEW.reserved_at
BEGIN SELECT RAISE(ABORT, 'the ledger only turns reserved into committed'); END;
PRAGMA user_version = 1;
"""


class LedgerError(PrivetError, RuntimeError):
    """The ledger cannot be used as asked; no budget may be used without it."""


class InvalidSpend(LedgerError, ValueError):
    """A number or a name of a reservation does not make sense."""


class BudgetExceeded(LedgerError):
    """The reservation would spend more than the cap."""


class Reservation(Value):
    """Budget that has been set aside for one use, and counts as spent."""

    id: str
    account: str
    epsilon: float
    delta: float


class Entry(Reservation):
    """One line of the ledger: a reservation, what it was for, since when, and if its use was finished."""

    what: str
    reserved_at: datetime
    committed: bool


class Spend(Value):
    """All that an account has spent, reserved or committed; `entries` counts the lines."""

    epsilon: float
    delta: float
    entries: int


class Ledger:
    """A ledger in one SQLite file (0600). Many threads and processes may reserve at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def reserve(
        self,
        account: str,
        *,
        epsilon: float,
        delta: float,
        cap_epsilon: float,
        cap_delta: float,
        what: str,
    ) -> Reservation:
        """Set (epsilon, delta) of `account` aside for `what`; it is spent, on the disk, when this returns.

        Repeating the call reserves again: keep the reservation's id.

        Raises:
            InvalidSpend: epsilon not in (0, 1e9), delta not in [0, 1), or a name that is no plain word.
            BudgetExceeded: with it the account would be above the cap.
            LedgerError: the file is broken, locked for too long, or the disk is full.
        """
        _check(account, what, epsilon=epsilon, delta=delta, cap_epsilon=cap_epsilon, cap_delta=cap_delta)
        reservation = Reservation(id=secrets.token_hex(16), account=account, epsilon=epsilon, delta=delta)
        now = datetime.now(UTC).isoformat()
        with self._transaction() as db:
            spent = _spent(db, account)
            _check_cap(account, "epsilon", spent[0], epsilon, cap_epsilon)
            _check_cap(account, "delta", spent[1], delta, cap_delta)
            row = (reservation.id, account, epsilon, delta, cap_epsilon, cap_delta, what, now)
            db.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'reserved')", row)
        return reservation

    def commit(self, reservation_id: str) -> None:
        """Record that the reserved use was finished; again is no error. LedgerError if unknown."""
        with self._transaction() as db:
            state = _state(db, reservation_id)
            if state is None:
                raise LedgerError("the ledger has no such reservation; reserve before training")
            if state == "reserved":
                db.execute("UPDATE entry SET state = 'committed' WHERE id = ?", (reservation_id,))

    def is_committed(self, reservation_id: str) -> bool:
        """True if the reservation exists and its use was finished."""
        with self._transaction() as db:
            return _state(db, reservation_id) == "committed"

    def spent(self, account: str) -> Spend:
        """What `account` has spent in all; zero for an account that nobody used."""
        with self._transaction() as db:
            epsilon, delta, entries = _spent(db, account)
        return Spend(epsilon=float(epsilon), delta=float(delta), entries=entries)

    def entries(self, account: str) -> tuple[Entry, ...]:
        """Every line of `account`, oldest first."""
        query = (
            "SELECT id, account, epsilon, delta, what, reserved_at, state = 'committed' FROM entry "
            "WHERE account = ? ORDER BY reserved_at, id"
        )
        with self._transaction() as db:
            rows = db.execute(query, (account,)).fetchall()
        names = ("id", "account", "epsilon", "delta", "what", "reserved_at", "committed")
        return tuple(Entry.model_validate(dict(zip(names, row, strict=True))) for row in rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        make_private_file(self._path)
        try:
            with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
                # EXTRA also syncs the folder, so that a power cut does not bring an old journal back.
                db.execute("PRAGMA synchronous = EXTRA")
                db.execute("BEGIN IMMEDIATE")
                _ensure_schema(db)
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise LedgerError(
                f"ledger {self._path.name!r} cannot be used ({type(error).__name__}: locked, damaged or disk "
                "full); free the disk or restore the file, and train nothing until then"
            ) from error


def _ensure_schema(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version == 0:
        for statement in _statements(_SCHEMA):
            db.execute(statement)
    elif version != 1:
        raise LedgerError(f"the ledger has layout {version}, 1 is known; use the Privet that wrote it")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would end the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _spent(db: sqlite3.Connection, account: str) -> tuple[Fraction, Fraction, int]:
    rows = db.execute("SELECT epsilon, delta FROM entry WHERE account = ?", (account,)).fetchall()
    return (
        sum((_exact(e) for e, _ in rows), Fraction()),
        sum((_exact(d) for _, d in rows), Fraction()),
        len(rows),
    )


def _state(db: sqlite3.Connection, reservation_id: str) -> str | None:
    row = db.execute("SELECT state FROM entry WHERE id = ?", (reservation_id,)).fetchone()
    return None if row is None else str(row[0])


def _exact(number: float) -> Fraction:
    """The number as it is written: ten times 0.1 is exactly 1."""
    return Fraction(repr(float(number)))


def _check(account: str, what: str, **numbers: float) -> None:
    for label, word in (("account", account), ("what", what)):
        if not _WORD.fullmatch(word):
            raise InvalidSpend(f"{label} of a reservation is no plain word; use A-Z a-z 0-9 _ . / : = -")
    for name, number in numbers.items():
        limit = 1e9 if "epsilon" in name else 1.0
        if isinstance(number, bool) or not 0 <= number < limit:
            raise InvalidSpend(f"{name} is {number}, it must be at least 0 and below {limit:g}; correct it")
    if numbers["epsilon"] == 0:
        raise InvalidSpend("epsilon is 0; what costs nothing is not reserved")


def _check_cap(account: str, name: str, spent: Fraction, asked: float, cap: float) -> None:
    left = max(_exact(cap) - spent, Fraction())
    if _exact(asked) > left:
        raise BudgetExceeded(
            f"budget {account!r} has {name} {float(left):.6g} left, {asked:.6g} asked; "
            "lower the target or wait for new data"
        )
