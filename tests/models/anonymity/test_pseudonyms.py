"""Pseudonyms equal Python's hmac and RFC 4231, and differ by key."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.engine import Engine, open_engine
from models.anonymity.pseudonyms import bucket, hmac_sha256, pseudonym, renamed
from models.values.secret import SecretBytes

BLANK = " \t\n\r\v\f\u00a0\u3000\ufeff"
# RFC 4231 test cases 2, 6 and 7, whose data are text: key, data, HMAC-SHA-256
VECTORS = [
    (
        b"Jefe",
        "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (
        b"\xaa" * 131,
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        b"\xaa" * 131,
        "This is a test using a larger than block-size key and a larger than block-size data. The key "
        "needs to be hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


def column(engine: Engine, texts: list[str | None], make: Callable[[Any], Any]) -> list[Any]:
    table = ibis.memtable({"n": range(len(texts)), "t": texts}, schema={"n": "int64", "t": "string"})
    return [row["h"] for row in engine.rows(table.select("n", h=make(table.t)).order_by("n"))]


@pytest.mark.parametrize(("key", "text", "expected"), VECTORS)
def test_known_answers(engine: Engine, key: bytes, text: str, expected: str) -> None:
    secret = engine.secret(SecretBytes(key), "vector")
    assert column(engine, [text], lambda t: hmac_sha256(t, secret)) == [expected]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.binary(min_size=1, max_size=200),
    texts=st.lists(
        st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=8
    ),
)
def test_equals_python(engine: Engine, key: bytes, texts: list[str | None]) -> None:
    secret = engine.secret(SecretBytes(key), "any")
    expected = [None if t is None else hmac.new(key, t.encode(), hashlib.sha256).hexdigest() for t in texts]
    assert column(engine, texts, lambda t: hmac_sha256(t, secret)) == expected


def test_pseudonym_is_the_first_half_of_the_stripped_value(engine: Engine) -> None:
    secret = engine.secret(SecretBytes(b"k" * 32), "half")
    texts = ["Zoe\u0301", " Zoé\u3000", "王小明", "", " \t", None]
    found = column(engine, texts, lambda t: pseudonym(t, secret).cast("string"))
    plain = [unicodedata.normalize("NFC", t.strip(BLANK)) if t else "" for t in texts]
    expected = [
        str(uuid.UUID(hmac.new(b"k" * 32, t.encode(), hashlib.sha256).hexdigest()[:32])) if t else None
        for t in plain
    ]
    assert found == expected
    assert found[0] == found[1]


def test_one_person_has_other_pseudonyms_in_another_shop(engine: Engine) -> None:
    """THREATS.md, planted bug 39."""
    keys = [engine.secret(SecretBytes(bytes([n]) * 32), f"shop_{n}") for n in range(3)]
    found = [column(engine, ["13812345678"], partial(hmac_sha256, key=key))[0] for key in keys]
    assert len(set(found)) == 3


def test_a_table_of_all_numbers_hashed_finds_no_phone(engine: Engine) -> None:
    """THREATS.md, planted bug 40: a rainbow table over the range of the numbers, in every usual spelling and hash."""
    numbers = [f"1381234{number:04d}" for number in range(10_000)]
    key = engine.secret(SecretBytes(b"k" * 32), "rainbow")
    released = column(engine, numbers, lambda t: pseudonym(t, key, "phone", "CN").cast("string"))
    known = {value.replace("-", "") for value in released}
    assert len(known) == 10_000
    assert not known & {guess for number in numbers for guess in _guesses(number)}


def _guesses(number: str) -> Iterator[str]:
    for spelling in (number, f"86{number}", f"+86{number}", f"0086{number}"):
        for name in ("md5", "sha1", "sha256"):
            digest = hashlib.new(name, spelling.encode()).hexdigest()
            yield from (digest[:32], digest[-32:])


def test_an_old_pseudonym_leads_to_the_new_one_by_the_raw_value_only(engine: Engine) -> None:
    old, new = (engine.secret(SecretBytes(bytes([n]) * 32), f"epoch_{n}") for n in (1, 2))
    texts = ["C1", "C2", "C1", None]
    table = ibis.memtable({"v": texts}, schema={"v": "string"})
    rows = engine.rows(renamed(table.v, old, new).cast({"old": "string", "new": "string"}))
    alone = {
        text: tuple(
            column(engine, [text], lambda t, k=key: pseudonym(t, k).cast("string"))[0] for key in (old, new)
        )
        for text in ("C1", "C2")
    }
    assert sorted((row["old"], row["new"]) for row in rows) == sorted(alone.values())
    assert len({value for pair in alone.values() for value in pair}) == 4


def test_buckets_are_even_and_stable(engine: Engine) -> None:
    secret = engine.secret(SecretBytes(b"b" * 32), "buckets")
    texts: list[str | None] = [f"C{n}" for n in range(6400)]
    found = column(engine, texts, lambda t: bucket(t, secret))
    assert set(found) == set(range(64))
    assert max(found.count(n) for n in range(64)) < 160
    assert column(engine, [None], lambda t: bucket(t, secret)) == [0]
    digest = hmac.new(b"b" * 32, b"C7", hashlib.sha256).hexdigest()
    assert found[7] == int(digest[56:], 16) % 64
