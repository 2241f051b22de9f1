"""An object store in an S3 bucket: objects are created once, verified by SHA-256, and really gone when deleted.

What is stored was encrypted before it came here, but for manifests; docs/s3.md says what a bucket must be.
Conditional writes as in the Amazon S3 User Guide, "Conditional requests": 412 means that the key is taken, 409
that the same request may be sent again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from infra.s3_bucket import Bucket, Patience
from infra.s3_check import check
from infra.s3_errors import Asked, Contended, CutOff, Damaged, Unreachable, UploadGone, ask
from infra.s3_upload import Metadata, send_parts, send_whole
from infra.storage import (
    AlreadyExists,
    Fingerprint,
    Keys,
    OutcomeUnknown,
    check_key,
    fingerprint_file,
    is_key,
    private_folder,
    write_new,
)

PART_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 20
_SHA256, _WRITE = "privet-sha256", "privet-write"
T = TypeVar("T")


class S3Store:
    """An `infra.storage.ObjectStore` below `s3://bucket/prefix`; safe to share between threads.

    The bucket is checked before its first use. Files larger than `part_bytes` are sent in parts.
    """

    def __init__(
        self,
        address: str,
        endpoint_url: str | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008  # a frozen tuple
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._unchecked = Bucket(address, endpoint_url, patience)
        self._part_bytes = part_bytes
        self._checked = False
        self._checking = threading.Lock()
        # Key and hash of creations without an answer -> the mark that they were sent with.
        self._unsettled: dict[tuple[str, str], str] = {}

    def create(self, key: str, data: bytes) -> None:
        """See ObjectStore. Raises OutcomeUnknown too; the same call, repeated, then settles it."""
        found = Fingerprint(hashlib.sha256(data).hexdigest(), len(data))
        self._create(key, found, lambda bucket, marks: send_whole(bucket, key, data, marks))

    def put_file(self, key: str, local: Path) -> None:
        """See ObjectStore and `create`."""
        check_key(key)
        found = fingerprint_file(local)
        if found.bytes <= self._part_bytes:
            self._create(key, found, lambda bucket, marks: send_whole(bucket, key, local.read_bytes(), marks))
        else:
            size = self._part_bytes
            self._create(key, found, lambda bucket, marks: send_parts(bucket, key, local, size, marks))

    def read(self, key: str) -> bytes:
        """See ObjectStore."""
        return self._again(lambda: b"".join(self._verified(key)))

    def fetch(self, key: str, into: Path) -> Path:
        """See ObjectStore. A copy (0600), verified; one that was fetched before is not loaded again."""
        check_key(key)
        target = into / key
        private_folder(target.parent)
        if not target.exists():
            with suppress(AlreadyExists):
                self._again(lambda: write_new(target, self._verified(key)))
                return target
        if self.fingerprint(key) != fingerprint_file(target):
            raise AlreadyExists(f"{target.name!r} was fetched before and differs; use an empty folder")
        return target

    def fingerprint(self, key: str) -> Fingerprint:
        """See ObjectStore. The server's own SHA-256 of the whole object, else (sent in parts) read and hashed."""
        check_key(key)
        head = self._bucket().call("head_object", key, ChecksumMode="ENABLED")
        stored = _whole_sha256(head)
        return (
            Fingerprint(stored, head["ContentLength"]) if stored else self._again(lambda: self._hashed(key))
        )

    def delete(self, key: str) -> None:
        """See ObjectStore. All its versions and delete markers go."""
        check_key(key)
        self._bucket().remove(key)

    def list(self, prefix: str) -> Keys:
        """See ObjectStore."""
        if prefix:
            check_key(prefix.rstrip("/"))
        found = self._bucket().pages("list_objects_v2", "Contents", prefix=prefix)
        return sorted(item["Key"] for item in found if is_key(item["Key"]))

    def _bucket(self) -> Bucket:
        """The bucket, checked once."""
        with self._checking:
            if not self._checked:
                check(self._unchecked)
                self._checked = True
        return self._unchecked

    def _create(self, key: str, found: Fingerprint, send: Callable[[Bucket, Metadata], None]) -> None:
        """Send under a mark of this call's own, by which a success is known whose answer was lost."""
        check_key(key)
        bucket = self._bucket()
        mark = self._unsettled.get((key, found.sha256)) or secrets.token_hex(16)
        try:
            try:
                self._patiently(lambda: send(bucket, {_SHA256: found.sha256, _WRITE: mark}))
            except (AlreadyExists, UploadGone):
                if not self._is_marked(key, mark):
                    raise
        except Unreachable as error:
            self._unsettled[key, found.sha256] = mark
            text = f"{error}; whether object {key!r} was stored is unknown, and calling again is safe"
            raise OutcomeUnknown(text, key) from None
        self._unsettled.pop((key, found.sha256), None)

    def _is_marked(self, key: str, mark: str) -> bool:
        """Whether what lies under the key was sent by this very call, or by the one that it repeats."""
        found = self._bucket().call("head_object", key)
        return bool(found.get("Metadata", {}).get(_WRITE) == mark)

    def _patiently(self, act: Callable[[], T]) -> T:
        """Repeat what met a conflict (409): botocore does not, since a part upload must begin anew."""
        for attempt in range(1, self._unchecked.patience.attempts):
            with suppress(Contended):
                return act()
            time.sleep(random.uniform(0.05, 0.1) * 2**attempt)  # noqa: S311  # no secret: to part two writers
        return act()

    def _again(self, act: Callable[[], T]) -> T:
        """Repeat a reading that broke off or was damaged."""
        for _ in range(1, self._unchecked.patience.attempts):
            with suppress(CutOff, Damaged):
                return act()
        return act()

    def _verified(self, key: str) -> Iterator[bytes]:
        """The object's bytes; Damaged after the last one if they differ from what was sent."""
        answer, digest = self._get(key), hashlib.sha256()
        for chunk in self._chunks(answer, key):
            digest.update(chunk)
            yield chunk
        sent = answer.get("Metadata", {}).get(_SHA256)
        if sent is not None and sent != digest.hexdigest():
            raise Damaged(f"object {key!r} differs from what was stored; restore an earlier version of it")

    def _hashed(self, key: str) -> Fingerprint:
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(self._get(key), key):
            digest.update(chunk)
            size += len(chunk)
        return Fingerprint(digest.hexdigest(), size)

    def _get(self, key: str) -> dict[str, Any]:
        check_key(key)
        return self._bucket().call("get_object", key)

    def _chunks(self, answer: dict[str, Any], key: str) -> Iterator[bytes]:
        chunks = answer["Body"].iter_chunks(_CHUNK_BYTES)
        asked = Asked("get_object", self._unchecked.name, key)
        try:
            while chunk := ask(asked, lambda: next(chunks, b"")):
                yield chunk
        except Unreachable as error:
            raise CutOff(str(error)) from None


def _whole_sha256(head: dict[str, Any]) -> str | None:
    """The server's SHA-256 of the whole object in hexadecimal; None if it has none, or one made of parts' ones."""
    if head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    try:
        digest = base64.b64decode(head.get("ChecksumSHA256", ""), validate=True)
    except binascii.Error:
        return None
    return digest.hex() if len(digest) == hashlib.sha256().digest_size else None
