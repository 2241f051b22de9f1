"""A bucket, and the part of it below a prefix, as seen through boto3: bounded patience, quiet loggers, safe errors."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from infra.s3_errors import Asked, ask

_LOGGERS = ("boto3", "botocore", "urllib3")


class Patience(NamedTuple):
    """How long one request may wait for a connection and for the next byte, and how often it is sent at most."""

    connect_seconds: float = 10
    read_seconds: float = 60
    attempts: int = 5


class Bucket:
    """What lies below `s3://bucket/prefix`. Keys here are Privet's own; the prefix is added and taken off inside."""

    def __init__(self, address: str, endpoint_url: str | None, patience: Patience) -> None:
        self.name, _, prefix = address.removeprefix("s3://").rstrip("/").partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self.patience = patience
        self._endpoint_url = endpoint_url

    @cached_property
    def _client(self) -> Any:
        return ask(Asked("connect", self.name), lambda: make_client(self._endpoint_url, self.patience))

    def call(self, operation: str, key: str | None = None, **arguments: Any) -> dict[str, Any]:
        """One request (and its retries). Raises a `StorageError` of `infra.s3_errors`, or of `infra.storage`."""
        if key is not None:
            arguments["Key"] = self.prefix + key
        act = getattr(self._client, operation)
        answer: dict[str, Any] = ask(
            Asked(operation, self.name, key), lambda: act(Bucket=self.name, **arguments)
        )
        return answer

    def pages(self, operation: str, *found: str, prefix: str = "") -> Iterator[dict[str, Any]]:
        """The items called any of `found` of a paginated listing of all keys that begin with `prefix`.

        Each has its `Key` as Privet calls it. Raises as `call`.
        """
        asked, where = Asked(operation, self.name), {"Bucket": self.name, "Prefix": self.prefix + prefix}
        pages = iter(self._client.get_paginator(operation).paginate(**where))
        while page := ask(asked, lambda: next(pages, None)):
            for item in (item for name in found for item in page.get(name, ())):
                yield {**item, "Key": item["Key"].removeprefix(self.prefix)}

    def remove(self, key: str) -> None:
        """Delete every version and delete marker of a key, the current one last, so that no old one comes to light."""
        found = self.pages("list_object_versions", "Versions", "DeleteMarkers", prefix=key)
        versions = [item for item in found if item["Key"] == key]
        for item in sorted(versions, key=lambda item: bool(item["IsLatest"])):
            self.call("delete_object", key, VersionId=item["VersionId"])


def make_client(endpoint_url: str | None, patience: Patience) -> Any:
    """A boto3 client that asks no metadata service, tells nothing of this machine and logs no request."""
    # The look-up of machine credentials asks 169.254.169.254; botocore reads its switch from the environment only.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    _quiet()
    import boto3
    from botocore.config import Config

    own_server = bool(
        endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    )
    config = Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        user_agent="privet",
        s3={"addressing_style": "path" if own_server else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint_url, config=config)


def _quiet() -> None:
    """At DEBUG these libraries log headers, signatures and keys, whatever the root logger's level: never let them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() <= logging.DEBUG or logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
