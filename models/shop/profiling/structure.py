"""Structure: which table lists the customers, what names a row, and how each table leads to a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.shop.profiling.headers import PERSONAL, Kind, table_kind, table_name
from models.shop.profiling.profile import ColumnProfile, Looks, TableProfile
from models.values.errors import PrivetError

_WHO: dict[Kind, int] = {"customer_id": 4, "email": 3, "resident_id": 2, "phone": 1}
_IDS: tuple[Kind, ...] = ("order_id", "other_id", "product_id", "customer_id")
_ORDER: tuple[Kind, ...] = (*_IDS, "time", "quantity", "amount", "label", "unknown")
_LISTED, _FOUND, _ENOUGH = 0.9, 0.5, 0.99
_MOST_KEY, _MOST_TRIED = 5, 12


class NoCustomersFound(PrivetError, LookupError):
    """No column of the files names a customer, so there is nobody whose privacy could be kept."""


@dataclass(frozen=True, kw_only=True)
class Home:
    """Where customers are listed: `column` of the file `profile`. `derived`: its different values are the list."""

    table: str
    profile: TableProfile
    column: str
    derived: bool


@dataclass(frozen=True, kw_only=True)
class Place:
    """A table's place in the shop: its key, its one way to customers, and columns that refer to other tables."""

    key: tuple[str, ...]
    customer: str | None = None
    via: str | None = None
    public: bool = False
    references: Mapping[str, str]
    unique: bool


def find_home(tables: Sequence[TableProfile], looks: Looks, asked: str | None) -> Home:
    """The table that lists the customers, or the column from whose different values such a list is made.

    Errors: NoCustomersFound if no column (or none called `asked`) can name customers.
    """
    columns = [(t, c) for t in tables for c in t.columns if _may_name(c, asked)]
    if not columns:
        what = f"is called {asked!r}" if asked else "looks like a customer's number, e-mail or phone"
        raise NoCustomersFound(
            f"no column {what}; name the one that tells customers apart with --customer COLUMN"
        )
    lists = [(_support(t, c, tables, looks), t, c) for t, c in columns if _may_list(t, c)]
    lists = [(s, t, c) for s, t, c in lists if s >= 5 or c.distinct == t.rows]
    if lists:
        _, table, column = max(lists, key=lambda found: (found[0], _WHO.get(found[2].kind, 0)))
        return Home(table=table.name, profile=table, column=column.name, derived=False)
    table, column = max(columns, key=lambda found: (_WHO.get(found[1].kind, 0), found[1].distinct))
    name = table_name("customers", {t.name for t in tables})
    return Home(table=name, profile=table, column=column.name, derived=True)


def _may_name(column: ColumnProfile, asked: str | None) -> bool:
    if asked is not None:
        return column.name == asked
    return column.kind in _WHO and column.distinct > 2


def _may_list(table: TableProfile, column: ColumnProfile) -> bool:
    return table.is_near_key(column) and column.missing <= (1 - _LISTED) * table.rows


def _support(table: TableProfile, column: ColumnProfile, tables: Sequence[TableProfile], looks: Looks) -> int:
    """Ten for each other table whose customers are listed here, five if the file's name says customers."""
    others = [t for t in tables if t is not table and _own(t, table, column, looks) is not None]
    return 10 * len(others) + 5 * (table_kind(table.stem) == "customers")


def _own(table: TableProfile, home: TableProfile, listed: ColumnProfile, looks: Looks) -> str | None:
    """The column of `table` that holds customers of the list, if any."""
    alike = [c for c in table.columns if c.name == listed.name or c.kind in (listed.kind, "customer_id")]
    shares = {
        c.name: looks.overlap(table.name, c.name, home.name, listed.name)
        for c in alike
        if c.stored != "nested"
    }
    best = max(shares, key=lambda name: (shares[name], name == listed.name), default=None)
    return best if best is not None and shares[best] >= _FOUND else None


def find_places(tables: Sequence[TableProfile], home: Home, looks: Looks) -> dict[str, Place | None]:
    """The place of each table; None for one from which no way leads to customers."""
    listed = home.profile.column(home.column)
    customers = {
        t.name: home.column if t is home.profile else _own(t, home.profile, listed, looks) for t in tables
    }
    keys: dict[str, tuple[tuple[str, ...], bool]] = {}
    for table in tables:
        own = customers[table.name]
        at_home = table is home.profile and not home.derived
        keys[table.name] = (
            ((home.column,), listed.distinct == table.rows) if at_home else _key(table, own, looks)
        )
    ids = {t.name: keys[t.name][0][0] for t in tables if len(keys[t.name][0]) == 1 and keys[t.name][1]}
    places: dict[str, Place | None] = {}
    for table in tables:
        own, (key, unique) = customers[table.name], keys[table.name]
        links = _links(table, ids, tables, looks, own)
        via = (
            next((to for to in links.values() if customers[to.split(".")[0]]), None) if own is None else None
        )
        public = own is None and via is None and _is_public(table)
        if own is None and via is None and not public:
            places[table.name] = None
            continue
        places[table.name] = Place(
            key=key, customer=own, via=via, public=public, references=links, unique=unique
        )
    return _without_lost(places)


def _without_lost(places: dict[str, Place | None]) -> dict[str, Place | None]:
    """References into tables that were left out are not kept."""
    kept: dict[str, Place | None] = {}
    for name, place in places.items():
        if place is None:
            kept[name] = None
            continue
        links = {c: to for c, to in place.references.items() if places[to.split(".")[0]] is not None}
        kept[name] = Place(
            key=place.key, customer=place.customer, via=place.via, public=place.public, references=links,
            unique=place.unique,
        )  # fmt: skip
    return kept


def _links(
    table: TableProfile, ids: Mapping[str, str], tables: Sequence[TableProfile], looks: Looks, own: str | None
) -> dict[str, str]:
    """Columns that refer to the key of another table, which has the same name there."""
    found = {}
    for other in tables:
        name = ids.get(other.name)
        shared = name in [c.name for c in table.columns if c.stored != "nested"]
        if other is table or name is None or name == own or not shared or ids.get(table.name) == name:
            continue
        if looks.overlap(table.name, name, other.name, name) >= _ENOUGH:
            found[name] = f"{other.name}.{name}"
    return found


def _is_public(table: TableProfile) -> bool:
    """Whether a table seems to list goods and holds nothing personal."""
    goods = table_kind(table.stem) == "products" or any(
        c.kind == "product_id" and table.is_near_key(c) for c in table.columns
    )
    facts = [c for c in table.columns if c.kind != "product_id"]
    return goods and not any(c.kind in PERSONAL or c.kind == "customer_id" or c.has_traces for c in facts)


def _key(table: TableProfile, customer: str | None, looks: Looks) -> tuple[tuple[str, ...], bool]:
    """The columns that name a row, and whether (nearly) no two different rows share them."""
    ranked = sorted(
        (c for c in table.columns if c.kind in _ORDER and c.stored != "nested" and c.missing == 0),
        key=lambda c: (_ORDER.index(c.kind), -c.distinct),
    )[:_MOST_TRIED]
    for column in ranked:
        if column.kind in _IDS and column.name != customer and column.distinct >= _ENOUGH * table.rows:
            return (column.name,), True
    whole = looks.different(table.name, None, customer)
    key: list[str] = []
    reached = 0
    for column in ranked:
        if column.name == customer or len(key) == _MOST_KEY:
            continue
        now = looks.different(table.name, [*key, column.name], customer)
        if now > reached or not key:
            key, reached = [*key, column.name], now
        if reached >= 0.9999 * whole:
            break
    if customer is not None and (not key or table.column(key[0]).kind not in _IDS):
        key = [customer, *key]
        reached = looks.different(table.name, key, customer)
    fallback = [c.name for c in table.columns if c.stored != "nested"][:1]
    return tuple(key or fallback), reached >= _ENOUGH * whole
