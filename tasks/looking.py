"""Looking: a user's files on the engine, profiled for a proposal. Values stay in the engine and in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infra.engine import Engine, SourceError, scrubbed
from infra.engine_csv import read_header
from models.shop.profiling import measure
from models.shop.profiling.contents import looks_like_data
from models.shop.profiling.encoding import Encoding, detect_encoding
from models.shop.profiling.headers import kind_of, table_name
from models.shop.profiling.profile import TableProfile, ValueCount
from models.values.spec import ShopSpec

if TYPE_CHECKING:
    import ibis.expr.types as ir

_BLOCK = 1 << 20
_AT_ONCE = 100  # columns in one aggregate
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Files after a look: their profiles, and the answers to further questions (a `profiling.profile.Looks`)."""

    engine: Engine
    tables: Mapping[str, ir.Table]
    profiles: tuple[TableProfile, ...]

    def overlap(self, table: str, column: str, other: str, other_column: str) -> float:
        """The share of the different values of a column that another column holds too."""
        values = self._texts(table, column).filter(lambda t: t.value.notnull()).distinct()
        known = self._texts(other, other_column)
        found = values.aggregate(all=values.count(), held=values.value.isin(known.value).sum().fill_null(0))
        row = self.engine.row(found)
        return float(row["held"] / row["all"]) if row["all"] else 0.0

    def different(self, table: str, columns: Sequence[str] | None, customer: str | None) -> int:
        """How many different rows these columns have, or (None) all columns, among rows that have a customer."""
        rows = self.tables[table]
        rows = rows if customer is None else rows.filter(rows[customer].notnull())
        asked = measure.readable(rows) if columns is None else [*columns, *([customer] if customer else [])]
        once = rows.select(*dict.fromkeys(asked)).distinct()
        return int(self.engine.row(once.aggregate(n=once.count()))["n"])

    def counts(self, table: str, column: str, customer: str) -> Sequence[ValueCount]:
        """Each value of a column of few with its rows and customers."""
        rows = self.tables[table]
        rows = rows.select(value=measure.plain(rows[column]), customer=rows[customer])
        rows = rows.filter(rows.value.notnull() & rows.customer.notnull())
        found = rows.group_by("value").aggregate(
            rows=lambda t: t.count(), customers=lambda t: t.customer.nunique()
        )
        return [ValueCount(**row) for row in self.engine.rows(found)]

    def varying(self, table: str, column: str, customer: str) -> float:
        """The share of customers with more than one value in a column."""
        rows = self.tables[table]
        rows = rows.filter(rows[customer].notnull())
        each = rows.group_by(customer).aggregate(n=rows[column].nunique(), gaps=rows[column].isnull().any())
        several = (each.n + each.gaps.cast("int64")) > 1
        found = self.engine.row(each.aggregate(all=each.count(), several=several.sum().fill_null(0)))
        return float(found["several"] / found["all"]) if found["all"] else 1.0

    def _texts(self, table: str, column: str) -> ir.Table:
        value = self.tables[table][column]
        return self.tables[table].select(value=measure.plain(value).cast("string"))


def look(engine: Engine, folder: Path, files: Sequence[Path]) -> Looked:
    """Read and profile the files. Errors: SourceError for a file that is no table, or has no header or rows."""
    tables: dict[str, ir.Table] = {}
    profiles = []
    for file in files:
        name = table_name(file.stem, set(tables))
        tables[name], encoding = _read(engine, file)
        profiles.append(_profile(engine, name, file, folder, tables[name], encoding))
    return Looked(engine=engine, tables=tables, profiles=tuple(profiles))


def _read(engine: Engine, file: Path) -> tuple[ir.Table, Encoding]:
    if file.suffix.lower() in _PARQUET:
        return engine.read_parquet(file), "utf-8"
    encoding = _encoding(file)
    header, _ = read_header(file, encoding)
    strange = [
        place for place, name in enumerate(header, 1) if looks_like_data(name) and kind_of(name) == "unknown"
    ]
    if strange:
        raise SourceError(
            f"{file.name}: the first line looks like data, not like names (column {strange[0]}); "
            "put a line with the columns' names before it"
        )
    return engine.read_csv(file, encoding=encoding), encoding


def _encoding(file: Path) -> Encoding:
    with scrubbed(file):
        found = detect_encoding(_blocks(file))
    if found is None:
        raise SourceError(f"{file.name}: UTF-16 or no text; save it as UTF-8 CSV, or as Parquet (.parquet)")
    return found


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _profile(
    engine: Engine, name: str, file: Path, folder: Path, table: ir.Table, encoding: Encoding
) -> TableProfile:
    columns = measure.readable(table)
    counted: dict[str, int] = {}
    for start in range(0, len(columns), _AT_ONCE):
        part = engine.row(measure.counts(table, columns[start : start + _AT_ONCE], first=start))
        counted |= part
    if not counted.get("rows"):
        raise SourceError(f"{file.name}: the file has no rows or no plain columns; name one that has")
    rows = engine.rows(measure.sample(table, columns))
    return TableProfile(
        name=name,
        stem=file.stem,
        source=Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix(),
        format="parquet" if file.suffix.lower() in _PARQUET else "csv",
        encoding=encoding,
        rows=int(counted["rows"]),
        columns=measure.profiles(table, counted, rows, columns),
    )


def headers(shop: ShopSpec, folder: Path) -> dict[str, list[str]]:
    """The columns of each table's file, from its header only; a file that cannot be read is left out."""
    found: dict[str, list[str]] = {}
    for name, table in shop.tables.items():
        file = folder / table.source
        if not file.is_file():
            continue
        with scrubbed(file):
            if table.format == "parquet":
                import pyarrow.parquet

                found[name] = list(pyarrow.parquet.read_schema(file).names)
            else:
                found[name] = read_header(file, table.encoding)[0]
    return found
