"""The catalog: every use case that Privet can train."""

from __future__ import annotations

from typing import Final

from models.cases.case import UseCase
from models.cases.fraud import FRAUD

CATALOG: Final[dict[str, UseCase]] = {"fraud": FRAUD}
