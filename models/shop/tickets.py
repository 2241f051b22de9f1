"""Tickets: letters of customers to the shop's support, full of their own personal data."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.shop.identities import Identities
from models.shop.orders import Orders
from models.shop.phrases import CHINESE, ENGLISH, INTENTS, Phrases
from models.shop.places import Words
from models.shop.purchases import Integers
from models.shop.text import card_numbers, codes, fill

TICKETS_PER_CUSTOMER = 0.3
_SHARES = (0.22, 0.16, 0.14, 0.1, 0.1, 0.1, 0.1, 0.08)
_VAGUE = 0.04  # letters that do not say what they want; their intent was settled on the phone


def draw_tickets(
    rng: np.random.Generator, who: Identities, orders: Orders, numbers: Integers
) -> dict[str, Any]:
    """Rows customer (from 0), opened_at (seconds since 1970), intent and text, by time.

    `numbers` [orders] are the orders' numbers in the whole shop. Each ticket is about one order and is opened up
    to ten days after it. Four in five Chinese customers write in Chinese. Most texts hold a name, e-mail, phone,
    address or card number.
    """
    count = max(1, round(TICKETS_PER_CUSTOMER * len(who.name)))
    order = rng.integers(len(orders.customer), size=count)
    customer = orders.customer[order]
    fields = {
        "name": who.name[customer],
        "given": who.given[customer],
        "email": who.email[customer],
        "phone": who.phone[customer],
        "address": who.address[customer],
        "city": who.city[customer],
        "order": codes("O", numbers[order], 8).to_numpy(zero_copy_only=False),
        "card": card_numbers(rng, count),
    }
    intent = rng.choice(len(INTENTS), count, p=_SHARES)
    in_chinese = who.chinese[customer] & (rng.random(count) < 0.8)
    english, chinese = (_letters(rng, phrases, intent, fields) for phrases in (ENGLISH, CHINESE))
    rows = {
        "customer": customer,
        "opened_at": orders.at[order] + rng.integers(600, 10 * 86_400, count),
        "intent": np.array(INTENTS, dtype=object)[intent],
        "text": np.where(in_chinese, chinese, english),
    }
    by_time = np.argsort(rows["opened_at"], kind="stable")
    return {name: column[by_time] for name, column in rows.items()}


def _letters(rng: np.random.Generator, phrases: Phrases, intent: Integers, fields: dict[str, Words]) -> Words:
    """Letters [tickets] in one language: opening, matter by intent, a detail with personal data, closing."""
    count = len(intent)
    each = len(phrases.matters[INTENTS[0]])
    matters = tuple(text for name in INTENTS for text in phrases.matters[name])
    which = intent * each + rng.integers(each, size=count)
    matter = fill(
        (*matters, phrases.vague), np.where(rng.random(count) < _VAGUE, len(matters), which), fields
    )
    parts = [
        fill(choices, rng.integers(len(choices), size=count), fields)
        for choices in (phrases.openings, phrases.details, phrases.closings)
    ]
    space = phrases.space
    return parts[0] + space + matter + space + parts[1] + space + parts[2]
