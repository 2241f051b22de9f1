"""Tokens: format-preserving encryption FF1 (NIST SP 800-38G revision 1), many texts at a time.

A ten-round Feistel network over the numerals of a text with AES as its round function. Each round encrypts the
blocks of all texts in one call, so that a column costs microseconds a value.
"""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
from numpy.typing import NDArray

from models.anonymity.macs import INNER_PAD
from models.anonymity.pseudonyms import HmacKey
from models.anonymity.spelling import normalise
from models.values.transform import ALPHABETS, Token

if TYPE_CHECKING:
    import ibis.expr.types as ir

KEY_BYTES = 32
_ROUNDS = 10
_BLOCK_BYTES = 16
Numerals = NDArray[np.uint64]


def tokenise(text: ir.StringValue, transform: Token, key: HmacKey) -> ir.StringValue:
    """Each text behind its prefix as a token of the same length; null where the form is another one.

    The key reaches the function as a value of the engine's session, so that none travels with its code.
    """
    alphabet = ALPHABETS[transform.alphabet]
    form = f"^{_escaped(transform.prefix)}[{alphabet}]{{{transform.length},{transform.most}}}$"
    plain = normalise(text, "id")
    fitting = plain.re_search(form).ifelse(plain.substr(len(transform.prefix)), ibis.null("string"))

    @ibis.udf.scalar.pyarrow(name="token", signature=(("string", "binary"), "string"))  # type: ignore[untyped-decorator]
    def encrypted(texts: Any, pads: Any) -> Any:
        return _encrypted(texts, pads, alphabet)

    return transform.prefix + encrypted(fitting, key.inner.cast("binary"))


def ff1(texts: list[str], key: bytes, alphabet: str, tweak: bytes = b"") -> list[str]:
    """FF1.Encrypt of `texts` of one length under an AES key of 16, 24 or 32 bytes.

    Half of a text must be a number below 2^56 (`Token` sees to that), two numerals or more.
    """
    letters = np.frombuffer(alphabet.encode(), np.uint8)
    written = np.frombuffer("".join(texts).encode(), np.uint8).reshape(len(texts), -1)
    # the letters of an alphabet stand in the order of their codes, so that searching finds their places
    numerals = np.searchsorted(letters, written).astype(np.uint64)
    found = _feistel(numerals, key, len(alphabet), tweak)
    tokens, length = letters[found].tobytes().decode(), written.shape[1]
    return [tokens[start : start + length] for start in range(0, len(tokens), length)]


def _encrypted(texts: Any, pads: Any, alphabet: str) -> Any:
    """An Arrow array of tokens, texts taken together by their length; `pads` holds K xor ipad in every row."""
    import pyarrow as pa

    if len(texts) == 0:
        return pa.array([], pa.string())
    key = bytes(byte ^ INNER_PAD for byte in pads[0].as_py()[:KEY_BYTES])
    values: list[str | None] = texts.to_pylist()
    made: list[str | None] = [None] * len(values)
    for length in {len(value) for value in values if value is not None}:
        places = [n for n, value in enumerate(values) if value is not None and len(value) == length]
        tokens = ff1([values[n] or "" for n in places], key, alphabet)
        for place, token in zip(places, tokens, strict=True):
            made[place] = token
    return pa.array(made, pa.string())


def _feistel(numerals: Numerals, key: bytes, radix: int, tweak: bytes) -> Numerals:
    """Algorithm 7 of the standard, its letters: X = A || B, halves of u and v numerals, n in all."""
    n = numerals.shape[1]
    u, v = n // 2, n - n // 2
    b = ceil(ceil(v * log2(radix)) / 8)
    a_number, b_number = _number(numerals[:, :u], radix), _number(numerals[:, u:], radix)
    start = bytes([1, 2, 1, *radix.to_bytes(3), _ROUNDS, u % 256, *n.to_bytes(4), *len(tweak).to_bytes(4)])
    for i in range(_ROUNDS):
        m = u if i % 2 == 0 else v
        before = tweak + bytes((-len(tweak) - b - 1) % _BLOCK_BYTES) + bytes([i])
        y = _residue(_prf(key, start, before, b_number, b)[:, : 4 * ceil(b / 4) + 4], radix**m)
        a_number, b_number = b_number, (a_number + y) % np.uint64(radix**m)
    return np.concatenate([_text(a_number, radix, u), _text(b_number, radix, v)], axis=1)


def _prf(key: bytes, start: bytes, before: bytes, number: Numerals, b: int) -> NDArray[np.uint8]:
    """The last block of AES-CBC-MAC over start || before || number as b bytes, for each number."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # single blocks are what FF1 is made of; the chaining is below, over all texts at once
    aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    tail = number.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - b :]
    head = np.broadcast_to(np.frombuffer(before, np.uint8), (len(number), len(before)))
    message = np.concatenate([head, tail], axis=1)
    chained = np.broadcast_to(np.frombuffer(aes.update(start), np.uint8), (len(number), _BLOCK_BYTES))
    for place in range(0, message.shape[1], _BLOCK_BYTES):
        block = chained ^ message[:, place : place + _BLOCK_BYTES]
        chained = np.frombuffer(aes.update(block.tobytes()), np.uint8).reshape(-1, _BLOCK_BYTES)
    return chained


def _residue(data: NDArray[np.uint8], modulus: int) -> Numerals:
    """Big-endian bytes as a number modulo `modulus` < 2^56, byte by byte, so that nothing overflows."""
    found = np.zeros(len(data), np.uint64)
    for column in data.T:
        found = (found * np.uint64(256) + column) % np.uint64(modulus)
    return found


def _number(numerals: Numerals, radix: int) -> Numerals:
    found = np.zeros(len(numerals), np.uint64)
    for column in numerals.T:
        found = found * np.uint64(radix) + column
    return found


def _text(number: Numerals, radix: int, length: int) -> Numerals:
    columns = []
    for _ in range(length):
        columns.append(number % np.uint64(radix))
        number = number // np.uint64(radix)
    return np.stack(columns[::-1], axis=1)


def _escaped(prefix: str) -> str:
    """The prefix as a pattern (RE2) of itself."""
    return "".join(
        letter if letter.isalnum() else f"[{letter}]" if letter not in "^\\]" else f"\\{letter}"
        for letter in prefix
    )
