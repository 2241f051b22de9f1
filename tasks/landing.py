"""Landing: the shop's own files become an encrypted raw data set, split by customer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from expectations.contracts.compiled import columns_of, dropped_columns
from infra.datasets import Writer
from infra.manifests import new_version, publish
from models.anonymity.pseudonyms import bucket
from models.values.dataset import DatasetRef, Manifest, TableEntry
from models.values.spec import ShopSpec
from models.values.stage import SpecRef, StageReport
from tasks import resolve
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

BUCKET = "_bucket"


@stage(timeout_seconds=3600, tags={"privet"})
def land(pinned: SpecRef) -> StageReport:
    """Read every table of the spec, drop what the spec does not name, and publish the raw data set."""
    shop = resolve.spec(pinned)
    with resolve.bench() as bench:
        found = {name: _source(bench, shop, name, Path(pinned.path).parent) for name in shop.tables}
        dropped = tuple(column for name in shop.tables for column in dropped_columns(shop, name, found[name]))
        raw = {name: _named(bench, shop, name, found[name]) for name in shop.tables}
        manifest = _write(bench, shop, raw, dropped)
        publish(bench.site.store, manifest)
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
    path = folder / table.source
    if table.format == "parquet":
        return bench.engine.read_parquet(path)
    return bench.engine.read_csv(path, encoding=table.encoding)


def _named(bench: resolve.Bench, shop: ShopSpec, name: str, found: ir.Table) -> ir.Table:
    return bench.engine.materialise(columns_of(shop, name, found), f"raw_{name}")


def _write(bench: resolve.Bench, shop: ShopSpec, raw: dict[str, ir.Table], dropped: tuple[str, ...]) -> Manifest:
    ref = DatasetRef(zone="raw", name=shop.shop, version=new_version(bench.now))
    writer = Writer(site=bench.site, engine=bench.engine, principal=resolve.PREPARER, ref=ref)
    for name in shop.tables:
        entry = TableEntry(name=name, product="raw", columns={}, rows=0)
        bucketed = with_bucket(bench, shop, name, raw)
        writer.add(entry, bucketed, bucket_column=None if shop.tables[name].public else BUCKET)
    return Manifest(
        ref=ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.digest(),
        tables=tuple(writer.tables),
        files=tuple(writer.files),
        dropped_columns=dropped,
    )


def with_bucket(bench: resolve.Bench, shop: ShopSpec, name: str, tables: dict[str, ir.Table]) -> ir.Table:
    """A table with the bucket of each row's customer, by keyed hash; a row of no known customer goes by its own id."""
    table, rows = shop.tables[name], tables[name]
    if table.public:
        return rows
    key = bench.engine.secret(
        bench.site.keys.derive(resolve.PREPARER, shop=shop.shop, purpose="storage", domain="bucket"), "bucket"
    )
    if table.customer is not None:
        return rows.mutate(**{BUCKET: bucket(rows[table.customer].cast("string").fill_null(""), key)})
    assert table.customer_via is not None
    other, link = table.customer_via.split(".")
    owner = shop.tables[other].customer
    owners = tables[other].group_by(_link=tables[other][link]).agg(_owner=tables[other][owner].min())
    joined = rows.left_join(owners, rows[link] == owners["_link"])
    customer = joined["_owner"].cast("string").fill_null(joined[link].cast("string")).fill_null("")
    return joined.mutate(**{BUCKET: bucket(customer, key)}).drop("_link", "_owner")
