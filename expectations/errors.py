"""The errors of contracts and gates."""

from __future__ import annotations

from models.values.errors import PrivetError


class ContractError(PrivetError, ValueError):
    """A table cannot be checked, or must not go on, under its contract. Never holds a row's value."""


class GateError(PrivetError, ValueError):
    """The gate was asked for something that the spec does not know."""


class ComplianceError(PrivetError, ValueError):
    """A rule pack that cannot be read, or facts that no rule knows."""
