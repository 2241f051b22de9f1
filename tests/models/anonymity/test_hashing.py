"""Pseudonyms of whole columns are those made value by value, whatever was hashed before them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import engine_hashing
from infra.engine import Engine, open_engine
from models.anonymity.hashing import Keyed
from models.anonymity.pseudonyms import HmacKey, pseudonym
from models.values.secret import SecretBytes
from models.values.transform import Pseudonym

ORDER = Pseudonym(domain="order")
VALUES = st.sampled_from(
    [None, "", " ", "a", " a", "a ", "ａ", "A", "é", "e\u0301", "\u200b", "王", "b" * 300]
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(engine: Engine) -> HmacKey:
    return engine.secret(SecretBytes(b"k" * 32), "key")


def rows(values: list[Any], kind: str = "string") -> ibis.Table:
    return ibis.memtable({"n": range(len(values)), "v": values}, schema={"n": "int64", "v": kind})


def asked(key: HmacKey, place: str, references: str | None = None, transform: Pseudonym = ORDER) -> Keyed:
    return Keyed("v", place, references, transform, key)


def pairs(engine: Engine, table: Any) -> list[dict[str, Any]]:
    return engine.rows(table.select("n", "v", "p").order_by("n"))


def made(engine: Engine) -> set[str]:
    return {name for name in engine.ibis.list_tables() if name.startswith("hashed_")}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(VALUES, max_size=9),
    second=st.lists(VALUES, max_size=9),
    how=st.sampled_from(["id", "email"]),
)
def test_equal_to_the_value_by_value(
    engine: Engine, key: HmacKey, first: list[Any], second: list[Any], how: Any
) -> None:
    transform = Pseudonym(domain="order", values=how)
    with engine.hashing() as hashing:
        for values, column in (
            (first, asked(key, "orders.id", None, transform)),
            (second, asked(key, "lines.order", "orders.id", transform)),
        ):
            table = rows(values)
            expected = table.mutate(p=pseudonym(table.v, key, how))
            assert pairs(engine, hashing.beside(table, column, "p")) == pairs(engine, expected)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, False),
        ({"key": "other"}, True),
        ({"transform": Pseudonym(domain="order", values="email")}, True),
        ({"references": "customers.id"}, True),
        ({"references": None}, True),
    ],
)
def test_what_is_referred_to_is_hashed_once(
    engine: Engine, key: HmacKey, change: dict[str, Any], again: bool
) -> None:
    with engine.hashing() as hashing:
        hashing.beside(rows(["a"]), asked(key, "orders.id"), "p")
        before = made(engine)
        if "key" in change:
            change = {"key": engine.secret(SecretBytes(b"o" * 32), "other")}
        column = asked(key, "lines.order", "orders.id")._replace(**change)
        found = pairs(engine, hashing.beside(rows(["a", "b"]), column, "p"))
        spelt = column.transform.spelt_as
        assert found == pairs(engine, rows(["a", "b"]).mutate(p=lambda t: pseudonym(t.v, column.key, spelt)))
        assert (made(engine) != before) == again


def test_batches_beside_each_other(engine: Engine, key: HmacKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_hashing, "BATCH_ROWS", 3000)
    table = rows([None if n % 9 == 0 else f"O{n // 2}" for n in range(40_000)])
    with engine.hashing() as hashing:
        found = hashing.beside(table, asked(key, "orders.id"), "p")
        wrong = ~found.p.identical_to(pseudonym(found.v, key))
        assert engine.row(found.aggregate(rows=found.count(), wrong=wrong.sum())) == {
            "rows": 40_000,
            "wrong": 0,
        }


def test_numbers_that_refer_to_texts(engine: Engine, key: HmacKey) -> None:
    with engine.hashing() as hashing:
        hashing.beside(rows(["1"]), asked(key, "orders.id"), "p")
        found = hashing.beside(rows([1, 2], "int64"), asked(key, "lines.order", "orders.id"), "p")
        expected = pairs(engine, rows([1, 2], "int64").mutate(p=lambda t: pseudonym(t.v, key)))
        assert pairs(engine, found) == expected


def test_work_tables_go_also_after_an_error(engine: Engine, key: HmacKey) -> None:
    before = made(engine)

    def fail_in_the_middle() -> None:
        with engine.hashing() as hashing:
            hashing.beside(rows(["a"]), asked(key, "orders.id"), "p")
            assert made(engine) > before
            raise KeyError

    with pytest.raises(KeyError):
        fail_in_the_middle()
    assert made(engine) == before


def test_a_key_is_hashed_as_any_other_column(engine: Engine, key: HmacKey) -> None:
    """Whose values stand alone they need not be made distinct first; what refers to them finds the same."""
    table, lines = rows(["a", "b", "王"]), rows(["b", "b", "c", None])
    with engine.hashing() as hashing:
        assert hashing is not None
        found = pairs(engine, hashing.beside(table, asked(key, "o.v")._replace(alone=True), "p"))
        referring = pairs(engine, hashing.beside(lines, asked(key, "l.v", "o.v"), "p"))
    by_value = {row["v"]: row["p"] for row in found}
    assert found == pairs(engine, table.mutate(p=pseudonym(table.v, key)))
    assert [row["p"] for row in referring[:2]] == [by_value["b"]] * 2
    assert referring == pairs(engine, lines.mutate(p=pseudonym(lines.v, key)))
