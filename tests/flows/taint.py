"""Taint: a canary's values in every writing in which they may hide, and the search of files for them."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
import re
import sqlite3
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_BREAKS = re.compile(rb"(?:\\[nr]|[\r\n\t ])+")
DIGESTS = {
    f"{name}{form}" for name in ("MD5", "SHA1", "SHA256") for form in ("", " in hexadecimal", " in base64")
}
_MOST = 64 << 20
_DEPTH = 3


class Mark(NamedTuple):
    """What to look for. A `loose` value is long enough to be found anywhere; others stand between other signs."""

    value: str
    loose: bool = True


class Finding(NamedTuple):
    """A mark found in a file: which, in which writing, and inside what."""

    path: str
    value: str
    writing: str

    def __str__(self) -> str:
        return f"{self.path}: {self.value!r} as {self.writing}"


class Search:
    """Looks for marks in bytes, files and folders."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        self._exact: dict[bytes, tuple[str, str]] = {}
        self._folded: dict[bytes, tuple[str, str]] = {}
        self._bounded: dict[bytes, str] = {}
        marks = list(marks)
        parts = {mark.value.lower() for mark in marks if mark.loose}
        for mark in marks:
            plain = mark.value.lower()
            # What holds another mark is found by that one, but for its digests.
            whole = not any(part in plain and part != plain for part in parts)
            for writing, needle in _exact(mark.value):
                if whole or writing in DIGESTS:
                    self._exact.setdefault(needle, (mark.value, writing))
            for writing, needle in _folded(mark.value):
                if (whole and (mark.loose or needle.lower() != plain.encode())) or writing in DIGESTS:
                    self._folded.setdefault(needle.lower(), (mark.value, writing))
            if not mark.loose:
                self._bounded[mark.value.encode()] = mark.value

    def folders(self, *folders: Path) -> list[Finding]:
        """What is found below the folders, file names included."""
        return [
            finding
            for folder in folders
            for path, _, files in os.walk(folder)
            for file in files
            for finding in self.file(Path(path, file))
        ]

    def file(self, path: Path) -> list[Finding]:
        """What is found in one file and in its name."""
        if not path.is_file() or path.is_symlink():
            return []
        found = {(value, f"{writing} in its name") for value, writing in self.bytes(path.name.encode())}
        content = path.read_bytes()
        found |= set(self.bytes(content))
        if content.startswith(b"SQLite format 3\0"):
            found |= {
                (value, f"{writing} in a row") for row in _rows(path) for value, writing in self.bytes(row)
            }
        return [Finding(str(path), value, writing) for value, writing in sorted(found)]

    def bytes(self, content: bytes, depth: int = _DEPTH) -> Iterator[tuple[str, str]]:
        """Marks in `content` and in what is packed inside it, with their writing."""
        joined = _BREAKS.sub(b"", content) if b"\n" in content or b"\\n" in content else content
        for needle, (value, writing) in self._exact.items():
            if needle in content or needle in joined:
                yield value, writing
        lowered = content.lower()
        for needle, (value, writing) in self._folded.items():
            if needle in lowered:
                yield value, writing
        for needle, value in self._bounded.items():
            if needle in content and re.search(
                rb"(?<![0-9A-Za-z.])" + re.escape(needle) + rb"(?![0-9A-Za-z])", content
            ):
                yield value, "plain"
        if depth:
            for kind, inner in _unpacked(content):
                for value, writing in self.bytes(inner, depth - 1):
                    yield value, f"{writing} inside {kind}"


def _folded(value: str) -> Iterator[tuple[str, bytes]]:
    """Writings in which upper and lower case are the same."""
    texts = {value, value.lower(), value.upper()}
    for text in texts:
        raw = text.encode()
        yield "UTF-8", raw
        yield "UTF-16 (little endian)", text.encode("utf-16-le")
        yield "UTF-16 (big endian)", text.encode("utf-16-be")
        yield "hexadecimal", raw.hex().encode()
        yield "URL", urllib.parse.quote(text, safe="").encode()
        yield "URL", urllib.parse.quote_plus(text).encode()
        yield "JSON", json.dumps(text)[1:-1].encode()
        yield "JSON in JSON", json.dumps(json.dumps(text)[1:-1])[1:-1].encode()
        yield "HTML", html.escape(text).encode()
        yield "HTML", text.encode("ascii", "xmlcharrefreplace")
        for name, digest in _digests(text):
            yield f"{name} in hexadecimal", digest.hex().encode()


def _exact(value: str) -> Iterator[tuple[str, bytes]]:
    """Writings in which every byte counts."""
    for text in (value, value.lower(), value.upper(), value.title()):
        for name, raw in (("UTF-8", text.encode()), ("UTF-16", text.encode("utf-16-le"))):
            yield from ((f"base64 of {name}", needle) for needle in _base64(raw))
        for name, digest in _digests(text):
            yield name, digest
            yield f"{name} in base64", base64.b64encode(digest).rstrip(b"=")


def _digests(text: str) -> Iterator[tuple[str, bytes]]:
    for name in ("md5", "sha1", "sha256"):
        yield name.upper(), hashlib.new(name, text.encode(), usedforsecurity=False).digest()


def _base64(raw: bytes) -> Iterator[bytes]:
    """The part of the base64 text that is the same whatever stands before and after, for the three places."""
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + raw + bytes(3))
        inner = text[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def _unpacked(content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield "zip", entry.filename.encode() + b"\0" + archive.read(entry)
        return
    for start in _PACKED.finditer(content):
        kind, bits = ("gzip", 31) if start[0][:1] == b"\x1f" else ("zlib", 15)
        unpacker = zlib.decompressobj(bits)
        try:
            inner = unpacker.decompress(memoryview(content)[start.start() :], _MOST)
        except zlib.error:
            continue
        if len(inner) >= 4:
            yield kind, inner


def _rows(path: Path) -> Iterator[bytes]:
    """The rows of every table, and the schema; in the file itself a value may be spread over pages."""
    with closing(sqlite3.connect(f"file:{urllib.parse.quote(str(path))}?mode=ro", uri=True)) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in [*names, ("sqlite_master",)]:
            rows = database.execute(f'SELECT * FROM "{name}"')
            while some := rows.fetchmany(10_000):
                yield b"\0".join(_cell(cell) for row in some for cell in row if cell is not None)


def _cell(cell: bytes | str | float) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8", "replace")
