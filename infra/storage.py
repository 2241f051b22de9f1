"""An object store: named byte strings that are written once, whole, and durably.

A reader sees an object completely or not at all. The local store below is the real twin of a cloud
bucket: same keys, same create-only rule. This file also holds the few helpers for private files.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from models.values.errors import PrivetError

_KEY = re.compile(r"[a-z0-9._/=-]+")
_CHUNK_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})
Keys = list[str]


class StorageError(PrivetError, OSError):
    """The store could not do what was asked. Nothing partial is left behind."""


class AlreadyExists(StorageError, FileExistsError):
    """The key is taken: objects are created once and never changed."""


class NoSuchObject(StorageError, FileNotFoundError):
    """There is no object under this key."""


class BadKey(StorageError, ValueError):
    """The key is not of the allowed form, or leads out of the store."""


class OutcomeUnknown(StorageError, TimeoutError):
    """A store did not answer a creation: the object may be there, may yet appear, or may not. `key` says which.

    Calling again is safe. Whoever cleans up must not destroy what the object, if it appears, needs.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class Fingerprint(NamedTuple):
    """SHA-256 (64 hexadecimal characters) and size in bytes."""

    sha256: str
    bytes: int


class ObjectStore(Protocol):
    """Where objects live. Keys are `[a-z0-9._/=-]+`, no part empty or with a leading dot."""

    def create(self, key: str, data: bytes) -> None:
        """Store `data` under a new key. Raises AlreadyExists, BadKey, StorageError (disk full)."""

    def put_file(self, key: str, local: Path) -> None:
        """Store the content of a local file under a new key, as a stream. Raises as `create`."""

    def read(self, key: str) -> bytes:
        """The whole object. Raises NoSuchObject."""

    def fetch(self, key: str, into: Path) -> Path:
        """The object as a local file `into/key`, to be read only. Raises NoSuchObject."""

    def fingerprint(self, key: str) -> Fingerprint:
        """Hash and size of the stored bytes, read as a stream. Raises NoSuchObject."""

    def delete(self, key: str) -> None:
        """Remove the object; a missing one is no error, so that a cut-off removal can be repeated."""

    def list(self, prefix: str) -> Keys:
        """All keys that begin with `prefix`, in order of their text."""


class LocalStore:
    """An object store in a folder that only its owner may enter (folders 0700, files 0600)."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    def create(self, key: str, data: bytes) -> None:
        """See ObjectStore."""
        self._create(key, [data])

    def put_file(self, key: str, local: Path) -> None:
        """See ObjectStore."""
        self._create(key, _chunks(local))

    def read(self, key: str) -> bytes:
        """See ObjectStore."""
        return b"".join(_chunks(self._path(key)))

    def fetch(self, key: str, into: Path) -> Path:
        """See ObjectStore. A hard link where the file system allows one (nothing is copied)."""
        source, target = self._path(key), into / key
        private_folder(target.parent)
        try:
            os.link(source, target, follow_symlinks=False)
        except FileNotFoundError:
            raise NoSuchObject(f"object {key!r} does not exist; list its prefix to see what does") from None
        except FileExistsError:
            if fingerprint_file(source) != fingerprint_file(target):
                raise AlreadyExists(
                    f"{target.name!r} was fetched before and differs; use an empty folder"
                ) from None
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise _explained(error, target) from error
            write_new(target, _chunks(source))
        return target

    def fingerprint(self, key: str) -> Fingerprint:
        """See ObjectStore."""
        return fingerprint_file(self._path(key))

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        path = self._path(key)
        if path.exists():
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def list(self, prefix: str) -> Keys:
        """See ObjectStore."""
        if prefix:
            check_key(prefix.rstrip("/"))
        start = self._root / prefix.rpartition("/")[0]
        found = (
            (Path(folder) / name).relative_to(self._root).as_posix()
            for folder, folders, names in os.walk(start)
            if not _hide_dotted(folders)
            for name in names
        )
        return sorted(key for key in found if key.startswith(prefix) and is_key(key))

    def _create(self, key: str, chunks: Iterable[bytes]) -> None:
        path = self._path(key)
        if path.exists():
            raise AlreadyExists(f"object {key!r} exists; objects never change, write a new version")
        private_folder(path.parent)
        write_new(path, chunks, partial=self._root / ".partial")

    def _path(self, key: str) -> Path:
        check_key(key)
        path = self._root / key
        if os.path.realpath(path) != str(path):
            raise BadKey(f"key {key!r} leads out of the store through a link; remove the link")
        return path


def write_new(path: Path, chunks: Iterable[bytes], *, partial: Path | None = None) -> None:
    """Create the file `path` (0600) with all of `chunks` or not at all; it outlives a power cut from then on.

    Written to a temporary file in `partial` (same file system; default: beside it), synced, then linked to
    its name, which fails if the name is taken.

    Raises:
        AlreadyExists: the name is taken.
        StorageError: the disk is full or the file cannot be written; nothing is left behind.
    """
    temporary = private_folder(partial or path.parent) / f".{secrets.token_hex(8)}.partial"
    try:
        _write_synced(temporary, chunks)
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        raise AlreadyExists(f"{path.name!r} exists; objects never change, write a new version") from None
    except StorageError:
        raise
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def private_folder(folder: Path) -> Path:
    """`folder`, made with its missing parents so that only the owner may enter (0700 under any umask)."""
    if folder.is_dir():
        return folder
    private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        _sync_folder(folder.parent)
    except FileExistsError:
        if not folder.is_dir():
            raise StorageError(f"{folder.name!r} is a file where a folder is needed; move it away") from None
    except OSError as error:
        raise _explained(error, folder) from error
    return folder


def open_private(path: Path, flags: int) -> int:
    """A descriptor of `path`, created if missing; for its owner only (0600 under any umask), and no link."""
    private_folder(path.parent)
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise _explained(error, path) from error
    return descriptor


def make_private_file(path: Path) -> None:
    """Make `path`, empty and 0600, if it is missing; never open it if it is there.

    For SQLite files (a journal inherits their rights): closing one a second time in a process would drop the
    locks that other threads hold on it (sqlite.org/howtocorrupt.html, 2.2).
    """
    private_folder(path.parent)
    if not path.exists():
        with suppress(AlreadyExists):
            write_new(path, [])


def fingerprint_file(path: Path) -> Fingerprint:
    """Hash and size of a local file. Raises NoSuchObject."""
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(path):
        digest.update(chunk)
        size += len(chunk)
    return Fingerprint(digest.hexdigest(), size)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte: the system may take fewer at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _write_synced(path: Path, chunks: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        for chunk in chunks:
            write_all(descriptor, chunk)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
            raise NoSuchObject(f"{path.name!r} does not exist; list its prefix to see what does") from None
        raise _explained(error, path) from error
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _explained(error: OSError, path: Path) -> StorageError:
    if error.errno in _FULL:
        return StorageError(
            f"writing {path.name!r} needs more space than the disk or its quota has left; "
            "free space or set PRIVET_HOME to a larger disk, then run again (nothing partial was kept)"
        )
    name = errno.errorcode.get(error.errno or 0, "unknown")
    return StorageError(f"{path.name!r} cannot be accessed ({name}); check its folder's owner and rights")


def check_key(key: str) -> None:
    """Raises BadKey if the key is not of the allowed form."""
    if not is_key(key):
        raise BadKey(
            f"key {key[:80]!r} is not allowed; use a-z 0-9 . _ / = -, no leading slash, no empty part, "
            "no part with a leading dot"
        )


def is_key(key: str) -> bool:
    """Whether a key is of the form that ObjectStore allows."""
    return bool(_KEY.fullmatch(key)) and all(part and part[0] != "." for part in key.split("/"))


def _hide_dotted(folders: Keys) -> bool:
    """Make `os.walk` skip folders that no key can name. Always False, so that it fits a filter."""
    folders[:] = [folder for folder in folders if not folder.startswith(".")]
    return False
