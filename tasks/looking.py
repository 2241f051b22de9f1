"""Looking: a user's files on the engine, profiled for a proposal. Values stay in the engine and in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contracts.nested import flattened
from infra.engine import Engine, SourceError, scrubbed
from infra.engine_csv import read_header
from infra.engine_files import folders, held
from infra.engine_sql import quoted
from models.shop.profiling import measure
from models.shop.profiling.columns import FEW as MOST_VALUES
from models.shop.profiling.contents import looks_like_data
from models.shop.profiling.encoding import Encoding, detect_encoding
from models.shop.profiling.headers import kind_of, table_name
from models.shop.profiling.profile import ColumnProfile, TableProfile, ValueCount
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
    _counted: dict[str, dict[str, list[ValueCount]]] = field(default_factory=dict)

    def overlap(self, table: str, column: str, other: str, other_column: str) -> float:
        """The share of the different values of a column that another column holds too."""
        values = self._texts(table, column).filter(lambda t: t.value.notnull()).distinct()
        known = self._texts(other, other_column)
        found = values.aggregate(all=values.count(), held=values.value.isin(known.value).sum().fill_null(0))
        row = self.engine.row(found)
        return float(row["held"] / row["all"]) if row["all"] else 0.0

    def different(self, table: str, columns: Sequence[str] | None, customer: str | None) -> int:
        """How many different rows these columns have, or (None) all columns, among rows that have a customer.

        All columns are told apart by 64 bits: a collision would only make a key look a little better.
        """
        if columns is None:
            return self._different_rows(table, customer)
        asked = list(dict.fromkeys([*columns, *([customer] if customer else [])]))
        rows = self._narrow(table, asked)
        rows = rows if customer is None else rows.filter(rows[customer].notnull())
        once = rows.distinct()
        return int(self.engine.row(once.aggregate(n=once.count()))["n"])

    def counts(self, table: str, column: str, customer: str) -> Sequence[ValueCount]:
        """Each value of a column of few words with its rows and customers; all such columns are counted at once."""
        if table not in self._counted:
            self._counted[table] = self._count_values(table, customer)
        return self._counted[table].get(column, [])

    def varying(self, table: str, column: str, customer: str) -> float:
        """The share of customers with more than one value in a column."""
        rows = self._narrow(table, [customer, column])
        rows = rows.filter(rows[customer].notnull())
        each = rows.group_by(customer).aggregate(n=rows[column].nunique(), gaps=rows[column].isnull().any())
        several = (each.n + each.gaps.cast("int64")) > 1
        found = self.engine.row(each.aggregate(all=each.count(), several=several.sum().fill_null(0)))
        return float(found["several"] / found["all"]) if found["all"] else 1.0

    def _count_values(self, table: str, customer: str) -> dict[str, list[ValueCount]]:
        (profile,) = (p for p in self.profiles if p.name == table)
        asked = [c.name for c in profile.columns if c.name != customer and c.stored == "string"]
        few = {c.name for c in profile.columns if 1 < c.distinct <= MOST_VALUES}
        found: dict[str, list[ValueCount]] = {}
        for block in _blocks_of([name for name in asked if name in few]):
            rows = measure.value_counts(self._narrow(table, [customer, *block]), block, customer)
            for row in self.engine.rows(rows):
                found.setdefault(block[int(row.pop("place"))], []).append(ValueCount(**row))
        return found

    def _different_rows(self, table: str, customer: str | None) -> int:
        names = ", ".join(map(quoted, measure.readable(self.tables[table])))
        given = "" if customer is None else f" WHERE {quoted(customer)} IS NOT NULL"
        with scrubbed(table):
            held = self.tables[table].get_name()
            query = f"SELECT count(DISTINCT hash({names})) FROM {held}{given}"
            return int(self.engine.connection.execute(query).fetchall()[0][0])

    def _narrow(self, table: str, columns: Sequence[str]) -> ir.Table:
        return narrow(self.engine, self.tables[table], columns)

    def _texts(self, table: str, column: str) -> ir.Table:
        rows = self._narrow(table, [column])
        return rows.select(value=measure.plain(rows[column]).cast("string"))


def narrow(engine: Engine, table: ir.Table, columns: Sequence[str], where: str = "true") -> ir.Table:
    """Some columns of a work table. What Ibis does takes time by the columns of a table, not by those that are used."""
    view = f"narrow_{hashlib.sha256(repr((table.get_name(), *columns, where)).encode()).hexdigest()[:24]}"
    names = ", ".join(map(quoted, columns))
    with scrubbed("columns"):
        engine.connection.execute(
            f"CREATE OR REPLACE VIEW {view} AS SELECT {names} FROM {table.get_name()} WHERE {where}"
        )
    return engine.ibis.table(view)


def _blocks_of(columns: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(columns), _AT_ONCE):
        yield columns[start : start + _AT_ONCE]


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
        table = engine.read_parquet(file)
        flat = flattened(table)
        return table if flat is table else engine.materialise(flat, f"flat_{table.get_name()}"), "utf-8"
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
    with held(file) as source, source.path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block


def _profile(
    engine: Engine, name: str, file: Path, folder: Path, table: ir.Table, encoding: Encoding
) -> TableProfile:
    readable = measure.readable(table)
    rows = 0
    found: dict[str, ColumnProfile] = {}
    # The limit is for a file that has a column called rowid itself.
    few = f"rowid IN (FROM {_pick(engine, table, readable)}) LIMIT {measure.SAMPLE_ROWS}" if readable else ""
    for block in _blocks_of(readable):
        part = narrow(engine, table, block)
        counted = engine.row(measure.counts(part))
        rows = int(counted["rows"])
        seen = engine.rows(measure.sample(narrow(engine, table, block, few)))
        found |= {column.name: column for column in measure.profiles(part, counted, seen)}
    if not rows:
        raise SourceError(f"{file.name}: the file has no rows or no plain columns; name one that has")
    return TableProfile(
        name=name,
        stem=file.stem,
        source=Path(os.path.relpath(file.resolve(), folder.resolve())).as_posix(),
        format="parquet" if file.suffix.lower() in _PARQUET else "csv",
        encoding=encoding,
        rows=rows,
        columns=tuple(
            found.get(column) or ColumnProfile(name=column, stored="nested", missing=0, distinct=0)
            for column in table.columns
        ),
    )


def _pick(engine: Engine, table: ir.Table, columns: Sequence[str]) -> str:
    """The work table with the numbers of some rows, the same rows at every look: those with the smallest hashes."""
    picked, names = f"picked_{table.get_name()}", ", ".join(map(quoted, columns))
    with scrubbed("sample"):
        engine.connection.execute(
            f"CREATE OR REPLACE TABLE {picked} AS SELECT rowid FROM {table.get_name()} ORDER BY hash({names}) "
            f"LIMIT {measure.sample_rows(len(columns))}"
        )
    return picked


def headers(shop: ShopSpec, folder: Path) -> dict[str, list[str]]:
    """The columns of each table's file, from its header only; a file that cannot be read is left out."""
    found: dict[str, list[str]] = {}
    within = folders(folder, shop.roots)
    for name, table in shop.tables.items():
        file = folder / table.source
        if not file.is_file():
            continue
        if table.format == "csv":
            found[name] = read_header(file, table.encoding, within)[0]
            continue
        import pyarrow.parquet

        with scrubbed(file), held(file, within) as source:
            found[name] = list(pyarrow.parquet.read_schema(source.path).names)
    return found
