"""The proposed shop: tables, keys, ways to customers, columns and releases, from profiles and further looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from posixpath import dirname

from models.shop.profiling.columns import FEW, MINIMUM, Setting, domain_of, propose
from models.shop.profiling.headers import PERSONAL, words_of
from models.shop.profiling.profile import ColumnProfile, Looks, TableProfile, ValueCount
from models.shop.profiling.proposal import ProposedColumn, ProposedShop, ProposedTable
from models.shop.profiling.structure import Home, Place, find_home, find_places
from models.values.scope import disclose
from models.values.spec import Anonymity, Release, Table

PURPOSE = "analytics"
_MOST_COLUMNS, _WIDE = 20_000, 500
_VARYING = 0.01


def propose_shop(
    name: str, tables: Sequence[TableProfile], looks: Looks, *, today: date, customer: str | None = None
) -> ProposedShop:
    """A shop for these files; `customer` is the column that tells customers apart, if the user says so.

    Errors: NoCustomersFound.
    """
    home = find_home(tables, looks, customer)
    places = find_places(tables, home, looks)
    domains = _domains(tables, home, places)
    proposed = [
        _table(table, place, home, domains, looks, today)
        for table in tables
        if (place := places[table.name]) is not None
    ]
    if home.derived:
        proposed.insert(0, _derived(home, domains, looks, today))
    consent = _consent(tables, places)
    kept = tuple(c for table in proposed for c in table.columns if c.column and c.column.type == "timestamp")
    local = {c.name for t in tables for c in t.columns if c.is_local_time}
    return ProposedShop(
        shop=name,
        customers=home.table,
        tables=tuple(proposed),
        releases=_releases(
            [t for t in proposed if consent is None or t.name != consent["table"]], home.table
        ),
        local_times=any(c.name in local for c in kept),
        consent=consent,
        left_out=tuple(t.source for t in tables if places[t.name] is None),
        roots=_roots([t.table.source for t in proposed]),
    )


def _roots(sources: Sequence[str]) -> tuple[str, ...]:
    """The folders of sources that lie outside the spec's own."""
    return tuple(sorted({dirname(source) for source in sources if source.split("/")[0] == ".."}))


def _domains(
    tables: Sequence[TableProfile], home: Home, places: dict[str, Place | None]
) -> dict[tuple[str, str], str]:
    """The pseudonym domain of each column: what refers to something has the domain of what it refers to."""
    found = {(t.name, c.name): domain_of(c) for t in tables for c in t.columns}
    customer = domain_of(home.profile.column(home.column))
    found[home.table, home.column] = customer
    for name, place in places.items():
        if place is None:
            continue
        for column, target in place.references.items():
            table, _, key = target.partition(".")
            found[name, column] = found[table, key]
        if place.customer:
            found[name, place.customer] = customer
    return found


def _table(
    table: TableProfile,
    place: Place,
    home: Home,
    domains: dict[tuple[str, str], str],
    looks: Looks,
    today: date,
) -> ProposedTable:
    columns = []
    needed = {*place.key, place.customer, *place.references}
    for number, column in enumerate(table.columns):
        if number >= _MOST_COLUMNS and column.name not in needed:
            continue
        is_customer = column.name == place.customer
        at_home = table is home.profile and not home.derived
        reference = place.references.get(column.name)
        if is_customer and not at_home:
            reference = f"{home.table}.{home.column}"
        setting = Setting(
            public=place.public,
            is_key=column.name in place.key,
            is_customer=is_customer,
            references=reference,
            domain=domains[table.name, column.name],
            counts=_counts(table, column, place, looks),
            today=today,
        )
        columns.append(propose(column, setting))
    listed = [c for c in columns if c.name in needed or _is_kept(c)] if len(columns) > _WIDE else columns
    return ProposedTable(
        name=table.name,
        table=Table(
            source=table.source,
            format=table.format,
            encoding=table.encoding,
            key=place.key,
            customer=place.customer,
            customer_via=place.via,
            public=place.public,
            columns={c.name: c.column for c in listed if c.column},
        ),
        columns=tuple(listed),
        remarks=(*_remarks(table, place), *_unlisted(columns, listed)),
    )


def _is_kept(proposed: ProposedColumn) -> bool:
    return proposed.column is not None and proposed.column.effective_transform(proposed.name).kind != "drop"


def _unlisted(columns: Sequence[ProposedColumn], listed: Sequence[ProposedColumn]) -> list[str]:
    """How many columns of a wide table are left out, as what is not named is dropped anyway."""
    if len(listed) == len(columns):
        return []
    personal = sum(c.kind in PERSONAL for c in columns) - sum(c.kind in PERSONAL for c in listed)
    return [
        f"{len(columns) - len(listed)} columns that would be dropped are not listed ({personal} of them hold personal "
        "data); `privet plan` names them"
    ]


def _counts(table: TableProfile, column: ColumnProfile, place: Place, looks: Looks) -> Sequence[ValueCount]:
    """The values of a column of few words, asked only where they might be listed."""
    asked = place.customer is not None and column.type == "string" and 1 < column.distinct <= FEW
    if not asked or place.customer is None or column.kind in PERSONAL or column.stored == "nested":
        return ()
    return looks.counts(table.name, column.name, place.customer)


def _remarks(table: TableProfile, place: Place) -> tuple[str, ...]:
    found = []
    if len(table.columns) > _MOST_COLUMNS:
        found.append(f"only the first {_MOST_COLUMNS} columns are described, the others are dropped")
    if not place.unique:
        found.append(
            f"CHOOSE: rows that share {', '.join(place.key)} and differ will be set aside; is this the key?"
        )
    if place.public:
        found.append("CHOOSE: taken for a table without customers' data; if it has any, name its customer")
    missing = table.column(place.customer).missing if place.customer else 0
    if missing:
        rows = disclose(missing, minimum=MINIMUM, public=False)
        found.append(f"{rows} rows have no {place.customer}; they will be counted and set aside")
    return tuple(found)


def _derived(home: Home, domains: dict[tuple[str, str], str], looks: Looks, today: date) -> ProposedTable:
    """The list of customers made of the different customers of another table."""
    source, column = home.profile, home.profile.column(home.column)
    own = propose(column, _plain(is_customer=True, domain=domains[home.table, home.column], today=today))
    offers: list[ProposedColumn] = []
    listed = [own]
    for other in source.columns:
        if other.kind not in ("country", "region", "gender", "age", "birth_date", "postcode", *PERSONAL):
            continue
        if other.name == home.column or other.stored == "nested":
            continue
        varying = looks.varying(source.name, other.name, home.column)
        proposed = propose(other, _plain(is_customer=False, domain="", today=today))
        if varying == 0:
            listed.append(proposed)
        elif varying <= _VARYING:
            offers.append(proposed)
    return ProposedTable(
        name=home.table,
        table=Table(
            source=source.source,
            format=source.format,
            encoding=source.encoding,
            distinct=True,
            key=(home.column,),
            customer=home.column,
            columns={c.name: c.column for c in listed if c.column},
        ),
        columns=tuple(listed),
        remarks=("no file lists the customers: these are the different ones of the file below",),
        offers=tuple(offers),
    )


def _plain(*, is_customer: bool, domain: str, today: date) -> Setting:
    return Setting(
        public=False,
        is_key=is_customer,
        is_customer=is_customer,
        references=None,
        domain=domain,
        counts=(),
        today=today,
    )


def _releases(tables: Sequence[ProposedTable], home: str) -> dict[str, Release]:
    """One table of events for each table that has more to tell than its keys, and published profiles of customers."""
    found: dict[str, Release] = {}
    for table in tables:
        leaving = {c.name: c.column for c in table.columns if c.column and _leaves(c)}
        facts = [name for name, column in leaving.items() if column.role not in ("key", "identifier")]
        if table.table.public or not facts:
            continue
        found[f"{table.name[:32]}_events"] = Release(
            product="events", table=table.name, purpose=PURPOSE, columns=tuple(leaving)
        )
        quasi = [name for name, column in leaving.items() if column.role == "quasi_identifier"]
        if table.name == home and quasi:
            sensitive = [
                name for name, column in leaving.items() if column.role == "sensitive" and column.values
            ]
            found["customer_profiles"] = Release(
                product="attributes",
                table=table.name,
                purpose=PURPOSE,
                columns=(*quasi, *sensitive),
                anonymity=Anonymity(k=10, l=2 if sensitive else 1, suppression_limit=0.1),
            )
    return found


def _leaves(proposed: ProposedColumn) -> bool:
    assert proposed.column is not None
    transform = proposed.column.transform
    return proposed.column.role != "free_text" and (transform is None or transform.kind != "drop")


def _consent(tables: Sequence[TableProfile], places: dict[str, Place | None]) -> dict[str, str] | None:
    """The table of customers' choices, if one has a purpose, a state and a time by their names."""
    for table in tables:
        place = places[table.name]
        if place is None or place.customer is None:
            continue
        found = {"table": table.name}
        for column in table.columns:
            words = words_of(column.name)
            if words == "purpose" or column.name in ("用途", "目的"):
                found["purpose"] = column.name
            elif words in ("state", "consent", "choice", "consent state") or column.name in ("状态", "同意"):
                found["state"] = column.name
            elif column.kind == "time" and column.type in ("timestamp", "date"):
                found["recorded_at"] = column.name
        if len(found) == 4:
            return found
    return None
