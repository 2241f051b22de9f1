"""Files: a table written piece by piece, as CSV in one of two encodings or as Parquet."""

from __future__ import annotations

from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Literal

ROW_GROUP = 1 << 20
Encoding = Literal["utf-8", "gb18030"]


class CsvFile(AbstractContextManager["CsvFile"]):
    """A CSV file that grows by Arrow tables of one schema; only values that need it are quoted."""

    def __init__(self, path: Path, encoding: Encoding = "utf-8") -> None:
        self._file: IO[bytes] = path.open("wb")
        self._encoding = encoding
        self._empty = True

    def write(self, table: Any) -> None:
        """Append the rows of `table`; the first call writes the header too."""
        from pyarrow import csv

        text = BytesIO()
        options = csv.WriteOptions(include_header=self._empty, quoting_style="needed")
        csv.write_csv(table, text, options)
        recoded = self._encoding != "utf-8"
        self._file.write(text.getvalue().decode().encode(self._encoding) if recoded else text.getbuffer())
        self._empty = False

    def __exit__(self, *_: object) -> None:
        self._file.close()


class ParquetFile(AbstractContextManager["ParquetFile"]):
    """A Parquet file that grows by Arrow tables of one schema, in row groups of at most `ROW_GROUP` rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[Any] = []
        self._writer: Any = None

    def write(self, table: Any) -> None:
        """Append the rows of `table`; small pieces wait in memory until they fill a row group."""
        self._waiting.append(table)
        if sum(piece.num_rows for piece in self._waiting) >= ROW_GROUP:
            self._flush()

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None and (self._waiting or self._writer is None):
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.concat_tables(self._waiting)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(
                self._path, table.schema, compression="zstd", coerce_timestamps="us"
            )
        self._writer.write_table(table, ROW_GROUP)
        self._waiting = []
