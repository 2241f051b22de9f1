"""Landing: the shop's own files become an encrypted raw data set, split by customer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ibis

from expectations.contracts.compiled import columns_of, dropped_columns
from infra.datasets import writing
from infra.engine_files import folders
from infra.manifests import new_version, publish
from models.anonymity.pseudonyms import bucket
from models.values.dataset import DatasetRef, Manifest, TableEntry
from models.values.spec import ShopSpec
from models.values.stage import SpecRef, StageReport
from tasks import resolve
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.anonymity.pseudonyms import HmacKey

BUCKET = "_bucket"


@stage(timeout_seconds=3600, tags={"privet"})
def land(pinned: SpecRef) -> StageReport:
    """Read every table of the spec, drop what the spec does not name, and publish the raw data set."""
    shop = resolve.spec(pinned)
    with resolve.prepare_bench("land", 2 * len(shop.tables)) as bench:
        found: dict[str, ir.Table] = {}
        for name in shop.tables:
            found[name] = _source(bench, shop, name, Path(pinned.path).parent)
            bench.advance(len(found), name)
        dropped = tuple(column for name in shop.tables for column in dropped_columns(shop, name, found[name]))
        raw = {name: columns_of(shop, name, found[name]) for name in shop.tables}
        manifest = _write(bench, shop, raw, dropped)
        rows = {table.name: table.rows for table in manifest.tables}
        return StageReport(
            stage="land",
            output=manifest.ref,
            rows_in=rows,
            rows_out=rows,
            dropped_columns=dropped,
            seconds=bench.seconds,
        )


def _source(bench: resolve.Bench, shop: ShopSpec, name: str, folder: Path) -> ir.Table:
    table = shop.tables[name]
    path, within = folder / table.source, folders(folder, shop.roots)
    if table.format == "parquet":
        return bench.engine.read_parquet(path, within)
    return bench.engine.read_csv(path, encoding=table.encoding, within=within)


def _write(
    bench: resolve.Bench, shop: ShopSpec, raw: dict[str, ir.Table], dropped: tuple[str, ...]
) -> Manifest:
    ref = DatasetRef(zone="raw", name=shop.shop, version=new_version(bench.now))
    buckets = customers_buckets(bench, shop, raw)
    with writing(bench.site, bench.engine, resolve.PREPARER, ref) as writer:
        for name, table in shop.tables.items():
            entry = TableEntry(name=name, product="raw", columns={}, rows=0)
            bucketed = with_bucket(shop, name, raw, buckets)
            writer.add(entry, bucketed, bucket_column=None if table.public else BUCKET)
            bench.advance(len(raw) + len(writer.tables), name)
        manifest = Manifest(
            ref=ref,
            shop=shop.shop,
            synthetic=shop.synthetic,
            created_at=bench.now,
            policy_hash=shop.policy_hash(),
            tables=tuple(writer.tables),
            files=tuple(writer.files),
            dropped_columns=dropped,
        )
        publish(bench.site.store, manifest)
    return manifest


def customers_buckets(bench: resolve.Bench, shop: ShopSpec, tables: dict[str, ir.Table]) -> ir.Table:
    """Every customer of the tables once, as text, with its bucket by keyed hash: hashing rows would cost far more."""
    key = bucket_key(bench, shop)
    named = [
        tables[name].select(_customer=tables[name][table.customer].cast("string")).distinct()
        for name, table in shop.tables.items()
        if table.customer is not None
    ]
    once = ibis.union(*named, distinct=True) if len(named) > 1 else named[0]
    return bench.engine.materialise(once.mutate(**{BUCKET: bucket(once["_customer"], key)}), "of_customers")


def bucket_key(bench: resolve.Bench, shop: ShopSpec) -> HmacKey:
    """The key of the hash that spreads customers over the buckets of raw and curated data."""
    secret = bench.site.keys.derive(resolve.PREPARER, shop=shop.shop, purpose="storage", domain="bucket")
    return bench.engine.secret(secret, "bucket")


def with_bucket(shop: ShopSpec, name: str, tables: dict[str, ir.Table], buckets: ir.Table) -> ir.Table:
    """A table with the bucket of each row's customer; rows of no known customer go to bucket 0."""
    table, rows = shop.tables[name], tables[name]
    if table.public:
        return rows
    if table.customer is not None:
        return _joined(rows, rows[table.customer].cast("string"), buckets)
    assert table.customer_via is not None
    other, link = table.customer_via.split(".")
    customer = shop.tables[other].customer
    owners = tables[other].group_by(_link=tables[other][link]).agg(_owner=tables[other][customer].min())
    links = owners.join(buckets, owners["_owner"].cast("string") == buckets["_customer"])
    return _joined(rows, rows[link], links.select(_customer="_link", **{BUCKET: links[BUCKET]}))


def _joined(rows: ir.Table, customer: ir.Value, buckets: ir.Table) -> ir.Table:
    joined = rows.left_join(buckets, customer == buckets["_customer"])
    return joined.select(*rows.columns, **{BUCKET: joined[BUCKET].fill_null(0)})
