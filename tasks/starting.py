"""Starting: a user's own shop before its first run. Its spec proposed, explained, and tried on the data."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.engine import open_engine
from infra.settings import Settings
from infra.spec import read_spec
from infra.spec_writer import CHOOSE, spec_text
from infra.storage import write_new
from models.shop.profiling.explanation import TablePlan, explain
from models.shop.profiling.proposal import ProposedColumn, ProposedShop
from models.shop.profiling.shop import propose_shop
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from tasks import looking
from tasks.stage import scrubbed

SPEC = "shop.yaml"
_PRODUCTS = {
    "attributes": "published",
    "events": "pseudonymous, for private training only",
    "public": "without customers' data",
}


class CannotStart(PrivetError, ValueError):
    """`privet init` was asked for something that it will not do, such as to overwrite a spec."""


@scrubbed
def init(settings: Settings, folder: str, files: list[str], customer: str | None, *, as_json: bool) -> int:
    """Look at the files and write a commented shop.yaml into the folder; nothing is landed or kept of them."""
    home = Path(folder)
    target = home / SPEC
    if target.exists() or target.is_symlink():
        raise CannotStart(f"{target} exists and is not overwritten; name another folder, or remove it first")
    if home.exists() and not home.is_dir():
        raise CannotStart(f"{home} is a file; name a folder for the shop")
    with open_engine(
        settings.work_dir, threads=settings.threads, memory_limit=settings.memory_limit
    ) as engine:
        looked = looking.look(engine, home, [Path(file) for file in files])
        today = datetime.now(UTC).date()
        shop = propose_shop(_shop_name(home), looked.profiles, looked, today=today, customer=customer)
    text = spec_text(shop)
    home.mkdir(parents=True, exist_ok=True)
    write_new(target, [text.encode()])
    _show_proposal(shop, target, text, as_json=as_json)
    return 0


def _shop_name(folder: Path) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:40]
    return plain if re.match("[a-z]", plain) else "my-shop"


def _show_proposal(shop: ProposedShop, target: Path, text: str, *, as_json: bool) -> None:
    open_lines = [
        n for n, line in enumerate(text.splitlines(), 1) if CHOOSE in line and not line.startswith("#")
    ]
    if as_json:
        tables = {t.name: [_as_object(column) for column in t.columns] for t in shop.tables}
        facts = {"spec": str(target), "customers": shop.customers, "tables": tables}
        print(
            json.dumps(
                {**facts, "choose_lines": open_lines, "left_out": list(shop.left_out)}, ensure_ascii=False
            )
        )
        return
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, emoji=False)
    for table in shop.tables:
        console.print(f"{table.name} ({table.table.source})", soft_wrap=True)
        shown = Table("column", "role", "why", box=None)
        for column in table.columns:
            shown.add_row(
                _printable(column.name), column.column.role if column.column else "left out", column.why
            )
        console.print(shown, "")
    for source in shop.left_out:
        console.print(f"left out: {source}: no way leads from it to the customers", soft_wrap=True)
    lines = ", ".join(map(str, open_lines))
    console.print(
        f"\n{target} is written. Only you know what belongs where {CHOOSE} stands: lines {lines}.",
        soft_wrap=True,
    )
    console.print(f"Then: privet plan {target}; privet check {target}; privet run {target}", soft_wrap=True)


def _printable(header: str) -> str:
    """A header as a terminal may show it: control characters would be obeyed."""
    return header if header.isprintable() else ascii(header)


def _as_object(column: ProposedColumn) -> dict[str, Any]:
    facts = None if column.column is None else column.column
    transform = None if facts is None else facts.effective_transform(column.name).kind
    role = None if facts is None else facts.role
    return {"column": column.name, "kind": column.kind, "role": role, "transform": transform, "why": column.why,
            "choose": column.choose}  # fmt: skip


@scrubbed
def plan(spec: str, *, as_json: bool) -> int:
    """Show what will happen to each column and why; files are looked at by their first line only."""
    path = Path(spec).resolve()
    shop = read_spec(path)
    tables = explain(shop, looking.headers(shop, path.parent))
    if as_json:
        print(json.dumps(_plan_object(shop, tables), ensure_ascii=False))
        return 0
    _print_plan(shop, tables)
    return 0


def _plan_object(shop: ShopSpec, tables: tuple[TablePlan, ...]) -> dict[str, Any]:
    return {
        "shop": shop.shop,
        "purposes": {name: purpose.model_dump() for name, purpose in shop.purposes.items()},
        "tables": [table.model_dump() for table in tables],
        "releases": {name: release.model_dump() for name, release in shop.releases.items()},
    }


def _print_plan(shop: ShopSpec, tables: tuple[TablePlan, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False, emoji=False)
    for table in tables:
        console.print(f"{table.table} ({table.source}): {table.way}", soft_wrap=True)
        shown = Table(box=None)
        for head in ("column", "role", "what happens", "why", "released in"):
            shown.add_column(head, overflow="fold")
        for column in table.columns:
            released = "\n".join(f"{r.release} ({r.purpose})" for r in column.releases)
            shown.add_row(_printable(column.column), column.role, column.what, column.why, released or "-")
        console.print(shown, "")
    for name, purpose in shop.purposes.items():
        basis = ", ".join(f"{regime}: {basis}" for regime, basis in purpose.basis.items())
        console.print(f"purpose {name}: {purpose.reason} ({basis})", soft_wrap=True)
    for name, release in shop.releases.items():
        kept = f", k >= {release.anonymity.k}, l >= {release.anonymity.l}" if release.anonymity else ""
        words = _PRODUCTS[release.product]
        console.print(f"release {name}: {words}, for {release.purpose}{kept}", soft_wrap=True)
