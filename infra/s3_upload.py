"""Uploads: an object is sent once, with its SHA-256, in one request or in parts, and only if its key is free."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from infra.s3_bucket import Bucket
from infra.storage import StorageError

_MOST_PARTS = 10_000
Metadata = dict[str, str]


def send_whole(bucket: Bucket, key: str, data: bytes, metadata: Metadata) -> None:
    """Send `data` in one request. Raises AlreadyExists (412), Contended (409), Damaged and others."""
    bucket.call(
        "put_object", key, Body=data, IfNoneMatch="*", ChecksumSHA256=checksum(data), Metadata=metadata
    )


def send_parts(bucket: Bucket, key: str, local: Path, part_bytes: int, metadata: Metadata) -> None:
    """Send a local file in parts of `part_bytes` (5 MiB to 5 GiB; larger where the file would have too many).

    Whatever fails, the upload is aborted, so that no parts stay. Raises as `send_whole`, and UploadGone.
    """
    part_bytes = max(part_bytes, -(-local.stat().st_size // _MOST_PARTS))
    begun = bucket.call("create_multipart_upload", key, ChecksumAlgorithm="SHA256", Metadata=metadata)
    upload = begun["UploadId"]
    try:
        parts = []
        for number, data in enumerate(_parts(local, part_bytes), 1):
            stated = {"PartNumber": number, "ChecksumSHA256": checksum(data)}
            sent = bucket.call("upload_part", key, UploadId=upload, Body=data, **stated)
            parts.append({**stated, "ETag": sent["ETag"]})
        bucket.call(
            "complete_multipart_upload",
            key,
            UploadId=upload,
            MultipartUpload={"Parts": parts},
            IfNoneMatch="*",
        )
    except BaseException:
        with suppress(StorageError):
            bucket.call("abort_multipart_upload", key, UploadId=upload)
        raise


def abort_abandoned(bucket: Bucket, before: datetime) -> int:
    """Abort uploads that a killed run began before that time (with zone) and never ended; returns how many."""
    begun = bucket.pages("list_multipart_uploads", "Uploads")
    abandoned = [item for item in begun if item["Initiated"] < before]
    for item in abandoned:
        with suppress(StorageError):
            bucket.call("abort_multipart_upload", item["Key"], UploadId=item["UploadId"])
    return len(abandoned)


def checksum(data: bytes) -> str:
    """SHA-256 as S3 writes it: base64."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _parts(local: Path, part_bytes: int) -> Iterator[bytes]:
    with local.open("rb") as file:
        while data := file.read(part_bytes):
            yield data
