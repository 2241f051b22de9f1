"""Checking: the contract of a spec on its data. Nothing is stored, no key is made, counts are disclosed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expectations.contracts.compiled import accepted, columns_of, compile_rules, count_broken, dropped_columns
from expectations.contracts.order import contract_order
from expectations.contracts.parse import EXCHANGED
from expectations.contracts.suspicion import suspicious_columns
from infra.engine import Engine, open_engine
from infra.engine_files import folders
from infra.settings import Settings
from infra.spec import read_spec
from models.values.base import Value
from models.values.dataset import RuleCount
from models.values.errors import PrivetError
from models.values.scope import disclose
from models.values.spec import ShopSpec
from tasks.stage import scrubbed

if TYPE_CHECKING:
    import ibis.expr.types as ir

MOST_BROKEN = 0.1


class BadLimit(PrivetError, ValueError):
    """The share of rows that may be set aside lies outside 0 to 1."""


class TableCheck(Value):
    """What the contract found in one table. `suspicions` are columns under a harmless role that look personal."""

    table: str
    rows: int
    broken: tuple[RuleCount, ...]
    suspicions: tuple[str, ...]
    dropped: tuple[str, ...]

    def objections(self, limit: float) -> tuple[str, ...]:
        """Why the table should not be run as it is; empty if nothing speaks against it."""
        lost = sum(count.rows for count in self.broken)
        found = [f"tables.{self.table}.{text}" for text in self.suspicions]
        found += [
            f"tables.{self.table}: {count.rule}; other rows may be exchanged unseen, so mend the file, or its formats"
            for count in self.broken
            if count.rule.endswith(f": {EXCHANGED}")
        ]
        if lost >= self.rows:
            found.append(
                f"tables.{self.table}: no row keeps the contract; mend the entries of the rules below"
            )
        elif lost > limit * self.rows:
            found.append(
                f"tables.{self.table}: more than {limit:.0%} of the rows would be set aside; mend the entries of "
                "these rules or the file, or raise --limit"
            )
        return tuple(found)


@scrubbed
def check(settings: Settings, spec: str, limit: float, *, as_json: bool) -> int:
    """Try the contract on the data; 1 if a table loses more than `limit` of its rows or a column looks personal."""
    if not 0 <= limit <= 1:
        raise BadLimit(f"--limit {limit:g} is no share of rows; name one from 0 to 1")
    path = Path(spec).resolve()
    shop = read_spec(path)
    with open_engine(
        settings.work_dir, threads=settings.threads, memory_limit=settings.memory_limit
    ) as engine:
        found = check_tables(engine, shop, path.parent)
    objections = [text for table in found for text in table.objections(limit)]
    if as_json:
        tables = [_as_object(shop, table) for table in found]
        print(json.dumps({"shop": shop.shop, "tables": tables, "objections": objections}, ensure_ascii=False))
    else:
        _print(shop, found, objections)
    return 1 if objections else 0


def check_tables(engine: Engine, shop: ShopSpec, folder: Path) -> tuple[TableCheck, ...]:
    """Every table under its contract, in the order of their references."""
    good: dict[str, ir.Table] = {}
    found = []
    now = datetime.now(UTC)
    for name in contract_order(shop):
        entry = shop.tables[name]
        file, within = folder / entry.source, folders(folder, shop.roots)
        raw = (
            engine.read_parquet(file, within)
            if entry.format == "parquet"
            else engine.read_csv(file, encoding=entry.encoding, within=within)
        )
        rows = engine.materialise(columns_of(shop, name, raw), f"raw_{name}")
        checked = compile_rules(shop, name, rows, good, now=now)
        checked = replace(checked, parsed=engine.materialise(checked.parsed, f"checked_{name}"))
        good[name] = accepted(checked)
        suspicions = map(str, suspicious_columns(shop, name, good[name]))
        found.append(
            TableCheck(
                table=name,
                rows=int(engine.row(rows.aggregate(n=rows.count()))["n"]),
                broken=count_broken(checked),
                suspicions=tuple(suspicions),
                dropped=dropped_columns(shop, name, raw),
            )
        )
    return tuple(found)


def _shown(shop: ShopSpec, count: int) -> str:
    return disclose(count, minimum=shop.minimum_count, public=shop.public_data)


def _as_object(shop: ShopSpec, table: TableCheck) -> dict[str, Any]:
    lost = sum(count.rows for count in table.broken)
    return {
        "table": table.table,
        "rows": _shown(shop, table.rows),
        "kept": _shown(shop, table.rows - lost),
        "broken": {count.rule: _shown(shop, count.rows) for count in table.broken},
        "suspicions": list(table.suspicions),
        "dropped_columns": list(table.dropped),
    }


def _print(shop: ShopSpec, found: Sequence[TableCheck], objections: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, emoji=False)
    shown = Table("table", "rule", "rows", box=None)
    for table in found:
        shown.add_row(table.table, "rows in the file", _shown(shop, table.rows))
        for count in table.broken:
            shown.add_row("", f"set aside: {count.rule}", _shown(shop, count.rows))
        for name in table.dropped:
            shown.add_row("", f"not in the spec, dropped: {name}", "")
    console.print(shown)
    for text in objections:
        console.print(text, soft_wrap=True)
    if not objections:
        console.print("The data keeps its contract; rows set aside are counted above.")
