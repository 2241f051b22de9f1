"""Tickets: letters in two languages that hold their writer's own data."""

from __future__ import annotations

from typing import Any

from models.shop.phrases import CHINESE, ENGLISH, INTENTS

OWN = " OR ".join(f"contains(t.text, c.{column})" for column in ("name", "email", "phone", "address"))


def test_most_letters_hold_their_writers_data(tables: Any) -> None:
    own = f"SELECT avg(coalesce({OWN}, false)::INT) FROM tickets t JOIN customers c USING (customer_id)"
    cards = "SELECT avg(regexp_matches(replace(text, ' ', ''), '[0-9]{16}')::INT) FROM tickets"
    assert tables.execute(own).fetchone()[0] > 0.7
    assert tables.execute(cards).fetchone()[0] > 0.1


def test_letters_are_about_the_writers_own_orders(tables: Any) -> None:
    lost = """SELECT count(*) FROM (
        SELECT customer_id, regexp_extract(text, 'O[0-9]{8}') AS order_id FROM tickets) t
        LEFT JOIN orders o USING (customer_id, order_id) WHERE t.order_id <> '' AND o.amount IS NULL"""
    assert tables.execute(lost).fetchone() == (0,)


def test_intents_languages_and_number(tables: Any) -> None:
    query = (
        "SELECT count(*), count(DISTINCT intent), avg(regexp_matches(text, '请|谢|您好')::INT) FROM tickets"
    )
    count, intents, chinese = tables.execute(query).fetchone()
    assert (count, intents) == (1_200, len(INTENTS))
    assert 0.15 < chinese < 0.35


def test_both_languages_speak_of_every_intent() -> None:
    assert tuple(ENGLISH.matters) == tuple(CHINESE.matters) == INTENTS
