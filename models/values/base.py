"""A value: frozen, keyword-only, checked when it is born."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """Base of every shared value. Unknown fields are refused; a change makes a new value."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def canonical(self) -> str:
        """The value as JSON with a fixed order of fields: the text that `digest` hashes."""
        return self.model_dump_json(exclude_none=True)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal characters."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
