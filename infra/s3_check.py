"""The check of a bucket before its first use: is it there, does it keep versions, does it never overwrite?"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from infra.s3_bucket import Bucket
from infra.s3_errors import NoRights, UnfitBucket, Unreachable
from infra.s3_upload import abort_abandoned, checksum, send_parts, send_whole
from infra.storage import AlreadyExists, StorageError

# No key of the object store has a part with a leading dot: nobody else can mean or list these.
_PROBES = ".probe"
_LEAST_PART_BYTES = 5 << 20
_ABANDONED = timedelta(days=1)


def check(bucket: Bucket) -> None:
    """Probe the bucket with tiny objects, and clean up after them and after uploads that a killed run left.

    Raises:
        UnfitBucket: it does not exist, keeps no versions, or its server overwrites or verifies no checksums.
        NoRights: the credentials do not suffice.
        Unreachable: it does not answer.
    """
    _keeps_versions(bucket)
    key = f"{_PROBES}/{secrets.token_hex(16)}"
    try:
        _refuses_damage(bucket, key)
        _refuses_overwriting(bucket, key)
    except BaseException:
        with suppress(StorageError):
            bucket.remove(key)
        raise
    bucket.remove(key)
    abort_abandoned(bucket, datetime.now(UTC) - _ABANDONED)


def _keeps_versions(bucket: Bucket) -> None:
    status = bucket.call("get_bucket_versioning").get("Status")
    if status != "Enabled":
        raise UnfitBucket(
            f"versioning of bucket {bucket.name!r} is {str(status or 'off').lower()}; published data could be lost by "
            f"one wrong command: aws s3api put-bucket-versioning --bucket {bucket.name} "
            "--versioning-configuration Status=Enabled"
        )


def _refuses_overwriting(bucket: Bucket, key: str) -> None:
    with suppress(AlreadyExists):  # the answer to a first attempt may be lost; nobody else has this key
        send_whole(bucket, key, b"", {})
    with tempfile.NamedTemporaryFile() as other:
        other.write(b"another")
        other.flush()
        _expect_taken(bucket, "PutObject", lambda: send_whole(bucket, key, b"another", {}))
        in_parts = partial(send_parts, bucket, key, Path(other.name), _LEAST_PART_BYTES, {})
        _expect_taken(bucket, "CompleteMultipartUpload", in_parts)


def _expect_taken(bucket: Bucket, operation: str, send: Callable[[], None]) -> None:
    with suppress(AlreadyExists):
        send()
        raise UnfitBucket(
            f"the server of bucket {bucket.name!r} overwrites an object although If-None-Match forbids it "
            f"({operation}); use a server that honours conditional writes"
        )


def _refuses_damage(bucket: Bucket, key: str) -> None:
    try:
        bucket.call("put_object", key, Body=b"x", IfNoneMatch="*", ChecksumSHA256=checksum(b"y"))
    except (NoRights, Unreachable, UnfitBucket):
        raise
    except StorageError:
        return
    raise UnfitBucket(
        f"the server of bucket {bucket.name!r} takes bytes that differ from their SHA-256; use one that verifies "
        "x-amz-checksum-sha256"
    )
