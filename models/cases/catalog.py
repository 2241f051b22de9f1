"""The catalog: every use case that Privet can train."""

from __future__ import annotations

from typing import Final

from models.cases.card_fraud import CARD_FRAUD
from models.cases.card_fraud_terminals import CARD_FRAUD_TERMINALS
from models.cases.case import UseCase
from models.cases.fraud import FRAUD
from models.cases.profile_text import PROFILE_TEXT
from models.cases.recommender import RECOMMENDER
from models.cases.support import SUPPORT

CATALOG: Final[dict[str, UseCase]] = {
    "fraud": FRAUD,
    "recommender": RECOMMENDER,
    "support": SUPPORT,
    "profile_text": PROFILE_TEXT,
    "card_fraud": CARD_FRAUD,
    "card_fraud_terminals": CARD_FRAUD_TERMINALS,
}
