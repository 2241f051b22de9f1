"""The content of a table as one digest: whatever engine wrote it, in whatever order and files.

A row is the text of its values in the order of the columns, each as `length:text` and a missing one as `-`;
numbers as Python's `repr` has them, days as ISO 8601, moments with six digits of the second, UUIDs in lower case.
Its SHA-256 is read as eight numbers of 32 bits, and these are summed over all rows, each place by itself. The digest
is the SHA-256 of names, types, the number of rows and the sums. It tells whether two tables are equal; it proves
nothing against somebody who makes tables up to meet a digest, for which the files have digests of their own.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from infra.engine import Engine

_WORDS, _DIGITS = 8, 8


def content_digest(engine: Engine, table: ir.Table) -> str:
    """The digest of all rows of `table`, as 64 hexadecimal characters; one pass of the engine."""
    found = engine.row(_sums(table))
    columns = [[name, str(kind.copy(nullable=True))] for name, kind in table.schema().items()]
    said = [columns, int(found["rows"]), [int(found[f"word_{place}"] or 0) for place in range(_WORDS)]]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def _sums(table: ir.Table) -> ir.Table:
    from models.anonymity.functions import encode, sha256
    from models.anonymity.pseudonyms import bits

    written = ibis.literal("")
    for name in table.columns:
        text = _text(table[name])
        written += text.isnull().ifelse("-", text.length().cast("string") + ":" + text)
    tags = table.select(tag=sha256(encode(written)))
    words = tags.select(
        **{f"word_{place}": bits(tags.tag, place * _DIGITS, _DIGITS) for place in range(_WORDS)}
    )
    sums = {name: words[name].sum() for name in words.columns}
    return words.aggregate(rows=words.count(), **sums)


def _text(value: ir.Value) -> ir.StringValue:
    if value.type().is_timestamp():
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.cast("string")
