"""Encoding: in which of the encodings that Privet reads a text file is written."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import Literal

Encoding = Literal["utf-8", "gb18030", "latin-1"]
_HIGH = re.compile(rb"[\x80-\xff]")
_PAIR = re.compile(rb"[\x81-\xfe][\xa1-\xfe]")
_MOSTLY = 0.8


def detect_encoding(blocks: Iterable[bytes]) -> Encoding | None:
    """The encoding of a file given block by block; None for UTF-16 and for bytes that are no text.

    A file that is UTF-8 or GB18030 but for a few places is called so, so that its reader can name the line. GB18030
    text comes in pairs of high bytes, accented letters of Latin-1 mostly stand alone among plain ones.
    """
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    gb18030 = codecs.getincrementaldecoder("gb18030")("replace")
    high = paired = beyond = broken = spoilt = 0
    for number, block in enumerate(blocks):
        if (number == 0 and block[:2] in (b"\xff\xfe", b"\xfe\xff")) or b"\0" in block:
            return None
        text = utf8.decode(block)
        broken += text.count("\ufffd")
        high += len(_HIGH.findall(block))
        beyond += 0 if text.isascii() else sum(not mark.isascii() for mark in text)
        paired += 2 * len(_PAIR.findall(block))
        spoilt += gb18030.decode(block).count("\ufffd")
    if broken == 0 or broken < (1 - _MOSTLY) * beyond:
        return "utf-8"
    is_gb18030 = spoilt <= (1 - _MOSTLY) * high / 2
    return "gb18030" if is_gb18030 and paired >= _MOSTLY * high else "latin-1"
