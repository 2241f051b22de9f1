"""Sealed files: small byte strings (weights, evidence, pages) kept encrypted in a data set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.access import Principal
from infra.manifests import object_key, open_manifest, publish
from infra.site import Site
from infra.storage import StorageError
from models.values.dataset import DatasetRef, FileEntry, Manifest, TableEntry
from models.values.secret import SecretBytes

_NONCE_BYTES = 12
SEALED = "sealed"


def seal(content: bytes, *, key: SecretBytes, ref: DatasetRef, path: str) -> bytes:
    """AES-256-GCM of the content (NIST SP 800-38D), bound to its data set and path: nonce, then ciphertext."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.reveal()).encrypt(nonce, content, f"{ref}/{path}".encode())


def unseal(sealed: bytes, *, key: SecretBytes, ref: DatasetRef, path: str) -> bytes:
    """The content of a sealed file; StorageError if it was changed, moved or sealed with another key."""
    nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key.reveal()).decrypt(nonce, body, f"{ref}/{path}".encode())
    except (InvalidTag, ValueError):
        raise StorageError(
            f"sealed file {ref}/{path} does not open: it was changed, moved or sealed with another key; "
            "restore it from a backup or run the stage again"
        ) from None


def entry(sealed: bytes, *, path: str, table: str, key_id: str) -> FileEntry:
    """The manifest's entry of a sealed file."""
    digest = hashlib.sha256(sealed).hexdigest()
    return FileEntry(path=path, table=table, sha256=digest, bytes=len(sealed), rows=0, key_id=key_id)


def keep(
    site: Site, principal: Principal, ref: DatasetRef, contents: Mapping[str, bytes], *, manifest: Manifest
) -> DatasetRef:
    """Publish an internal data set of sealed files; `manifest` says what it belongs to, its files are filled in."""
    keys = site.keys.create(principal, ref, "internal", None, len(contents))
    files = []
    for (path, content), (key_id, key) in zip(contents.items(), keys.items(), strict=True):
        sealed = seal(content, key=key, ref=ref, path=path)
        site.store.create(object_key(ref, path), sealed)
        files.append(entry(sealed, path=path, table=SEALED, key_id=key_id))
    table = TableEntry(name=SEALED, product="internal", columns={}, rows=0)
    return publish(site.store, manifest.model_copy(update={"tables": (table,), "files": tuple(files)}))


def recall(site: Site, principal: Principal, ref: DatasetRef, path: str) -> bytes:
    """The content of one sealed file; needs an access decision and a log entry first.

    Raises StorageError if the data set has no such file.
    """
    for file in open_manifest(site.store, ref).files:
        if file.path == path:
            key = site.keys.open(principal, ref, "internal", None, [file.key_id])[file.key_id]
            return unseal(site.store.read(object_key(ref, path)), key=key, ref=ref, path=path)
    raise StorageError(f"{ref} keeps no file {path!r}; run the stage that makes it again")
