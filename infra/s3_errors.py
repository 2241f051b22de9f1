"""The faults of S3 in plain words: what was refused and the way out, never an address with a signature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from infra.storage import AlreadyExists, NoSuchObject, StorageError

T = TypeVar("T")
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion", "NotFound"})
_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)
_DAMAGED = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
)
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})
_REGION = frozenset(
    {"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"}
)


class NoRights(StorageError, PermissionError):
    """The credentials are missing, wrong, or may not do this."""


class Unreachable(StorageError, ConnectionError):
    """S3 did not answer, cut its answer off, or answered that it cannot serve now; after every retry."""


class CutOff(Unreachable):
    """An answer broke off in the middle; botocore retries up to its first byte only."""


class UnfitBucket(StorageError, ValueError):
    """The bucket, or the server behind it, does not keep what Privet relies on."""


class UploadGone(StorageError, LookupError):
    """A multipart upload ended while it was used: completed or aborted by an earlier request or by somebody else."""


class Contended(StorageError, BlockingIOError):
    """Somebody else works on the same key at the same moment (409); the request may be repeated."""


class Damaged(StorageError, ValueError):
    """Bytes did not arrive as they were sent."""


class Asked(NamedTuple):
    """What was asked: operation (as boto3 calls it), bucket and, if any, Privet's key."""

    operation: str
    bucket: str
    key: str | None = None

    @property
    def right(self) -> str:
        """The right that IAM asks for, as far as its name follows the operation's."""
        named = {
            "head_object": "s3:GetObject",
            "create_multipart_upload": "s3:PutObject",
            "upload_part": "s3:PutObject",
            "complete_multipart_upload": "s3:PutObject",
            "delete_object": "s3:DeleteObjectVersion",
            "list_objects_v2": "s3:ListBucket",
            "list_object_versions": "s3:ListBucketVersions",
            "list_multipart_uploads": "s3:ListBucketMultipartUploads",
        }
        words = self.operation.split("_")
        return named.get(self.operation, "s3:" + "".join(word.capitalize() for word in words))

    def __str__(self) -> str:
        return f"{self.key!r} in bucket {self.bucket!r}" if self.key else f"bucket {self.bucket!r}"


def ask(asked: Asked, act: Callable[[], T]) -> T:
    """What `act`, which talks to S3, returns; of its faults only a `StorageError` comes out.

    The causes are dropped, not only hidden: their texts name addresses, headers and key ids.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    failure: StorageError
    try:
        return act()
    except ClientError as error:
        failure = _of_answer(error.response, asked)
    except BotoCoreError as error:
        failure = _of_client(error, asked)
    raise failure


def _of_answer(response: dict[str, Any], asked: Asked) -> StorageError:
    code = str(response.get("Error", {}).get("Code", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "NoSuchBucket":
        return UnfitBucket(f"bucket {asked.bucket!r} does not exist; create it, or correct PRIVET_STORE")
    if code == "NoSuchUpload":
        return UploadGone(f"the upload of {asked} ended while it was used; run again")
    if code in _MISSING:
        return NoSuchObject(f"object {asked} does not exist; list its prefix to see what does")
    if status == 412:
        return AlreadyExists(f"object {asked.key!r} exists; objects never change, write a new version")
    if status == 409:
        return Contended(f"{asked} is used by somebody else at this moment; try again")
    if code in _DAMAGED:
        return Damaged(f"bytes of {asked} were damaged on the way and refused; try again")
    return _of_refusal(code, status, asked)


def _of_refusal(code: str, status: int, asked: Asked) -> StorageError:
    if code in _CREDENTIALS or status == 401:
        return NoRights(
            f"S3 does not accept the credentials ({code}); correct or renew them where boto3 finds them"
        )
    if code == "RequestTimeTooSkewed":
        return NoRights(
            "S3 refuses this machine's clock (RequestTimeTooSkewed); set it right, then try again"
        )
    if status == 403:
        return NoRights(
            f"the credentials have no right {asked.right} on {asked}; allow it as docs/s3.md shows"
        )
    if code in _REGION or status == 301:
        return UnfitBucket(f"bucket {asked.bucket!r} lies in another region; set AWS_DEFAULT_REGION to it")
    if code in _FULL or status == 507:
        return StorageError(
            f"{asked} needs more space than the quota has left; raise it or free space, run again"
        )
    if status >= 500 or status == 429 or code in {"SlowDown", "RequestTimeout"}:
        return Unreachable(f"S3 cannot serve {asked} now ({code or status}); try again later")
    return StorageError(
        f"S3 refused {asked.operation} of {asked} ({code or status}); compare with docs/s3.md"
    )


def _of_client(error: Exception, asked: Asked) -> StorageError:
    from botocore import exceptions as botocore

    kind = type(error).__name__
    if isinstance(error, botocore.SSLError):
        return Unreachable(
            "the certificate of the S3 endpoint is not trusted; set AWS_CA_BUNDLE or correct the endpoint"
        )
    if isinstance(error, botocore.ReadTimeoutError):
        return Unreachable(f"S3 is too slow with {asked} ({kind}); try again later")
    if isinstance(error, botocore.ConnectionError | botocore.HTTPClientError | botocore.IncompleteReadError):
        return Unreachable(
            f"S3 cannot be reached for {asked} ({kind}); check the network, PRIVET_STORE and PRIVET_S3_ENDPOINT_URL"
        )
    if isinstance(error, botocore.ChecksumError | botocore.FlexibleChecksumError):
        return Damaged(f"bytes of {asked} were damaged on the way; try again")
    if (
        "Credential" in kind
        or "Token" in kind
        or "SSO" in kind
        or isinstance(error, botocore.ProfileNotFound)
    ):
        return NoRights(
            f"boto3 finds no usable credentials ({kind}); set AWS_PROFILE, or a key pair of its kind"
        )
    return StorageError(
        f"the S3 client cannot {asked.operation} ({kind}); check region, endpoint and docs/s3.md"
    )
