"""Comparing: a release beside the earlier ones of its shop, which are still retained. The registry of releases.

What was published stays known, so that a new table is compared with every table of the same raw table that is still
kept: while it is made, rows stay out until no difference is too small (`models.anonymity.steady`); and once more at the
gate, on the bytes that would be published, whatever their columns and cuts (`models.anonymity.differencing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from infra.datasets import read
from infra.keys import NoSuchKey
from infra.manifests import MANIFEST, open_manifest
from models.anonymity.cuts import SOURCE, columns_of, forms
from models.anonymity.differencing import Shown, unsafe
from models.anonymity.measures import suppress as without_small_classes
from models.anonymity.published import LEVEL
from models.anonymity.search.ladder import AS_WRITTEN
from models.anonymity.steady import steadied
from models.values.dataset import DatasetRef, GateCheck, Manifest, TableEntry
from models.values.errors import PrivetError
from models.values.spec import ShopSpec
from tasks import resolve

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from infra.access import Principal
    from models.anonymity.policy import ReleasePlan

Facts = Mapping[str, float | int | str | None]
RULE = "differencing: comparing the table with another release of the shop leaves no small group"
UNEVALUATED = "could not be evaluated"


def recorded(plan: ReleasePlan, facts: Facts, version: str) -> dict[str, float | int | str]:
    """What a table's record says of the forms of its columns.

    Classes of their own (mondrian) are cut anew each time, so that their columns are like no others.
    """
    levels = {name: str(facts.get(f"{LEVEL}{name}", AS_WRITTEN)) for name in plan.quasi}
    if facts.get("search") == "mondrian":
        levels = dict.fromkeys(plan.quasi, version)
    return forms(plan, {name: level for name, level in levels.items() if level != AS_WRITTEN})


def steady(
    bench: resolve.Bench,
    shop: ShopSpec,
    plan: ReleasePlan,
    table: ir.Table,
    record: Mapping[str, float | int | str],
) -> ir.Table:
    """`table` without the rows that must stay out because of earlier versions of the same columns and cuts.

    A class that lost rows may now be too uniform and then goes, too. What else was asked of classes, the gate judges.
    """
    assert plan.anonymity is not None, "events are not published"
    own, wanted = columns_of(record), plan.anonymity
    versions = [
        shown.table
        for shown in earlier(bench, shop, resolve.PREPARER, plan.table)
        if dict(shown.columns) == own
    ]
    if not versions:
        return table
    entry = shop.tables[plan.table]
    kept = steadied(
        table,
        plan.quasi,
        versions,
        wanted.k,
        bench.engine.rows,
        whole_classes=entry.key != (entry.customer,),
    )
    kept = bench.engine.materialise(kept, f"steady_{plan.release}")
    whole = without_small_classes(kept, plan.quasi, plan.sensitive, wanted.k, wanted.l)
    return bench.engine.materialise(whole, f"whole_{plan.release}")


def earlier(bench: resolve.Bench, shop: ShopSpec, principal: Principal, source: str) -> list[Shown]:
    """The published attribute tables of the shop that were made of the raw table `source`, oldest first.

    Left out are releases whose keys are destroyed: they have expired, and nobody can read them any more. One that is
    damaged stops the run, since nothing can be said of what it shows.
    """
    prefix = f"released/{shop.shop}/"
    found = []
    for key in bench.site.store.list(prefix):
        if not key.endswith(f"/{MANIFEST}"):
            continue
        manifest = open_manifest(bench.site.store, DatasetRef.parse(key.removesuffix(f"/{MANIFEST}")))
        for entry in manifest.tables:
            if is_published(entry, source):
                with suppress(NoSuchKey):
                    found.append(_shown(bench, manifest, entry, principal))
    return found


def is_published(entry: TableEntry, source: str) -> bool:
    """Whether a table is a published one of a raw table, by its record."""
    return entry.product == "attributes" and entry.facts.get(SOURCE) == source


def _shown(bench: resolve.Bench, manifest: Manifest, entry: TableEntry, principal: Principal) -> Shown:
    purposes = {entry.name: entry.purpose or ""}
    tables = read(bench.site, bench.engine, manifest, principal, tables=[entry.name], purposes=purposes)
    return Shown(table=tables[entry.name], columns=columns_of(entry.facts))


def compared(
    bench: resolve.Bench, shop: ShopSpec, draft: Manifest, tables: Mapping[str, ir.Table]
) -> tuple[GateCheck, ...]:
    """For each published table of a draft, whether it may stand beside earlier ones, and those before it."""
    checks: list[GateCheck] = []
    before: list[tuple[str, Shown]] = []
    for entry in draft.tables:
        source, release = entry.facts.get(SOURCE), shop.releases[entry.name]
        if release.anonymity is None:
            continue
        new = Shown(table=tables[entry.name], columns=columns_of(entry.facts))
        try:
            others = earlier(bench, shop, resolve.GATEKEEPER, str(source))
            others += [shown for other, shown in before if other == source]
            held = bool(new.columns) and not any(
                _broken(bench, new, old, release.anonymity.k) for old in others
            )
            detail = f"compared with {len(others)} published tables"
        except PrivetError:
            held, detail = False, UNEVALUATED
        checks.append(GateCheck(table=entry.name, rule=RULE, passed=held, detail=detail))
        before.append((str(source), new))
    return tuple(checks)


def _broken(bench: resolve.Bench, new: Shown, old: Shown, k: int) -> bool:
    return any(int(bench.engine.row(question)["broken"]) > 0 for question in unsafe(new, old, k))
