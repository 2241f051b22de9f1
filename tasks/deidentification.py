"""De-identification: curated tables become the draft of a release, each table under its purpose and product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.datasets import Writer, read, writing
from infra.manifests import new_version
from models.anonymity.consent import CUSTOMER, only_allowed, with_customer
from models.anonymity.measures import facts
from models.anonymity.policy import (
    BUCKET,
    UNIT,
    ReleasePlan,
    anonymise,
    deidentify,
    plan_release,
    required_domains,
)
from models.values.dataset import DatasetRef, LawfulBasis, Manifest, TableEntry
from models.values.spec import ShopSpec
from models.values.stage import Draft, SpecRef, StageReport
from tasks import resolve
from tasks.curation import DECISIONS
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.anonymity.pseudonyms import HmacKey

Tables = dict[str, "ir.Table"]


@stage(timeout_seconds=3600, tags={"privet"})
def deidentify_tables(pinned: SpecRef, curated: DatasetRef) -> Draft:
    """Write every released table, pseudonymous and (attributes) k-anonymous, as files that nobody sees yet."""
    shop = resolve.spec(pinned)
    with resolve.bench("de-identify", len(shop.releases)) as bench:
        tables = read(bench.site, bench.engine, curated, resolve.PREPARER)
        ref = DatasetRef(zone="released", name=shop.shop, version=new_version(bench.now))
        with writing(bench.site, bench.engine, resolve.PREPARER, ref) as writer:
            parents = {name: _release(bench, shop, name, tables, writer) for name in shop.releases}
        manifest = _draft(bench, shop, writer, curated)
        return Draft(manifest=manifest, parent_rows=parents, report=_report(bench, manifest, parents))


def _release(bench: resolve.Bench, shop: ShopSpec, name: str, tables: Tables, writer: Writer) -> int:
    """Write one released table; returns the rows of its parent that its purpose may use."""
    release, plan = shop.releases[name], plan_release(shop, name)
    # a view: its 64 files are work for all threads, where a small work table would be one thread's
    rows = bench.engine.view(_usable(shop, name, tables), f"usable_{name}")
    keys = {domain: _key(bench, shop, release.purpose, domain) for domain in required_domains(shop, name)}
    masked = deidentify(shop, name, rows, keys, tables[shop.customers.table], _unit_key(bench, shop, plan))
    kept, facts_row = _anonymous(bench, plan, masked)
    entry = TableEntry(
        name=name,
        product=release.product,
        purpose=release.purpose,
        columns={},
        rows=0,
        facts={key: value for key, value in facts_row.items() if value is not None},
    )
    writer.add(entry, kept)
    bench.advance(len(writer.tables), name)
    return int(rows.count().execute())


def _unit_key(bench: resolve.Bench, shop: ShopSpec, plan: ReleasePlan) -> HmacKey | None:
    """The key of the column by which customers are counted in a class; events have no classes."""
    purpose = shop.releases[plan.release].purpose
    return None if plan.anonymity is None else _key(bench, shop, purpose, "unit")


def _anonymous(
    bench: resolve.Bench, plan: ReleasePlan, masked: ir.Table
) -> tuple[ir.Table, dict[str, float | int | str | None]]:
    """The rows that may be published, and what is known of them; events are written as they are, in one pass."""
    if plan.anonymity is None:
        return masked, {}
    masked = bench.engine.materialise(masked.drop(BUCKET), f"masked_{plan.release}")
    kept = bench.engine.materialise(anonymise(plan, masked), f"released_{plan.release}")
    return kept, bench.engine.row(facts(masked.drop(UNIT), kept, plan.quasi, plan.sensitive))


def _usable(shop: ShopSpec, name: str, tables: Tables) -> ir.Table:
    """The rows of a release's raw table whose customers its purpose may use."""
    release = shop.releases[name]
    via = shop.tables[release.table].customer_via
    owned = with_customer(
        shop, release.table, tables[release.table], tables[via.split(".")[0]] if via else None
    )
    decisions = tables[DECISIONS]
    return only_allowed(owned, decisions.filter(decisions.purpose == release.purpose), CUSTOMER)


def _key(bench: resolve.Bench, shop: ShopSpec, purpose: str, domain: str) -> HmacKey:
    secret = bench.site.keys.derive(resolve.PREPARER, shop=shop.shop, purpose=purpose, domain=domain)
    return bench.engine.secret(secret, f"{purpose}_{domain}")


def _draft(bench: resolve.Bench, shop: ShopSpec, writer: Writer, curated: DatasetRef) -> Manifest:
    return Manifest(
        ref=writer.ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.digest(),
        parents=(curated,),
        tables=tuple(writer.tables),
        files=tuple(writer.files),
        bases=tuple(
            LawfulBasis(purpose=name, regime=regime, basis=basis, reason=purpose.reason)
            for name, purpose in shop.purposes.items()
            for regime, basis in purpose.basis.items()
        ),
    )


def _report(bench: resolve.Bench, manifest: Manifest, parents: dict[str, int]) -> StageReport:
    rows = {table.name: table.rows for table in manifest.tables}
    return StageReport(stage="de-identify", rows_in=parents, rows_out=rows, seconds=bench.seconds)
