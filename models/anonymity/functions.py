"""Functions of the data engine that Ibis does not name itself."""
# The bodies are the engine's; Ibis reads only names and annotations.
# mypy: disable-error-code="untyped-decorator, empty-body"

from __future__ import annotations

import ibis


# Bytes are typed as text here, because Ibis joins texts only, and the engine's || takes bytes in a quarter of the
# time of its concat; it is also null where one side is.
@ibis.udf.scalar.builtin
def sha256(data: str) -> str:
    """SHA-256 of bytes as 64 hexadecimal characters."""


@ibis.udf.scalar.builtin
def unhex(text: str) -> str:
    """The bytes of hexadecimal text."""


@ibis.udf.scalar.builtin
def encode(text: str) -> str:
    """The UTF-8 bytes of text."""


@ibis.udf.scalar.builtin(name="getvariable")
def variable(label: str) -> str:
    """A session variable that holds bytes."""


@ibis.udf.scalar.builtin
def trim(text: str, characters: str) -> str:
    """`text` without any of `characters` at its ends."""


@ibis.udf.scalar.builtin
def nfc_normalize(text: str) -> str:
    """Unicode normal form C."""


@ibis.udf.scalar.builtin
def translate(text: str, odd: str, plain: str) -> str:
    """Each character of `odd` replaced by the one at its place in `plain`, or removed if there is none."""


@ibis.udf.scalar.builtin
def regexp_escape(text: str) -> str:
    """`text` as a pattern that matches itself."""


@ibis.udf.scalar.builtin
def regexp_replace(text: str, pattern: str, by: str, options: str) -> str:
    """Matches of `pattern` replaced, under the engine's options (g: all, i: any letter case)."""


@ibis.udf.scalar.builtin
def regexp_extract_all(text: str, pattern: str) -> list[str]:
    """All matches of `pattern` in their order."""
