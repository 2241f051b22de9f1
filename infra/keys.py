"""Keys: data keys that lock the files of a data set, and pseudonym keys; none without a decision on record.

Data keys are 32 random bytes, stored wrapped (AES-256-GCM, RFC 5116) by a master keyset in a file that
only its owner can read. What a key is for (data set, product, purpose) is bound into the wrapping as
associated data, so that a row that was changed or swapped in the key file opens nothing. Destroying its
keys destroys a data set in every copy of it (crypto-shredding).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.access import Access, AccessDenied, Principal
from infra.auditlog import AuditLog, loggable
from infra.storage import make_private_file, private_folder, write_new
from models.values.dataset import DatasetRef
from models.values.errors import PrivetError
from models.values.secret import SecretBytes

if TYPE_CHECKING:
    from tink.aead import Aead

KEY_BYTES = 32
_MOST_KEYS = 10_000
_BUSY_SECONDS = 60
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS data_key (id TEXT PRIMARY KEY, ref TEXT NOT NULL, product TEXT NOT NULL, "
    "purpose TEXT NOT NULL, wrapped BLOB NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS root_key (shop TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT",
)


class KeyStoreError(PrivetError, RuntimeError):
    """The keys cannot be used safely."""


class NoSuchKey(KeyStoreError, LookupError):
    """The key was destroyed or never made; what it locks cannot be read."""


class DamagedKey(KeyStoreError):
    """A wrapped key does not open: it, its row or the master keyset was changed."""


class _Row(NamedTuple):
    id: str
    ref: str
    product: str
    purpose: str
    wrapped: bytes

    def bound(self) -> bytes:
        """What the wrapping is bound to."""
        return json.dumps(["privet data key", self.id, self.ref, self.product, self.purpose]).encode()


class _Request(NamedTuple):
    """What is asked of the keys, beside what they were made for as recorded."""

    principal: Principal
    action: str
    resource: DatasetRef | str
    product: str
    kept: str
    purpose: str | None
    kept_for: str | None

    def decide(self, access: Access) -> None:
        if self.product != self.kept:
            raise AccessDenied(f"keys of {self.resource} were made for another product; ask for that product")
        access.authorise(
            self.principal,
            self.action,
            self.resource,
            product=self.kept,
            purpose=self.purpose,
            resource_purpose=self.kept_for,
        )

    def record(self, log: AuditLog, outcome: str, facts: dict[str, str | int]) -> None:
        log.append(
            self.principal.name,
            self.action,
            loggable(str(self.resource)),
            outcome,
            role=self.principal.role,
            product=loggable(self.kept),
            purpose=loggable(self.purpose),
            kept_for=loggable(self.kept_for),
            **facts,
        )


class KeyStore:
    """Keys in the folder `home` (0700): `master.json`, the keyset, and `keys.db`, what it wraps (0600)."""

    def __init__(self, home: Path, access: Access, log: AuditLog) -> None:
        self._home, self._access, self._log = home, access, log

    def create(
        self, principal: Principal, ref: DatasetRef, product: str, purpose: str | None, count: int
    ) -> dict[str, SecretBytes]:
        """Make `count` new data keys for one product and purpose of the data set `ref`, by key id.

        Raises:
            AccessDenied: the principal may not write there.
            KeyStoreError: the keyset is missing, damaged or readable by others.
        """
        if not 1 <= count <= _MOST_KEYS:
            raise KeyStoreError(f"{count} keys asked, 1 to {_MOST_KEYS} are made at a time; ask for fewer")
        self._decide(_Request(principal, "write", ref, product, product, purpose, purpose), keys=count)
        keys = {secrets.token_hex(16): SecretBytes(secrets.token_bytes(KEY_BYTES)) for _ in range(count)}
        with self._database() as db:
            master = self._master(db)
            for key_id, key in keys.items():
                row = _Row(key_id, str(ref), product, purpose or "", b"")
                row = row._replace(wrapped=master.encrypt(key.reveal(), row.bound()))
                db.execute("INSERT INTO data_key VALUES (?, ?, ?, ?, ?)", row)
        return keys

    def open(
        self,
        principal: Principal,
        ref: DatasetRef,
        product: str,
        purpose: str | None,
        key_ids: Iterable[str],
    ) -> dict[str, SecretBytes]:
        """Unwrap data keys of `ref`, all of one product, for `purpose`.

        The decision is about the product and purpose that the keys were made for, as recorded and bound.

        Raises:
            AccessDenied: the principal may not read it for this purpose, or it is another product.
            NoSuchKey: a key was destroyed or belongs to another data set.
            DamagedKey: a key does not open.
        """
        ids = sorted(set(key_ids))
        with self._database() as db:
            rows = _rows(db, ref, ids)
            # Keys that are all gone have no record: then the decision is about what is asked.
            for kept, kept_for in _recorded(rows) or [(product, purpose)]:
                asked = _Request(principal, "read", ref, product, kept, purpose, kept_for)
                self._decide(asked, keys=len(ids), ids=_digest(ids))
            if len(rows) < len(ids):
                raise NoSuchKey(
                    f"{len(ids) - len(rows)} keys of {ref} were destroyed or never made; prepare anew"
                )
            master = self._master(db)
            return {row.id: _unwrap(master, row.wrapped, row.bound()) for row in rows}

    def derive(
        self, principal: Principal, *, shop: str, purpose: str, domain: str, epoch: str | None = None
    ) -> SecretBytes:
        """The pseudonym key (32 bytes) of one shop, purpose, domain and epoch; another one for any other of them.

        HKDF-SHA256 (RFC 5869) from the shop's random root of that epoch. Raises as `open`.
        """
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        resource = f"pseudonym/{shop}/{purpose}/{domain}"
        asked = _Request(principal, "derive", resource, "internal", "internal", purpose, purpose)
        self._decide(asked, **({} if epoch is None else {"epoch": _shown(epoch)}))
        with self._database() as db:
            root = self._root(db, shop, epoch)
        info = json.dumps(["privet pseudonym key 1", shop, purpose, domain]).encode()
        return SecretBytes(HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(root.reveal()))

    def destroy_epoch(self, principal: Principal, *, shop: str, epoch: str | None) -> bool:
        """Destroy the root of one epoch for good: its pseudonyms can be made and found no more. False if it was gone.

        The epoch stays known as destroyed, so that no new root is made under its name. Raises AccessDenied.
        """
        resource = f"pseudonym/{shop}"
        named = {"epoch": _shown(epoch)}
        self._decide(_Request(principal, "destroy", resource, "internal", "internal", None, None), **named)
        with self._database() as db:
            statement = "UPDATE root_key SET wrapped = X'' WHERE shop = ? AND wrapped <> X''"
            gone = db.execute(statement, (_root_name(shop, epoch),)).rowcount > 0
        if gone:
            self._log.append(principal.name, "destroy", loggable(resource), "done", **named)
        return gone

    def destroy(self, principal: Principal, ref: DatasetRef, key_ids: Iterable[str]) -> int:
        """Destroy data keys of `ref` for good, and say how many there were; those already gone are no error.

        Raises AccessDenied, and then destroys none.
        """
        ids = sorted(set(key_ids))
        with self._database() as db:
            rows = _rows(db, ref, ids)
            for kept, kept_for in _recorded(rows):
                asked = _Request(principal, "destroy", ref, kept, kept, kept_for, kept_for)
                self._decide(asked, keys=len(rows), ids=_digest(ids))
            db.executemany("DELETE FROM data_key WHERE id = ?", [(row.id,) for row in rows])
        if rows:
            digest = _digest(ids)
            self._log.append(principal.name, "destroy", str(ref), "done", keys=len(rows), ids=digest)
        return len(rows)

    def decide(
        self,
        principal: Principal,
        action: str,
        resource: DatasetRef | str,
        *,
        product: str,
        purpose: str | None,
    ) -> None:
        """Decide on what needs no key, e.g. measures of a release, and write it down before anything is shown.

        Raises AccessDenied.
        """
        self._decide(_Request(principal, action, resource, product, product, purpose, purpose))

    def _decide(self, asked: _Request, **facts: str | int) -> None:
        """Decide and write the decision down, before anything is done on its strength."""
        try:
            asked.decide(self._access)
        except AccessDenied:
            asked.record(self._log, "denied", facts)
            raise
        asked.record(self._log, "allowed", facts)

    def _root(self, db: sqlite3.Connection, shop: str, epoch: str | None) -> SecretBytes:
        master, name = self._master(db), _root_name(shop, epoch)
        bound = json.dumps(["privet root key", name]).encode()
        row = db.execute("SELECT wrapped FROM root_key WHERE shop = ?", (name,)).fetchone()
        if row is not None and not row[0]:
            raise NoSuchKey(
                f"the pseudonym keys of {_shown(epoch)} were destroyed; name a new epoch under pseudonyms"
            )
        if row is not None:
            return _unwrap(master, row[0], bound)
        root = secrets.token_bytes(KEY_BYTES)
        db.execute("INSERT INTO root_key VALUES (?, ?)", (name, master.encrypt(root, bound)))
        return SecretBytes(root)

    def _master(self, db: sqlite3.Connection) -> Aead:
        import tink
        from tink import aead, secret_key_access

        aead.register()
        path = self._home / "master.json"
        try:
            if not path.exists():
                _make_keyset(path, db)
            handle = tink.json_proto_keyset_format.parse(_read_private(path), secret_key_access.TOKEN)
            return handle.primitive(aead.Aead)
        except tink.TinkError:
            raise DamagedKey("the master keyset is damaged; restore master.json from its backup") from None

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """One transaction on keys.db, alone from its start, so that two processes never make two keysets."""
        _check_private(private_folder(self._home))
        path = self._home / "keys.db"
        make_private_file(path)
        try:
            with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as db:
                db.execute("PRAGMA secure_delete = ON")
                db.execute("PRAGMA synchronous = EXTRA")
                db.execute("BEGIN IMMEDIATE")
                for statement in _SCHEMA:
                    db.execute(statement)
                yield db
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise KeyStoreError(
                f"the key file cannot be used ({type(error).__name__}); free the disk or restore keys.db"
            ) from error


def key_id(key: SecretBytes) -> str:
    """A public name of a derived key, 16 hexadecimal characters, from which nothing of the key follows."""
    return hmac.new(key.reveal(), b"privet key id", hashlib.sha256).hexdigest()[:16]


def _shown(epoch: str | None) -> str:
    """An epoch as the log may hold it: a date by itself could be a telephone number."""
    return loggable("first_epoch" if epoch is None else f"epoch_{epoch}")


def _root_name(shop: str, epoch: str | None) -> str:
    """The shop, and the epoch behind a sign that no shop's name has."""
    return shop if epoch is None else f"{shop}/{epoch}"


def _make_keyset(path: Path, db: sqlite3.Connection) -> None:
    import tink
    from tink import aead, secret_key_access

    for table in ("data_key", "root_key"):
        if db.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
            raise KeyStoreError("the master keyset is missing but keys need it; restore master.json")
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    text = tink.json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    write_new(path, [text.encode()])


def _read_private(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise KeyStoreError("the master keyset cannot be read; it must be a plain file of yours") from error
    with os.fdopen(descriptor, "rb") as file:
        _check_private(descriptor)
        return file.read().decode("utf-8", "replace")


def _check_private(target: Path | int) -> None:
    status = os.stat(target)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise KeyStoreError(
            "the keys can be reached by other users; make their folder 0700, master.json 0600 and yours, "
            "and treat the keys as known to others"
        )


def _unwrap(master: Aead, wrapped: bytes, bound: bytes) -> SecretBytes:
    import tink

    try:
        return SecretBytes(master.decrypt(wrapped, bound))
    except tink.TinkError:
        raise DamagedKey(
            "a key does not open: its row or the master keyset was changed; restore both"
        ) from None


def _rows(db: sqlite3.Connection, ref: DatasetRef, ids: list[str]) -> list[_Row]:
    query = "SELECT id, ref, product, purpose, wrapped FROM data_key WHERE id = ? AND ref = ?"
    found: list[Any] = [db.execute(query, (key_id, str(ref))).fetchone() for key_id in ids]
    return [_Row(*row) for row in found if row is not None]


def _recorded(rows: list[_Row]) -> list[tuple[str, str | None]]:
    """The products and purposes that keys were made for."""
    return [(product, purpose or None) for product, purpose in sorted({row[2:4] for row in rows})]


def _digest(ids: list[str]) -> str:
    """A short name of a set of key ids, so that entries about the same keys can be matched."""
    return hashlib.sha256(",".join(ids).encode()).hexdigest()[:32]
