"""The errors of private training."""

from __future__ import annotations

from models.values.errors import PrivetError


class PrivacyError(PrivetError, ValueError):
    """A plan, a model or an accounting that cannot keep its promise. The root of this package's errors."""


class PlanViolation(PrivacyError):
    """What ran is not what was planned, so no epsilon can be claimed for it."""
