"""The codes of whole columns equal Python's hmac, and no key is told to a log."""

from __future__ import annotations

import hmac
import subprocess
import sys
import uuid

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anonymity.macs import first_bits, pads
from models.values.secret import SecretBytes

LOGGING = """
import logging
logging.basicConfig(level=1)
import pyarrow as pa
from models.anonymity.macs import first_bits
from models.values.secret import SecretBytes
first_bits(pa.array(["CANARY-TEXT"]), SecretBytes(b"CANARY-KEY-52e1-" * 2))
"""
TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=200), max_size=20)


def expected(key: bytes, text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(bytes=hmac.digest(key, text.encode(), "sha256")[:16])


@settings(max_examples=60, deadline=None)
@given(key=st.binary(min_size=1, max_size=200), texts=TEXTS)
def test_equal_to_pythons_hmac(key: bytes, texts: list[str | None]) -> None:
    found = first_bits(pa.array(texts, pa.string()), SecretBytes(key))
    assert found.to_pylist() == [expected(key, text) for text in texts]


def test_many_batches_keep_their_order() -> None:
    texts = [None if n % 7 == 0 else str(n) for n in range(50_000)]
    found = first_bits(pa.array(texts).slice(5), SecretBytes(b"k" * 32))
    assert found.to_pylist() == [expected(b"k" * 32, text) for text in texts[5:]]


def test_no_key_in_the_log() -> None:
    # in a process of its own: the library asks for the log's level once
    said = subprocess.run([sys.executable, "-c", LOGGING], check=True, capture_output=True, text=True)
    log = (said.stdout + said.stderr).lower()
    assert "sha256(concat(" in log  # it does log its queries
    key = SecretBytes(b"CANARY-KEY-52e1-" * 2)
    for hidden in (b"CANARY-TEXT", key.reveal(), *pads(key).values()):
        forms = (hidden.decode("latin-1"), hidden.hex(), ",".join(map(str, hidden)), str(list(hidden)))
        assert not any(form.lower() in log for form in forms)
