"""CSV files: header, encoding and the way into a table of strings, without a plain copy on disk."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from infra.engine_errors import LONGEST_BYTES, SourceError, may_be_too_long, scrubbed
from infra.engine_files import Held, held
from infra.engine_sql import file_literal, literal, quoted

if TYPE_CHECKING:
    import duckdb

Encoding = Literal["utf-8", "gb18030", "latin-1"]
BATCH_ROWS, BATCH_CHARACTERS = 20_000, 1 << 24
_WINDOW_BYTES = 1 << 20
_DELIMITERS = ",;\t"
_UNREADABLE = "\ufffd"
# Chinese signs and the like, and accented letters next to plain ones: what UTF-8 is recognised by in GB18030.
_BEYOND = re.compile("[\u0800-\U0010ffff]")
_ACCENT = re.compile("[A-Za-z][À-ÿ]|[À-ÿ][a-z]")


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Held,
    columns: list[str] | None,
    encoding: Encoding,
    table: str,
) -> None:
    """Create `table` from the file, all columns strings, an empty field null.

    The header comes from the file; only `columns` are kept where given (what the file lacks is for the
    contract to say). A value that is UTF-8 in a file of another encoding gets U+FFFD at its end, which no
    contract lets pass. Errors: SourceError naming file and line.
    """
    header, delimiter = _header(path, encoding)
    kept = header if columns is None else [name for name in header if name in columns]
    if not kept:
        raise SourceError(f"{path.name}: none of the asked columns is in the header; check the spec")
    if encoding == "utf-8":
        _load_utf8(connection, path, header, kept, delimiter, table)
    else:
        _load_transcoded(connection, path, header, kept, delimiter, encoding, table)


def read_header(
    path: Path, encoding: Encoding, within: Sequence[Path] | None = None
) -> tuple[list[str], str]:
    """The names in the first line and the delimiter: the one of , ; and tab that gives most names.

    `within`: the folders in which the file may lie. Errors: SourceError.
    """
    with scrubbed(path), held(path, within) as source:
        return _header(source, encoding)


def _header(path: Held, encoding: Encoding) -> tuple[list[str], str]:
    with _opened(path, encoding) as text:
        try:
            first = text.readline(LONGEST_BYTES).rstrip("\r\n")
        except UnicodeDecodeError:
            raise _undecodable(path, encoding) from None
    if not first.strip():
        raise SourceError(f"{path.name}: the file is empty or has no header; export it with one")
    delimiter = max(_DELIMITERS, key=lambda mark: (len(_fields(first, mark)), -_DELIMITERS.index(mark)))
    names = [name.strip() for name in _fields(first, delimiter)]
    lowered = [name.lower() for name in names]
    if "" in names:
        raise SourceError(f"{path.name}: a column has no name; complete the header")
    for position, name in enumerate(lowered):
        if name in lowered[:position]:
            places = f"{lowered.index(name) + 1} and {position + 1}"
            raise SourceError(f"{path.name}: columns {places} have the same name; rename one")
    return names, delimiter


def _fields(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter))


def _opened(path: Held, encoding: Encoding) -> IO[str]:
    return path.path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")


def _load_utf8(
    connection: duckdb.DuckDBPyConnection,
    path: Held,
    header: list[str],
    kept: list[str],
    delimiter: str,
    table: str,
) -> None:
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    names = ", ".join(quoted(name) for name in kept)
    options = (
        f"columns = {{{types}}}, delim = {literal(delimiter)}, header = true, auto_detect = false, "
        "quote = '\"', escape = '\"', nullstr = '', strict_mode = true, encoding = 'utf-8'"
    )
    create = (
        f"CREATE TABLE {quoted(table)} AS SELECT {names} FROM read_csv({file_literal(path.path)}, {options}"
    )
    # Each thread has buffers of its own, so large ones are only for a file that needs them.
    patient = f"{create}, max_line_size = {LONGEST_BYTES}, buffer_size = {2 * LONGEST_BYTES})"
    if _has_long_line(path):
        connection.execute(patient)
        return
    try:
        connection.execute(f"{create})")
    except _csv_faults() as fault:
        if not may_be_too_long(fault):
            raise
        connection.execute(patient)


def _has_long_line(path: Held) -> bool:
    """Whether a line has more than a megabyte or two; SourceError if one is beyond all bounds.

    DuckDB 1.5 loses a last line without a word if it reads in parallel and the line is longer than its buffer.
    (Not in parallel, it takes a quotation mark that is never closed for one that is closed at the end of the file.)
    """
    longest = without = 0
    with path.path.open("rb") as file:
        for number in count():
            block = file.read(_WINDOW_BYTES)
            if not block:
                return longest >= 1
            without = 0 if b"\n" in block else without + 1
            longest = max(longest, without)
            if without * _WINDOW_BYTES > LONGEST_BYTES:
                file.seek(0)
                line = sum(file.read(_WINDOW_BYTES).count(b"\n") for _ in range(number)) + 1
                raise SourceError(
                    f"{path.name} line {line}: a line of more than {LONGEST_BYTES >> 20} MB; leave such a cell out of "
                    "the file"
                )
    return longest >= 1


def _csv_faults() -> tuple[type[BaseException], ...]:
    import duckdb

    return duckdb.Error, UnicodeDecodeError


def _load_transcoded(
    connection: duckdb.DuckDBPyConnection,
    path: Held,
    header: list[str],
    kept: list[str],
    delimiter: str,
    encoding: Encoding,
    table: str,
) -> None:
    """Batch by batch through memory into the encrypted work table."""
    import pyarrow as pa

    connection.execute(
        f"CREATE TABLE {quoted(table)} ({', '.join(f'{quoted(name)} VARCHAR' for name in kept)})"
    )
    places = [header.index(name) for name in kept]
    schema = pa.schema([(name, pa.string()) for name in kept])
    for rows in _batches(path, encoding, delimiter, len(header)):
        arrays = [pa.array([row[place] or None for row in rows], pa.string()) for place in places]
        connection.register("batch_", pa.Table.from_arrays(arrays, schema=schema))
        connection.execute(f"INSERT INTO {quoted(table)} SELECT * FROM batch_")
        connection.unregister("batch_")


def _batches(path: Held, encoding: Encoding, delimiter: str, width: int) -> Iterator[list[list[str]]]:
    """Rows in parts of bounded number and size."""
    with _opened(path, encoding) as text:
        rows = _checked(text, delimiter, path, encoding, width)
        next(rows, None)
        batch: list[list[str]] = []
        held_characters = 0
        for row in rows:
            batch.append([value if value.isascii() else _marked(value, encoding) for value in row])
            held_characters += sum(map(len, row))
            if len(batch) >= BATCH_ROWS or held_characters >= BATCH_CHARACTERS:
                yield batch
                batch, held_characters = [], 0
        if batch:
            yield batch


def _marked(value: str, encoding: Encoding) -> str:
    """The value, with U+FFFD at its end if its bytes are rather UTF-8 than the file's encoding.

    Every byte sequence is Latin-1, so UTF-8 is told by being valid; short words of GB18030 can be valid UTF-8 by
    chance, so there it must be Chinese or accented letters next to plain ones.
    """
    try:
        text = value.encode(encoding).decode("utf-8")
    except UnicodeError:
        return value
    meant = encoding == "latin-1" or _BEYOND.search(text) or _ACCENT.search(text)
    return value + _UNREADABLE if meant else value


def _checked(
    text: IO[str], delimiter: str, path: Held, encoding: Encoding, width: int
) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_BYTES)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row and len(row) != width:
                raise SourceError(
                    f"{path.name} line {reader.line_num}: {len(row)} fields where the header has {width}; "
                    "mend the line"
                )
            if row:
                yield row
    except UnicodeDecodeError:
        raise _undecodable(path, encoding) from None
    except csv.Error as fault:
        what = (
            f"a cell of more than {LONGEST_BYTES >> 20} MB; leave it out of the file"
            if "field limit" in str(fault)
            else "a quotation mark is not closed or misplaced; mend the line"
        )
        raise SourceError(f"{path.name} line {reader.line_num}: {what}") from None


def _undecodable(path: Held, encoding: Encoding) -> SourceError:
    """Names the first line that is not in `encoding`; no character of these encodings hides a line feed."""
    decode = codecs.getdecoder(encoding)
    with path.path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                decode(line)
            except UnicodeDecodeError:
                return SourceError(
                    f"{path.name} line {number}: bytes that are not {encoding}; name its encoding in the spec"
                )
    return SourceError(f"{path.name}: bytes that are not {encoding}; name its encoding in the spec")
