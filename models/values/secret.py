"""Secrets: bytes that do not show themselves."""

from __future__ import annotations


class SecretBytes:
    """Bytes that never appear in a repr, a log or a pickle; `reveal` is the one way to them."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = bytes(raw)

    def reveal(self) -> bytes:
        """The secret itself. Keep it in the smallest scope."""
        return self._raw

    def __repr__(self) -> str:
        return "SecretBytes(hidden)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled; hand over its key id instead")
