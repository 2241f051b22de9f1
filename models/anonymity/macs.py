"""Message authentication codes of a whole column: HMAC-SHA256 (RFC 2104) in compiled code."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from models.values.secret import SecretBytes

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_BYTES = 64
INNER_PAD, OUTER_PAD = 0x36, 0x5C
_UUID_BYTES = 16


def pads(key: SecretBytes) -> dict[str, bytes]:
    """The key as RFC 2104 has it, xor ipad (`inner`) and xor opad (`outer`), one block of SHA-256 each."""
    raw = key.reveal()
    block = (hashlib.sha256(raw).digest() if len(raw) > BLOCK_BYTES else raw).ljust(BLOCK_BYTES, b"\0")
    padded = (("inner", INNER_PAD), ("outer", OUTER_PAD))
    return {name: bytes(part ^ pad for part in block) for name, pad in padded}


def first_bits(texts: pa.StringArray, key: SecretBytes) -> pa.UuidArray:
    """The first 128 bits of the HMAC-SHA256 of each text's UTF-8 bytes, as UUIDs; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from datafusion import SessionConfig, SessionContext, col
    from datafusion import functions as f

    # columns, not constants: DataFusion logs its queries
    padded = {name: pa.repeat(pa.scalar(pad, pa.binary()), len(texts)) for name, pad in pads(key).items()}
    rows = pa.record_batch({"text": texts.cast(pa.binary()), **padded})
    inner = f.sha256(f.concat(col("inner"), col("text")))
    # a session of its own, since one keeps the rows that it was given; of one partition, since several mix them
    session = SessionContext(SessionConfig().with_target_partitions(1))
    codes = session.from_arrow(rows).select(f.sha256(f.concat(col("outer"), inner)).alias("code"))
    found = pc.binary_slice(codes.to_arrow_table()["code"].combine_chunks(), 0, _UUID_BYTES)
    kept = pc.if_else(texts.is_valid(), found, None)  # concat takes null as empty
    return pa.uuid().wrap_array(kept.cast(pa.binary(_UUID_BYTES)))
