"""The error family of anonymity."""

from __future__ import annotations

from models.values.errors import PrivetError


class PolicyError(PrivetError, ValueError):
    """A release that the spec does not fully describe; nothing is de-identified by guessing."""
