"""The errors of the balance."""

from __future__ import annotations

from models.values.errors import PrivetError


class BalanceError(PrivetError, ValueError):
    """Points, choices or a record of a search that do not fit together."""
