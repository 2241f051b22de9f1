"""The spill: rows put down on disk week by week, and taken up again in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models.shop.purchases import Integers

_WEEK = 7 * 86_400


class Spill:
    """Sorts more rows by time than memory holds: one file a week, each sorted by itself.

    `by` is the column to sort by; it must grow with the times given to `add`. Times before `first` or after
    `last` (seconds since 1970) share the first or last file. Rows that are equal in `by` stay as added.
    """

    def __init__(self, folder: Path, *, by: str, first: int, last: int) -> None:
        folder.mkdir()
        self._folder, self._by, self._first = folder, by, first
        self._weeks = (last - first) // _WEEK + 1
        self._open: dict[int, Any] = {}

    def add(self, table: Any, at: Integers) -> None:
        """Put down the rows of an Arrow `table`, which happened `at` [rows]."""
        import pyarrow as pa

        week = np.clip((at - self._first) // _WEEK, 0, self._weeks - 1)
        table = table.take(np.argsort(week, kind="stable"))
        ends = np.cumsum(np.bincount(week, minlength=self._weeks))
        for number, (start, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            if end > start:
                if number not in self._open:
                    self._open[number] = pa.ipc.new_stream(self._path(number), table.schema)
                self._open[number].write_table(table.slice(start, end - start))

    def in_order(self) -> Iterator[Any]:
        """All rows in order, a week a table; each file is removed once it was read."""
        import pyarrow as pa

        for writer in self._open.values():
            writer.close()
        for number in sorted(self._open):
            with pa.OSFile(self._path(number)) as file, pa.ipc.open_stream(file) as stream:
                table = stream.read_all().combine_chunks()
            Path(self._path(number)).unlink()
            yield table.take(np.argsort(table[self._by].to_numpy(), kind="stable"))

    def _path(self, week: int) -> str:
        return str(self._folder / f"{week:03d}.arrow")
