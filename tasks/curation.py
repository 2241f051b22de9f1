"""Curation: what passes its contract and what consent allows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import ibis

from expectations.contracts.compiled import accepted, compile_rules, count_broken, rejected
from expectations.contracts.order import contract_order
from expectations.contracts.suspicion import refuse_suspicious
from infra.datasets import Writer, read, writing
from infra.manifests import new_version, publish
from models.anonymity.consent import CUSTOMER, allowed, with_customer
from models.anonymity.pseudonyms import bucket
from models.values.dataset import DatasetRef, Manifest, RuleCount, TableEntry
from models.values.spec import ShopSpec
from models.values.stage import Curated, SpecRef, StageReport
from tasks import resolve
from tasks.landing import BUCKET, bucket_key
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

DECISIONS = "consent_decisions"
Tables = dict[str, "ir.Table"]


@stage(timeout_seconds=3600, tags={"privet"})
def curate(pinned: SpecRef, landed: StageReport) -> Curated:
    """Check every table, set rejected rows aside, keep customers whom some purpose may use; publish the rest."""
    shop = resolve.spec(pinned)
    with resolve.prepare_bench("check and filter", 2 * len(shop.tables)) as bench:
        assert landed.output is not None
        raw = read(bench.site, bench.engine, landed.output, resolve.PREPARER)
        good, contract = _contract(bench, shop, raw, landed)
        kept, decisions = _consent(bench, shop, good)
        manifest = _publish(bench, shop, kept, decisions, contract.rejected, landed.output)
        consent = _consent_report(manifest, contract, bench.seconds)
        return Curated(output=manifest.ref, contract=contract, consent=consent)


def _contract(
    bench: resolve.Bench, shop: ShopSpec, raw: Tables, landed: StageReport
) -> tuple[Tables, StageReport]:
    good: Tables = {}
    bad: Tables = {}
    counts: list[RuleCount] = []
    for name in contract_order(shop):
        checked = compile_rules(shop, name, raw[name], good, now=bench.now)
        checked = replace(checked, parsed=bench.engine.materialise(checked.parsed, f"checked_{name}"))
        counts += count_broken(checked)
        good[name], bad[name] = accepted(checked), rejected(checked)
        refuse_suspicious(shop, name, good[name])
        bench.advance(len(good), name)
    assert landed.output is not None
    aside = _set_aside(bench, shop, bad, tuple(counts), landed.output)
    broken = {name: sum(count.rows for count in counts if count.table == name) for name in shop.tables}
    return good, StageReport(
        stage="contract",
        output=aside,
        rows_in=landed.rows_out,
        rows_out={name: landed.rows_out[name] - broken[name] for name in shop.tables},
        rejected=tuple(counts),
        seconds=bench.seconds,
    )


def _set_aside(
    bench: resolve.Bench, shop: ShopSpec, bad: Tables, counts: tuple[RuleCount, ...], parent: DatasetRef
) -> DatasetRef | None:
    """Rejected rows, encrypted, for the shop's own repair; None if nothing was rejected."""
    broken = [name for name in bad if any(count.table == name and count.rows for count in counts)]
    if not broken:
        return None
    ref = DatasetRef(zone="quarantine", name=shop.shop, version=new_version(bench.now))
    with writing(bench.site, bench.engine, resolve.PREPARER, ref) as writer:
        for name in broken:
            writer.add(TableEntry(name=name, product="raw", columns={}, rows=0), bad[name])
        return publish(bench.site.store, _manifest(bench, shop, writer, counts, parent))


def _consent(bench: resolve.Bench, shop: ShopSpec, good: Tables) -> tuple[Tables, ir.Table]:
    """Each table's rows of customers whom some purpose may use, in their buckets, and the decisions by purpose."""
    consents = good[shop.consent.table] if shop.consent else None
    customers = good[shop.customers.table]
    by_purpose = [
        allowed(shop, consents, customers, name).mutate(purpose=ibis.literal(name)) for name in shop.purposes
    ]
    decisions = bench.engine.materialise(
        ibis.union(*by_purpose) if len(by_purpose) > 1 else by_purpose[0], "decisions"
    )
    anyone = decisions.select(_customer="customer").distinct()
    anyone = anyone.mutate(**{BUCKET: bucket(anyone["_customer"].cast("string"), bucket_key(bench, shop))})
    anyone = bench.engine.materialise(anyone, "of_customers")
    return {name: _of_allowed(shop, name, good, anyone) for name in shop.tables}, decisions


def _consent_report(manifest: Manifest, contract: StageReport, seconds: float) -> StageReport:
    rows_in = contract.rows_out
    rows_out = {table.name: table.rows for table in manifest.tables if table.name != DECISIONS}
    refused = tuple(
        RuleCount(table=name, rule="no purpose may use the customer", rows=rows_in[name] - rows)
        for name, rows in rows_out.items()
        if rows_in[name] > rows
    )
    return StageReport(
        stage="consent",
        output=manifest.ref,
        rows_in=rows_in,
        rows_out=rows_out,
        rejected=refused,
        seconds=round(seconds - contract.seconds, 2),
    )


def _of_allowed(shop: ShopSpec, name: str, good: Tables, anyone: ir.Table) -> ir.Table:
    entry = shop.tables[name]
    if entry.public:
        return good[name]
    parent = good[entry.customer_via.split(".")[0]] if entry.customer_via else None
    owned = with_customer(shop, name, good[name], parent)
    return owned.join(anyone, owned[CUSTOMER] == anyone["_customer"]).drop(CUSTOMER, "_customer")


def _publish(
    bench: resolve.Bench,
    shop: ShopSpec,
    kept: Tables,
    decisions: ir.Table,
    counts: tuple[RuleCount, ...],
    parent: DatasetRef,
) -> Manifest:
    ref = DatasetRef(zone="curated", name=shop.shop, version=new_version(bench.now))
    with writing(bench.site, bench.engine, resolve.PREPARER, ref) as writer:
        for name in kept:
            entry = TableEntry(name=name, product="curated", columns={}, rows=0)
            writer.add(entry, kept[name], bucket_column=None if shop.tables[name].public else BUCKET)
            bench.advance(len(kept) + len(writer.tables), name)
        writer.add(TableEntry(name=DECISIONS, product="curated", columns={}, rows=0), decisions)
        manifest = _manifest(bench, shop, writer, counts, parent)
        publish(bench.site.store, manifest)
    return manifest


def _manifest(
    bench: resolve.Bench, shop: ShopSpec, writer: Writer, counts: tuple[RuleCount, ...], parent: DatasetRef
) -> Manifest:
    return Manifest(
        ref=writer.ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.policy_hash(),
        parents=(parent,),
        tables=tuple(writer.tables),
        files=tuple(writer.files),
        rejected=counts,
    )
