"""Seals: what binds evidence, model and champion to the version that they were registered with."""

from __future__ import annotations

import hmac
import os
import secrets
import tempfile
from functools import cached_property
from pathlib import Path

from infra.tracking import already_there, private_files
from models.values.secret import SecretBytes


class Seals:
    """HMACs under one key: a given one, or 32 random bytes kept beside `artifacts` in `registry.key` (0600).

    Several hosts must share a key.
    """

    def __init__(self, artifacts: Path, given: SecretBytes | None) -> None:
        self._path, self._given = artifacts.resolve().parent / "registry.key", given

    def of(self, kind: str, run_id: str, content: bytes) -> str:
        """HMAC-SHA256 in hexadecimal. Keyed, because a bare digest would let internal numbers be guessed."""
        return hmac.digest(self._key.reveal(), f"{kind}\0{run_id}\0".encode() + content, "sha256").hex()

    def hold(self, kind: str, run_id: str, content: bytes, stored: str) -> bool:
        """Whether `stored` is the seal of this content."""
        return hmac.compare_digest(self.of(kind, run_id, content), stored)

    @cached_property
    def _key(self) -> SecretBytes:
        if self._given is not None:
            return self._given
        with private_files(), tempfile.NamedTemporaryFile(dir=self._path.parent) as fresh:
            fresh.write(secrets.token_bytes(32))
            fresh.flush()
            with already_there():
                os.link(fresh.name, self._path)
        return SecretBytes(self._path.read_bytes())
