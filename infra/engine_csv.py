"""CSV files: header, encoding and the way into a table of strings, without a plain copy on disk."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from infra.engine_errors import SourceError
from infra.engine_sql import file_literal, literal, quoted

if TYPE_CHECKING:
    import duckdb

Encoding = Literal["utf-8", "gb18030", "latin-1"]
BATCH_ROWS = 20_000
_DELIMITERS = ",;\t"


def load_csv(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    columns: list[str] | None,
    encoding: Encoding,
    table: str,
) -> None:
    """Create `table` from the file, all columns strings, an empty field null.

    The header comes from the file; only `columns` are kept where given (what the file lacks is for the
    contract to say). Errors: SourceError naming file and line.
    """
    header, delimiter = read_header(path, encoding)
    kept = header if columns is None else [name for name in header if name in columns]
    if not kept:
        raise SourceError(f"{path.name}: none of the asked columns is in the header; check the spec")
    if encoding == "utf-8":
        _load_utf8(connection, path, header, kept, delimiter, table)
    else:
        _load_transcoded(connection, path, header, kept, delimiter, encoding, table)


def read_header(path: Path, encoding: Encoding) -> tuple[list[str], str]:
    """The names in the first line and the delimiter: the one of , ; and tab that gives most names."""
    with _opened(path, encoding) as text:
        try:
            first = text.readline().rstrip("\r\n")
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


def _opened(path: Path, encoding: Encoding) -> IO[str]:
    try:
        return path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="")
    except FileNotFoundError:
        raise SourceError(f"{path.name}: no such file; check the path in the spec") from None


def _load_utf8(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    header: list[str],
    kept: list[str],
    delimiter: str,
    table: str,
) -> None:
    types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    names = ", ".join(quoted(name) for name in kept)
    connection.execute(
        f"CREATE TABLE {quoted(table)} AS SELECT {names} FROM read_csv({file_literal(path)}, "
        f"columns = {{{types}}}, delim = {literal(delimiter)}, header = true, auto_detect = false, "
        "quote = '\"', escape = '\"', nullstr = '', strict_mode = true, encoding = 'utf-8')"
    )


def _load_transcoded(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
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


def _batches(path: Path, encoding: Encoding, delimiter: str, width: int) -> Iterator[list[list[str]]]:
    with _opened(path, encoding) as text:
        rows = _checked(text, delimiter, path, encoding, width)
        next(rows, None)
        while batch := list(islice(rows, BATCH_ROWS)):
            yield batch


def _checked(
    text: IO[str], delimiter: str, path: Path, encoding: Encoding, width: int
) -> Iterator[list[str]]:
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
    except csv.Error:
        raise SourceError(
            f"{path.name} line {reader.line_num}: a quotation mark is not closed or misplaced; mend the line"
        ) from None


def _undecodable(path: Path, encoding: Encoding) -> SourceError:
    """Names the first line that is not in `encoding`; no character of these encodings hides a line feed."""
    decode = codecs.getdecoder(encoding)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                decode(line)
            except UnicodeDecodeError:
                return SourceError(
                    f"{path.name} line {number}: bytes that are not {encoding}; name its encoding in the spec"
                )
    return SourceError(f"{path.name}: bytes that are not {encoding}; name its encoding in the spec")
