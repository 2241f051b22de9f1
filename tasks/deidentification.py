"""De-identification: curated tables become the draft of a release, each table under its purpose and product."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.datasets import Writer, read, writing
from infra.engine import scrubbed
from infra.keys import key_id
from infra.manifests import new_version
from models.anonymity.beside import most_rows
from models.anonymity.consent import CUSTOMER, only_allowed, with_customer
from models.anonymity.cuts import forms
from models.anonymity.errors import PolicyError
from models.anonymity.policy import (
    BUCKET,
    UNIT,
    ReleasePlan,
    anonymise,
    deidentify,
    noise_columns,
    noise_key,
    plan_release,
    required_domains,
)
from models.anonymity.published import Facts, population_of
from models.values.dataset import RESERVATION, DatasetRef, LawfulBasis, Manifest, TableEntry
from models.values.secret import SecretBytes
from models.values.spec import ShopSpec
from models.values.stage import Draft, SpecRef, StageReport
from tasks import budget, comparing, measuring, resolve
from tasks.curation import DECISIONS
from tasks.stage import stage

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from models.anonymity.hashing import Hashing
    from models.anonymity.pseudonyms import HmacKey

Tables = dict[str, "ir.Table"]
Made = dict[str, tuple["ir.Table", ReleasePlan]]


@stage(timeout_seconds=3600, tags={"privet"})
def deidentify_tables(pinned: SpecRef, curated: DatasetRef) -> Draft:
    """Write every released table, pseudonymous and (attributes) k-anonymous, as files that nobody sees yet."""
    shop = resolve.spec(pinned)
    with resolve.prepare_bench("de-identify", len(shop.releases)) as bench:
        tables = read(bench.site, bench.engine, curated, resolve.PREPARER)
        ref = DatasetRef(zone="released", name=shop.shop, version=new_version(bench.now))
        with (
            writing(bench.site, bench.engine, resolve.PREPARER, ref) as writer,
            bench.engine.hashing() as hashing,
        ):
            published: Made = {}
            parents = {
                name: _release(bench, shop, name, tables, writer, published, hashing)
                for name in shop.releases
            }
        manifest = _draft(bench, shop, writer, curated)
        return Draft(manifest=manifest, parent_rows=parents, report=_report(bench, manifest, parents))


def _release(
    bench: resolve.Bench,
    shop: ShopSpec,
    name: str,
    tables: Tables,
    writer: Writer,
    published: Made,
    hashing: Hashing | None,
) -> int:
    """Write one released table and note it if it is published; returns the rows that its purpose may use."""
    release, plan = shop.releases[name], plan_release(shop, name)
    # a view: its 64 files are work for all threads, where a small work table would be one thread's
    rows = bench.engine.view(_usable(shop, name, tables), f"usable_{name}")
    keys, of_keys = _keys(bench, shop, name)
    spent = _reserved(bench, shop, plan, rows, writer.ref)
    keys |= {noise_key(column): _drawn(bench) for column in noise_columns(plan)}
    people, unit_key = tables[shop.customers.table], _unit_key(bench, shop, plan)
    masked = deidentify(shop, name, rows, keys, people, unit_key, hashing)
    kept, known = _anonymous(bench, shop, plan, masked, _population(plan, tables, keys), writer.ref)
    linked = _linkable(shop, plan, rows, keys, known)
    measured = _measured(bench, shop, plan, rows, kept, published, linked)
    entry = TableEntry(
        name=name,
        product=release.product,
        purpose=release.purpose,
        columns={},
        rows=0,
        facts=measuring.facts_of(measured) | known | of_keys | spent,
        **measured,
    )
    writer.add(entry, kept)
    bench.advance(len(writer.tables), name)
    return int(rows.count().execute())


def _keys(bench: resolve.Bench, shop: ShopSpec, name: str) -> tuple[dict[str, HmacKey], dict[str, str]]:
    """The derived keys of a release by domain, and what its manifest says of them: names, and the epoch."""
    purpose, epoch = shop.releases[name].purpose, shop.pseudonyms.epoch
    keys = {domain: _key(bench, shop, purpose, domain, epoch) for domain in required_domains(shop, name)}
    named = {f"key_of_{domain}": key_id(key.secret) for domain, key in keys.items()}
    return keys, named | ({"pseudonym_epoch": epoch} if keys and epoch else {})


def _reserved(
    bench: resolve.Bench, shop: ShopSpec, plan: ReleasePlan, rows: ir.Table, ref: DatasetRef
) -> dict[str, float | str]:
    """Budget for the noise of a release, spent before any is drawn; as facts, by which publishing commits it.

    Columns add up, and so do preparations. Raises PolicyError if a customer has more rows than the noise is for.
    """
    noise, spent = noise_columns(plan), dict[str, float | str]()
    if noise:
        most = bench.engine.row(most_rows(rows, CUSTOMER))["most"] or 0
        if most > min(each.rows for each in noise.values()):
            raise PolicyError(
                f"release {plan.release!r}: a customer has more rows than the noise is for; raise rows, or release a "
                "table with fewer rows a customer"
            )
    for column, each in noise.items():
        epsilon, delta = each.spends
        reservation = bench.site.ledger.reserve(
            budget.account(shop),
            epsilon=epsilon,
            delta=delta,
            cap_epsilon=shop.budget.epsilon,
            cap_delta=shop.budget.delta,
            what=f"noise/{plan.release}/{ref.version}",
        )
        spent |= {
            f"epsilon_{column}": epsilon,
            f"delta_{column}": delta,
            f"{RESERVATION}{column}": reservation.id,
        }
    return spent


def _drawn(bench: resolve.Bench) -> HmacKey:
    """A key for the noise of one column of one draft, kept nowhere."""
    return bench.engine.secret(SecretBytes(secrets.token_bytes(32)), f"noise_{secrets.token_hex(8)}")


def _unit_key(bench: resolve.Bench, shop: ShopSpec, plan: ReleasePlan) -> HmacKey | None:
    """The key of the column by which customers are counted in a class; events have no classes."""
    purpose = shop.releases[plan.release].purpose
    return None if plan.anonymity is None else _key(bench, shop, purpose, "unit", None)


def _anonymous(
    bench: resolve.Bench,
    shop: ShopSpec,
    plan: ReleasePlan,
    masked: ir.Table,
    population: ir.Table | None,
    ref: DatasetRef,
) -> tuple[ir.Table, Facts]:
    """The rows that may be published, and what is known of them; events are written as they are, in one pass."""
    if plan.anonymity is None:
        held = "no customers" if shop.tables[plan.table].public else "pseudonymous"
        return masked, {**forms(plan), "protection": held, "minimum_count": shop.minimum_count}
    masked = bench.engine.materialise(masked.drop(BUCKET), f"masked_{plan.release}")
    with scrubbed(f"anonymity of {plan.release}"):
        found = anonymise(plan, masked, population)
    kept = bench.engine.materialise(found.table, f"released_{plan.release}")
    record = comparing.recorded(plan, found.facts, ref.version)
    kept = comparing.steady(bench, shop, plan, kept, record)
    said = Facts(protection="k-anonymous", minimum_count=shop.minimum_count, asked_k=plan.anonymity.k)
    return kept, found.facts | record | said


def _linkable(
    shop: ShopSpec, plan: ReleasePlan, raw: ir.Table, keys: Mapping[str, HmacKey], known: Facts
) -> ir.Table | None:
    """What somebody knows who looks for customers in a published table, in its form; None where none can be told apart.

    That is a table of one row a customer with sensitive columns, whose classes are not cut anew each time.
    """
    entry = shop.tables[plan.table]
    if plan.anonymity is None or not plan.sensitive or entry.key != (entry.customer,):
        return None
    match plan.anonymity.search:
        case "mondrian":
            return None
        case "none":
            return population_of(plan, raw, keys, beside=plan.sensitive)
        case _:
            return population_of(plan, raw, keys, known, plan.sensitive)


def _measured(  # what the table is made of, and what it is judged beside
    bench: resolve.Bench,
    shop: ShopSpec,
    plan: ReleasePlan,
    raw: ir.Table,
    kept: ir.Table,
    published: Made,
    linked: ir.Table | None,
) -> dict[str, Any]:
    """The measures of a published table, which joins those before it; events are not published."""
    if plan.anonymity is None:
        return {}
    published[plan.release] = (kept, plan)
    masked = bench.engine.ibis.table(f"masked_{plan.release}").drop(UNIT)
    return measuring.measured(bench, shop, plan, raw, masked, published, linked)


def _population(plan: ReleasePlan, tables: Tables, keys: dict[str, HmacKey]) -> ir.Table | None:
    """The public table that presence is measured against, if the release asks for it."""
    named = None if plan.anonymity is None else plan.anonymity.population
    return None if named is None else population_of(plan, tables[named], keys)


def _usable(shop: ShopSpec, name: str, tables: Tables) -> ir.Table:
    """The rows of a release's raw table whose customers its purpose may use; all of a table without customers."""
    release = shop.releases[name]
    if shop.tables[release.table].public:
        return tables[release.table]
    via = shop.tables[release.table].customer_via
    owned = with_customer(
        shop, release.table, tables[release.table], tables[via.split(".")[0]] if via else None
    )
    decisions = tables[DECISIONS]
    return only_allowed(owned, decisions.filter(decisions.purpose == release.purpose), CUSTOMER)


def _key(bench: resolve.Bench, shop: ShopSpec, purpose: str, domain: str, epoch: str | None) -> HmacKey:
    secret = bench.site.keys.derive(
        resolve.PREPARER, shop=shop.shop, purpose=purpose, domain=domain, epoch=epoch
    )
    return bench.engine.secret(secret, f"derived_{key_id(secret)}")


def _draft(bench: resolve.Bench, shop: ShopSpec, writer: Writer, curated: DatasetRef) -> Manifest:
    return Manifest(
        ref=writer.ref,
        shop=shop.shop,
        synthetic=shop.synthetic,
        created_at=bench.now,
        policy_hash=shop.policy_hash(),
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
