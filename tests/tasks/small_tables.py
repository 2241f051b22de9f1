"""Small released tables for every use case, made by lot: enough customers of each part for every attack."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from models.cases.profile_text import CATEGORIES

PARTS: Final = {"train": 120, "test": 60, "holdout": 60}
ORDERS, LETTERS, PAYMENTS, ITEMS = 4, 2, 20, 60
FIRST: Final = pd.Timestamp("2025-01-01")
INTENTS: Final = {
    "delivery_status": ("where is my parcel", "我的包裹在哪里"),
    "refund_status": ("i want my money back", "退款什么时候到账"),
    "account": ("i cannot log in", "我无法登录账户"),
}

Table = Callable[[np.random.Generator], pd.DataFrame]


def _id(number: int) -> str:
    return str(uuid.UUID(int=number * 0x1234567890ABCDEF1234567 % 2**128, version=4))


CUSTOMERS: Final = [_id(number) for number in range(1, sum(PARTS.values()) + 1)]


def customers(rng: np.random.Generator) -> pd.DataFrame:
    """One row each; two and two are a household, which is of one part."""
    count = len(CUSTOMERS)
    return pd.DataFrame(
        {
            "customer_id": CUSTOMERS,
            "household": [f"H{number // 2}" for number in range(count)],
            "part": np.repeat(list(PARTS), list(PARTS.values())),
            "postcode": rng.choice(["123**", "456**", "789**"], count),
            "birth_date": rng.choice(["20-29", "30-39", "40-49"], count),
            "gender": rng.choice(["F", "M"], count),
        }
    )


def _events(rng: np.random.Generator, each: int) -> pd.DataFrame:
    owner = np.repeat(CUSTOMERS, each)
    return pd.DataFrame(
        {
            "customer_id": owner,
            "order_id": [_id(number) for number in range(10_000, 10_000 + len(owner))],
            "at": FIRST + pd.to_timedelta(rng.integers(0, 90 * 24 * 60, len(owner)), unit="min"),
            "amount": np.round(rng.lognormal(3, 0.5, len(owner)), 2),
            "is_fraud": rng.random(len(owner)) < 0.3,
        }
    )


def orders(rng: np.random.Generator) -> pd.DataFrame:
    """ORDERS of each customer."""
    made = _events(rng, ORDERS).rename(columns={"at": "ordered_at"})
    return made.assign(
        payment_method=rng.choice(["card", "invoice", "wallet", "gift_card"], len(made)),
        channel=rng.choice(["web", "app"], len(made)),
        device_id=rng.choice([_id(number) for number in range(50, 60)], len(made)),
        ship_postcode=rng.choice(["123**", "456**"], len(made)),
    )


def lines(rng: np.random.Generator) -> pd.DataFrame:
    """Three products of every order."""
    ordered = _events(rng, ORDERS).order_id.repeat(3)
    item = rng.integers(ITEMS, size=len(ordered))
    return pd.DataFrame(
        {"order_id": ordered.to_numpy(), "product_id": [f"P{n:03}" for n in item], "amount": 1.0 + item}
    )


def products(rng: np.random.Generator) -> pd.DataFrame:
    """ITEMS of the categories that profile text foretells."""
    number = np.arange(ITEMS)
    return pd.DataFrame(
        {
            "product_id": [f"P{n:03}" for n in number],
            "department": [f"D{n % 3}" for n in number],
            "category": [CATEGORIES[n % len(CATEGORIES)] for n in number],
            "price": 1.0 + number,
        }
    )


def tickets(rng: np.random.Generator) -> pd.DataFrame:
    """LETTERS of each customer, in English or Chinese."""
    owner = np.repeat(CUSTOMERS, LETTERS)
    intent, language = rng.choice(list(INTENTS), len(owner)), rng.integers(2, size=len(owner))
    return pd.DataFrame(
        {
            "ticket_id": [_id(number) for number in range(20_000, 20_000 + len(owner))],
            "customer_id": owner,
            "intent": intent,
            "text": [INTENTS[name][said] for name, said in zip(intent, language, strict=True)],
        }
    )


def answers(rng: np.random.Generator) -> pd.DataFrame:
    """One of each intent in each language."""
    entries = [
        (name, *pair) for name, said in INTENTS.items() for pair in zip(("en", "zh"), said, strict=True)
    ]
    made = pd.DataFrame(entries, columns=["intent", "language", "question"])
    return made.assign(entry_id=[f"A{number:03}" for number in range(len(made))], answer=made.question)


def transactions(rng: np.random.Generator) -> pd.DataFrame:
    """PAYMENTS of each customer at few terminals."""
    made = _events(rng, PAYMENTS).rename(columns={"order_id": "transaction_id"})
    return made.assign(terminal_id=[f"T{number}" for number in rng.integers(8, size=len(made))])


def terminals(rng: np.random.Generator) -> pd.DataFrame:
    """All that transactions are at."""
    known = {"known_from": FIRST, "known_until": FIRST + pd.Timedelta(days=90)}
    return pd.DataFrame({"terminal_id": [f"T{number}" for number in range(8)]}).assign(**known)


TABLES: Final[dict[str, Table]] = {
    **dict.fromkeys(
        ("fraud_customers", "rec_customers", "support_customers", "profile_customers", "card_customers"),
        customers,
    ),
    **dict.fromkeys(("fraud_orders", "rec_orders", "profile_orders"), orders),
    **dict.fromkeys(("rec_lines", "profile_lines"), lines),
    "products": products,
    "support_tickets": tickets,
    "support_answers": answers,
    "card_transactions": transactions,
    "card_terminals": terminals,
}


def tables_of(case: Any) -> list[Any]:
    """The tables that a case takes, in its order. A case that takes others is told to whoever adds it."""
    import ibis

    unknown = [name for name in case.tables if name not in TABLES]
    assert not unknown, (
        f"case {case.name!r} reads {unknown}; make small ones in TABLES, so that it is attacked too"
    )
    return [ibis.memtable(TABLES[name](np.random.default_rng(0))) for name in case.tables]
