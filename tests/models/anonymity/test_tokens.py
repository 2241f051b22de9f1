"""Tokens: the standard's own samples, a permutation, and nothing of another form."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engine import Engine, open_engine
from models.anonymity.tokens import ff1, tokenise
from models.values.secret import SecretBytes
from models.values.transform import ALPHABETS, Token

AES_256 = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94"
KEYS = {128: AES_256[:32], 192: "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F", 256: AES_256}
# NIST, FF1samples.pdf: key, radix, tweak, text, token
SAMPLES = [
    (128, "digits", "", "0123456789", "2433477484"),
    (128, "digits", "39383736353433323130", "0123456789", "6124200773"),
    (128, "lower", "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"),
    (192, "digits", "", "0123456789", "2830668132"),
    (192, "digits", "39383736353433323130", "0123456789", "2496655549"),
    (192, "lower", "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"),
    (256, "digits", "", "0123456789", "6657667009"),
    (256, "digits", "39383736353433323130", "0123456789", "1001623463"),
    (256, "lower", "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("work")
    with open_engine(folder, threads=2) as opened:
        yield opened


@pytest.mark.parametrize(("bits", "alphabet", "tweak", "text", "token"), SAMPLES)
def test_samples_of_the_standard(bits: int, alphabet: str, tweak: str, text: str, token: str) -> None:
    assert ff1([text], bytes.fromhex(KEYS[bits]), ALPHABETS[alphabet], bytes.fromhex(tweak)) == [token]


def test_all_texts_of_six_digits_have_all_tokens_of_six_digits() -> None:
    texts = [f"{number:06d}" for number in range(1_000_000)]
    tokens = ff1(texts, b"k" * 32, ALPHABETS["digits"])
    assert len(set(tokens)) == 1_000_000
    assert (
        sum(text == token for text, token in zip(texts, tokens, strict=True)) < 15
    )  # one fixed point on average


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text("0123456789", min_size=6, max_size=32), min_size=1, max_size=5),
    st.sampled_from([b"a" * 32, b"b" * 32]),
)
def test_one_by_one_as_together(texts: list[str], key: bytes) -> None:
    alone = [ff1([text], key, ALPHABETS["digits"])[0] for text in texts]
    assert [len(token) for token in alone] == [len(text) for text in texts]
    for text, token in zip(texts, alone, strict=True):
        assert ff1([text, "9" * len(text)], key, ALPHABETS["digits"])[0] == token


def test_in_the_engine_only_what_has_the_form(engine: Engine) -> None:
    texts = [
        "C0012345",
        " Ｃ００１２３４５",
        "C12345",
        "0012345",
        "Canaria Quokka",
        "C00123456",
        "C00123456789",
        None,
        "",
    ]
    table = ibis.memtable({"n": range(len(texts)), "t": texts}, schema={"n": "int64", "t": "string"})
    transform = Token(domain="partner", length=7, max_length=8, prefix="C")
    made = table.select(
        "n", h=tokenise(table.t, transform, engine.secret(SecretBytes(b"k" * 32), "tokens"))
    ).order_by("n")
    found = [row["h"] for row in engine.rows(engine.materialise(made, "tokens"))]
    token = "C" + ff1(["0012345"], b"k" * 32, ALPHABETS["digits"])[0]
    longer = "C" + ff1(["00123456"], b"k" * 32, ALPHABETS["digits"])[0]
    assert found == [token, token, None, None, None, longer, None, None, None]


def test_two_keys_in_one_query_do_not_mix(engine: Engine) -> None:
    table = ibis.memtable({"t": [f"{number:09d}" for number in range(50)]})
    by_key = {
        name: tokenise(
            table.t,
            Token(domain="p", length=9),
            engine.secret(SecretBytes(hashlib.sha256(name.encode()).digest()), name),
        )
        for name in ("one", "two")
    }
    rows = engine.rows(table.select(t=table.t, **by_key))
    assert len({row["one"] for row in rows}) == len({row["two"] for row in rows}) == 50
    assert all(row["one"] != row["two"] for row in rows)
    for name in by_key:
        expected = ff1(
            [row["t"] for row in rows], hashlib.sha256(name.encode()).digest(), ALPHABETS["digits"]
        )
        assert [row[name] for row in rows] == expected
